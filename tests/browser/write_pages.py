"""The pages that the browser looks at: python -m tests.browser.write_pages FOLDER."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.analysis.drift.binning import distributions_of
from flowjoy.analysis.drift.comparison import compare, status_of
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.analysis.promise.merge_gate import BranchStub, GateInputs, GatePolicy, judge
from flowjoy.analysis.results import Results, analyse, with_gate
from flowjoy.domain import CodeRecord, CoverageState, ModelVersion, Proposal, Requirement
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import DriftCheck, PastDriftCheck
from flowjoy.domain.timestamps import iso
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files
from flowjoy.report.links import Links
from flowjoy.report.rollup.page import page
from tests.builders import MODEL, T0, a_bundle, a_coverage, a_deploy, a_ship, a_stub_file, an_incident, at
from tests.organisation import AS_OF, write_lake
from tests.rolled_up import rolled_up
from tests.unit.report.a_year import HOSTILE, WEEK, a_hostile_bundle, a_year

HOME = "https://github.com/acme/shop"
LINKS = Links(
    repository=HOME,
    registry="https://mlflow.example",
    documentation="https://github.com/acme/flowjoy/blob/main/docs",
    check=f"{HOME}/commit/{'c' * 40}/checks",
    run=f"{HOME}/actions/runs/1",
)
AGES = ("age", "basket value", "sessions a week", "country code")
LATE, IN_TIME = (
    ("at", "be", "bg", "cz", "de", "dk", "ee", "es", "fi", "fr", "hr"),
    ("hu", "ie", "it", "lt", "lv", "nl", "pl", "pt", "se"),
)


def running() -> Bundle:
    """Two clocks that run at this very moment, for the countdown."""
    now = (datetime.now(UTC) - T0) / timedelta(hours=1)
    return a_bundle([a_deploy(now - 40, "a" * 40), a_deploy(now - 2, "b" * 40)], [a_ship(now - 300)], until=at(now))


def crowd() -> Bundle:
    """Twenty models, of which the first eleven did not ship in the last week."""
    releases = [24 * day for day in range(0, 78, 2)]
    ships = [
        a_ship(hours + 6 + number, str(hours), model=f"{MODEL}-{country}")
        for hours in releases
        for number, country in enumerate((*LATE, *IN_TIME))
        if hours < 72 * 24 or country in IN_TIME
    ]
    models = tuple(f"{MODEL}-{country}" for country in (*LATE, *IN_TIME))
    code = tuple(_release(hours) for hours in releases)
    return kept(code=code, models=tuple(ships), terms=replace(kept().terms, models=models))


def _release(hours: float) -> CodeRecord:
    return a_deploy(hours, sha256(b"%d" % hours).hexdigest()[:40])


def kept(**changes: Any) -> Bundle:
    """A quarter in which each release shipped its model."""
    releases = range(0, 11 * WEEK, 60)
    incidents = [
        an_incident(hours + 5, hours=1.5, id=f"incident:pagerduty:Q{hours}", source="pagerduty")
        for hours in range(0, 11 * WEEK, 400)
    ]
    ordinary = a_bundle(
        [_release(hours) for hours in releases],
        [a_ship(hours + 1 + hours % 58 // 2, str(n)) for n, hours in enumerate(releases, 1)],
        incidents,
        until=at(11 * WEEK + 14),
        weeks=12,
        coverage=(a_coverage("code"), a_coverage("models"), a_coverage("incidents (PagerDuty)", required=False)),
    )
    return replace(ordinary, **changes)


def overdue() -> Bundle:
    """One model, 2 h overdue, after weeks in which it shipped."""
    return kept(models=tuple(ship for ship in kept().models if ship.shipped_at < at(11 * WEEK - 60)))


def waived() -> Bundle:
    """A missed deadline with a waiver."""
    waiver = {"model": MODEL, "sha": "*", "reason": "release freeze", "by": "data platform", "until": iso(at(400))}
    stub = a_stub_file(json.dumps({"models": {MODEL: "any"}, "waivers": [waiver]}))
    return a_bundle([a_deploy(0, "a" * 40)], [a_ship(-200)], until=at(90), stubs={HEAD: stub})


def unread() -> Bundle:
    """A required source that could not be read."""
    reason, hint = "the registry refused the credentials (401)", "check the secret that sets `mlflow-token`"
    failed = a_coverage("models", CoverageState.FAILED, reason=reason, hint=hint)
    return replace(a_year(weeks=4), coverage=(a_coverage("code"), failed), models=())


def blocked() -> Results:
    """A pull request that names a model that the registry does not know, while another is overdue."""
    required = {MODEL: Requirement(model=MODEL), "recomender": Requirement(model="recomender")}
    gate = judge(
        Proposal(head_sha="c" * 40, base_sha="b" * 40, number=7),
        base=BranchStub(present=True, requirements={MODEL: Requirement(model=MODEL)}),
        head=BranchStub(present=True, requirements=required, lines={"recomender": 4}),
        policy=GatePolicy(stub_path="flowjoy.json", flag_labels=()),
        inputs=GateInputs(
            versions=(ModelVersion(name=MODEL, version="30", ready=True),),
            unknown_models={"recomender": "did you mean recommender?"},
        ),
    )
    return with_gate(analyse(overdue()), replace(gate, forecast=("merging starts a 48 h window for recommender",)))


def drifting(bundle: Bundle, names: tuple[str, ...]) -> Bundle:
    """The same with a drift check of these features, of which the first has drifted, and a breach that was told."""
    chance = np.random.default_rng(7)
    trained = pd.DataFrame({name: chance.normal(40, 10, 2000).round(3).astype(str) for name in names})
    live = pd.DataFrame(
        {name: chance.normal(40 if n else 55, 10, 400).round(3).astype(str) for n, name in enumerate(names)}
    )
    features = compare(distributions_of(trained), live, threshold=0.1, min_samples=200)
    check = DriftCheck(
        model="recommender",
        at=bundle.generated_at,
        status=status_of(features),
        threshold=0.1,
        min_samples=200,
        features=features,
        sample="rows",
        reference="train.csv",
    )
    earlier = PastDriftCheck(
        model="recommender", at=bundle.generated_at - timedelta(hours=1), over=True, sample="other rows"
    )
    return replace(bundle, drift=check, drift_marks=(earlier,))


def pages() -> dict[str, tuple[Results, Links]]:
    """Return the results and addresses of each page, by its folder."""
    bundles = {
        "year": drifting(a_year(), AGES),
        "hostile": drifting(a_hostile_bundle(), HOSTILE),
        "running": running(),
        "crowd": crowd(),
        "kept": kept(),
        "overdue": overdue(),
        "week": a_year(weeks=1, models=(MODEL,)),
        "waived": waived(),
        "empty": a_bundle(),
        "unread": unread(),
    }
    every = {name: (analyse(bundle), LINKS) for name, bundle in bundles.items()}
    return {**every, "blocked": (blocked(), replace(LINKS, pull_request=7))}


def main(folder: Path) -> int:
    """Write each page with its pictures into a folder of its own."""
    for name, (results, links) in pages().items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for file, render in files.renderings(results, bundle_bytes(results), links=links).items():
            (target / file).write_bytes(render())
    # The page of a roll-up has the same frame, so it is looked at like any report.
    rollup = folder / "rollup"
    write_lake(rollup / "lake", 40, days=30)
    (rollup / "report.html").write_bytes(page(rolled_up(rollup / "lake", as_of=AS_OF)))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
