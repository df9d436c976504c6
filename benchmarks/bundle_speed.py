"""Measures how long a ledger of 5 MB takes to read and write: python benchmarks/bundle_speed.py.

It is compared with json.loads of the same bytes. The bundle is synthetic: deployments with a stub and lead times each,
model versions, incidents, obligations, alerts and observations of an alias.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import PAIRS, Medians, Row, cost_of, in_pairs, show
from flowjoy.domain import Action, AlertState, AliasObservation, Outcome, Status, Waiver
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import PastDriftCheck
from flowjoy.ledger.bundle_format import from_json, to_json
from tests.builders import (
    MODEL,
    a_bundle,
    a_coverage,
    a_deploy,
    a_drift_check,
    a_ship,
    a_stub_file,
    an_incident,
    an_obligation,
    at,
)

LEDGER = 5_000_000
STUB = '{"models": {"recommender": {"requires": ">=12", "reason": "the ranking reads its new field"}}}'


def a_big_bundle(deploys: int) -> Bundle:
    """Return a bundle of so many deployments, and of what usually comes with them."""
    shas = [f"{number:040x}" for number in range(deploys)]
    return a_bundle(
        [
            a_deploy(
                hours / 8,
                sha,
                run_id=str(9_000_000 + hours),
                created_at=at(hours / 8, minutes=-2, milliseconds=hours % 1000),
                url=f"https://github.com/acme/shop/actions/runs/{9_000_000 + hours}",
                outcome=Outcome.FAILED if hours % 9 == 0 else Outcome.SUCCESS,
            )
            for hours, sha in enumerate(shas)
        ],
        [
            a_ship(hours, registered_at=at(hours - 1), source=f"s3://models/{hours}", run_id=f"{hours:032x}")
            for hours in range(deploys // 4)
        ],
        [an_incident(hours, title=f"checkout is slow: caf\u00e9 {hours}") for hours in range(deploys // 20)],
        until=at(deploys / 8 + 48),
        coverage=(a_coverage("code", notes=("one", "two")), a_coverage("models", records=deploys)),
        stubs={sha: a_stub_file(text=STUB) for sha in shas},
        commits={sha: (at(hours / 8, minutes=-30), at(hours / 8, minutes=-9)) for hours, sha in enumerate(shas)},
        training_runs={f"{hours:032x}": at(hours - 2) if hours % 7 else None for hours in range(deploys // 4)},
        observations=tuple(
            AliasObservation(model=MODEL, signal="alias:live", at=at(hours), version=str(hours // 4))
            for hours in range(deploys // 4)
        ),
        waivers=(Waiver(model=MODEL, sha="*", reason="freeze", by="team", until=at(99), seen_at=at(2)),),
        alerts=tuple(
            AlertState(key=f"shop/breach/{hours}", step="new", at=at(hours), sink="slack", releases=(f"{hours}",))
            for hours in range(deploys // 10)
        ),
        actions=(Action(week=at(0) - timedelta(hours=9), key="ship", do="ship", measure="gap", value=1.5),),
        drift=a_drift_check(3),
        drift_marks=tuple(
            PastDriftCheck(model=MODEL, at=at(hours), over=False, sample=f"{hours:032x}", features=("age",))
            for hours in range(deploys // 20)
        ),
        models_gone={f"{MODEL}/1": at(5)},
        first_trusted_at=at(1),
        obligations=tuple(
            an_obligation(hours / 8, status=Status.LATE if hours % 5 else Status.MET, seen_by=at(hours / 8 + 3))
            for hours in range(deploys)
        ),
    )


def rows(*, pairs: int = PAIRS, share: float = 1) -> list[Row]:
    """Read and write the ledger, each in pairs with json.loads."""
    a_deploy_takes = len(to_json(a_big_bundle(400))) / 400
    bundle = a_big_bundle(max(20, round(share * LEDGER / a_deploy_takes)))
    raw = to_json(bundle)
    loads = cost_of(lambda: json.loads(raw))
    reads = in_pairs(cost_of(lambda: from_json(raw)), loads, pairs)
    writes = in_pairs(cost_of(lambda: to_json(bundle)), loads, pairs)
    size = f"a ledger of {len(raw) / 1e6:.3g} MB"
    return [
        Row(what=f"Read {size}", measured=reads.ours, unit="s", target=0.4, note=_compared(reads)),
        Row(what=f"Write {size}", measured=writes.ours, unit="s", note=_compared(writes)),
    ]


def _compared(taken: Medians) -> str:
    return f"{taken.ratio:.1f} times as long as json.loads"


def main() -> int:
    """Print the rows."""
    return show(rows())


if __name__ == "__main__":
    sys.exit(main())
