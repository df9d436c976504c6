"""The roll-up says of each service what its own bundle says, and of all of them what a naive count says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis.results import Results, analyse
from flowjoy.domain.rollup import RollUp
from flowjoy.pipeline.rollup import RollUpTerms, roll_up
from flowjoy.pipeline.rollup_local import LocalEngine
from tests.oracle import rollup as oracle
from tests.organisation import AS_OF, a_service, write_lake
from tests.rolled_up import rolled_up, unwatched


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.integers(20, 100))
def test_rollup__of_one_bundle_at_its_own_instant_says_what_that_bundle_says(seed: int, days: int) -> None:
    service = a_service(seed, days=days)
    with TemporaryDirectory() as folder:
        service.write(Path(folder))
        view = rolled_up(Path(folder))
    results = analyse(service.bundle)
    assert view.as_of == service.bundle.generated_at
    assert [oracle.of_row(row) for row in view.services] == [oracle.own_instant(results)]
    assert oracle.weeks_in(view) == [pytest.approx(week, nan_ok=False) for week in oracle.weeks_of(results)]


@dataclass(frozen=True)
class Lake:
    """A folder of bundles with the facts of an earlier roll-up, and the results of each bundle that counts."""

    folder: Path
    facts: Path
    results: list[Results]

    def rolled_up(self, spoils: tuple[str, str] = ("", "")) -> RollUp:
        return rolled_up(self.folder, cache=self.facts, spoils=spoils)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder, cache = tmp_path_factory.mktemp("lake"), tmp_path_factory.mktemp("facts")
    services = write_lake(folder, 40)
    engine = LocalEngine([folder], cache, jobs=1)
    roll_up(engine, RollUpTerms(), unwatched)
    for name, raw in engine.files().items():
        (cache / Path(name).name).write_bytes(raw)
    return Lake(folder=folder, facts=cache, results=[analyse(service.bundle) for service in services])


def differences(view: RollUp, known: list[Results]) -> list[str]:
    """Where a roll-up says something else than the naive count."""
    rows = {row.service: row for row in view.services}
    expected = {results.bundle.service: oracle.promise_of(results, view.as_of) for results in known}
    expected |= dict.fromkeys(("service-19", "service-38"), "unknown")  # a newer FlowJoy says more of them
    found = [
        f"{name}: {rows[name].promise}, not {promise}"
        for name, promise in expected.items()
        if rows[name].promise != promise
    ]
    whole = view.organisation
    assert whole is not None
    since = view.as_of - timedelta(days=28)
    recent = [item for results in known for item in results.obligations if since <= item.deadline <= view.as_of]
    pairs = (
        ("resolved", whole.resolved, sum(oracle.resolved_in(results, view.as_of) for results in known)),
        ("met", whole.due_met, sum(item.status == "met" for item in recent)),
        ("missed", whole.due_missed, sum(item.is_missed for item in recent)),
    )
    return [*found, *(f"{name}: {said}, not {right}" for name, said, right in pairs if said != right)]


@pytest.mark.matrix
def test_rollup__of_a_lake_is_what_a_naive_count_says(lake: Lake) -> None:
    view = lake.rolled_up()
    assert view.as_of == AS_OF
    assert differences(view, lake.results) == []
    assert {row.promise for row in view.services} >= {"unknown", "breached", "pending", "met"}


SABOTEURS = {
    "unknown counts as met": ("WHEN m.voice <> 'reporting' THEN 'unknown'", "WHEN m.voice <> 'reporting' THEN 'met'"),
    "silence is not noticed": ("WHEN l.generated_at < t.silent_before THEN 'silent'", ""),
    "a deadline that no one saw pass stays pending": ("WHEN m.sla_status <> 'breached' AND p.lapsed > 0", "WHEN FALSE"),
    "a newer bundle that cannot be read is not noticed": ("OR r.newer_at > l.generated_at", ""),
    "every bundle of a service counts": ("WHERE nth = 1", "WHERE nth > 0"),
    "the oldest bundle counts": ("ORDER BY b.generated_at DESC", "ORDER BY b.generated_at"),
    "refused bundles count": ("WHERE f.state = 'accepted'", "WHERE f.state <> ''"),
    "what is due later counts": ("AND o.deadline <= t.as_of) AS recent", ") AS recent"),
    "the rate has no horizon": ("(o.deadline >= t.due_since AND", "("),
    "open incidents are resolved": ("WHERE seconds IS NOT NULL\nUNION ALL", "\nUNION ALL"),
}


@pytest.mark.parametrize(
    "name",
    [name if number == 0 else pytest.param(name, marks=pytest.mark.matrix) for number, name in enumerate(SABOTEURS)],
)
def test_saboteur__is_noticed_by_the_naive_count(name: str, lake: Lake) -> None:
    assert differences(lake.rolled_up(SABOTEURS[name]), lake.results)
