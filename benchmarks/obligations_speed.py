"""Obligations of many services: python benchmarks/obligations_speed.py.

A million deploys of a thousand services and a hundred thousand ships, compared with the same obligations by one join of
pandas over all services. Then everything that is computed of a stub of 14,000 models, and of 2,000 stubs.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import PAIRS, Row, cost_of, in_pairs, show
from flowjoy.analysis import timeline
from flowjoy.analysis.promise.obligations import PromiseTerms, obligations
from flowjoy.domain import CodeRecord, ModelDependencies, ModelRecord, Obligation, Precision, Requirement, Status
from flowjoy.domain.bundle import Bundle
from tests.unit.analysis.test_growth import analysed, many_stubs, one_stub

SERVICES, DEPLOYS, SHIPS, DAYS = 1000, 1000, 100, 400
START, CLOCK = datetime(2025, 6, 2, tzinfo=UTC), timedelta(hours=48)
UNTIL = START + timedelta(days=DAYS)
MODEL = "recommender"


def service(number: int) -> pd.DataFrame:
    """Return the timeline of one service."""
    chance, name = np.random.default_rng(number), f"shop-{number:04d}"
    deployed, shipped = (np.sort(chance.integers(0, DAYS * 86400, count)).tolist() for count in (DEPLOYS, SHIPS))
    code = [
        CodeRecord(id=f"{name}/{n}", service=name, environment="production", sha=f"{n:040x}", shipped_at=_at(seconds))
        for n, seconds in enumerate(deployed)
    ]
    models = [
        ModelRecord(id=f"{MODEL}/{n}", name=MODEL, version=str(n + 1), shipped_at=_at(seconds))
        for n, seconds in enumerate(shipped)
    ]
    return timeline.timeline(code, models, service=name, until=UNTIL)


def _at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def ours(services: list[pd.DataFrame]) -> list[Obligation]:
    """Return what the services owe, as a run judges each."""
    needed = ModelDependencies(default=(Requirement(model=MODEL),))
    terms = PromiseTerms(sla_hours=48, as_of=UNTIL)
    return [item for events in services for item in obligations(events, needed, terms)]


def by_a_join(events: pd.DataFrame) -> list[Obligation]:
    """Return the same, for `any` and exactly known ships alone: no rollback, waiver, pin or observation."""
    code, ships = (events[events["type"] == kind] for kind in ("CODE", "MODEL"))
    with_it = np.maximum(code["ts"].groupby(code["service"]).shift() + pd.Timedelta(microseconds=1), code["ts"] - CLOCK)
    lower = with_it.fillna(code["ts"] - CLOCK).clip(upper=code["ts"])
    code = code.assign(lower=lower, deadline=code["ts"] + CLOCK).sort_values("lower", kind="stable")
    ships = ships[["ts", "service", "version"]].rename(columns={"ts": "met", "version": "by"})
    owed = pd.merge_asof(code, ships, left_on="lower", right_on="met", by="service", direction="forward")
    left = owed["deadline"] - UNTIL
    status = np.select(
        [owed["met"] <= owed["deadline"], owed["met"].notna(), left < timedelta(0), left < CLOCK / 4],
        [Status.MET, Status.LATE, Status.BREACHED, Status.AT_RISK],
        default=Status.PENDING,
    )
    owed = owed.assign(status=status).sort_values(["service", "ts", "id"])
    return _items(owed)


def _items(owed: pd.DataFrame) -> list[Obligation]:
    starts, deadlines, met = (owed[name].dt.to_pydatetime() for name in ("ts", "deadline", "met"))
    rows = zip(owed["id"], owed["sha"], starts, deadlines, owed["status"], owed["by"], met, strict=True)
    return [
        Obligation(
            id=f"{code_id}/{MODEL}",
            code_id=code_id,
            sha=sha,
            model=MODEL,
            requires="any",
            start=start,
            deadline=deadline,
            status=Status(status),
            **(
                {"version": by, "shipped_at": at, "closed_at": at, "precision": Precision.EXACT}
                if isinstance(by, str)
                else {}
            ),
        )
        for code_id, sha, start, deadline, status, by, at in rows
    ]


def rows(*, pairs: int = PAIRS, share: float = 1) -> list[Row]:
    """Measure the time and its growth, then the two stubs."""
    services = [service(number) for number in range(max(20, round(share * SERVICES)))]
    tenth, hundredth = (services[: max(1, len(services) // part)] for part in (10, 100))
    together = _together(services)
    if ours(tenth) != by_a_join(_together(tenth)):
        raise SystemExit("the two do not judge alike")
    taken = in_pairs(cost_of(lambda: ours(services)), cost_of(lambda: by_a_join(together)), pairs)
    growth = in_pairs(cost_of(lambda: ours(tenth)), cost_of(lambda: ours(hundredth)), pairs)
    what = (
        f"Judge {len(services) * DEPLOYS:,} deploys and {len(services) * SHIPS:,} ships of {len(services):,} services"
    )
    note = f"{taken.ours:.1f} s and {taken.other:.1f} s"
    models, releases = max(20, round(share * 14_000)), max(20, round(share * 2_000))
    return [
        Row(what=f"{what}, to a join of pandas", measured=taken.ratio, unit="x", target=1, note=note),
        Row(what=f"Judge {len(tenth)} services, to a tenth of them", measured=growth.ratio, unit="x", target=15),
        _computing(f"Compute a stub of {models:,} models", one_stub(models, ships=True), pairs),
        _computing(f"Compute {releases:,} stubs of four pins each", many_stubs(releases), pairs),
    ]


def _together(services: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(services, ignore_index=True).sort_values("ts", kind="stable")


def _computing(what: str, bundle: Bundle, pairs: int) -> Row:
    work = cost_of(lambda: analysed(bundle))
    return Row(what=what, measured=in_pairs(work, work, (pairs + 1) // 2).ours, unit="s", target=5)


def main() -> int:
    """Print the rows."""
    return show(rows())


if __name__ == "__main__":
    sys.exit(main())
