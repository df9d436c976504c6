"""Which bundle of a service counts, and when a service is unknown instead of green."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.domain import CoverageState
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ExpectedService
from flowjoy.domain.timestamps import iso
from flowjoy.errors import BundleError
from flowjoy.ledger.bundle_format import SCHEMA, to_json
from tests.builders import a_coverage, a_deploy, a_ship, a_stub_file, an_incident, at
from tests.organisation import Service, a_report, written_by
from tests.rolled_up import rolled_up, the_service


def kept(hours: float = 100, **changes: Any) -> Bundle:
    """A service whose promise is met, looked at so many hours after its deploy."""
    return a_report([a_deploy(0)], [a_ship(5)], until=at(hours), **changes)


def broken(hours: float = 100, **changes: Any) -> Bundle:
    return a_report([a_deploy(0)], [], until=at(hours), **changes)


def running(hours: float = 40, **changes: Any) -> Bundle:
    return broken(hours, **changes)


def lake_of(folder: Path, *bundles: Bundle) -> Path:
    for bundle in bundles:
        Service(bundle).write(folder)
    return folder


def states(view: RollUp) -> dict[str, int]:
    names = [row.state for row in view.coverage]
    return {name: names.count(name) for name in sorted(set(names))}


def test_newest_bundle__counts_whole_and_in_any_layout(tmp_path: Path) -> None:
    lake_of(tmp_path, broken(90), kept(100))
    assert the_service(rolled_up(tmp_path)).promise == "met"
    Service(broken(110)).write(tmp_path, path="anywhere.json")
    view = rolled_up(tmp_path)
    assert (the_service(view).promise, the_service(view).reported_at) == ("breached", at(110))


def test_copy_older_and_broken_files__change_nothing(tmp_path: Path) -> None:
    file = Service(kept()).write(tmp_path)
    before = rolled_up(tmp_path)
    Service(kept()).write(tmp_path, path="copy/1.json")
    Service(broken(90)).write(tmp_path)
    Service(broken(80)).write(tmp_path, path="old.json")
    (tmp_path / "broken.json").write_bytes(Service(broken(120)).raw[:-9])
    (file.parent / "2030-01-01T00:00:00Z.json").write_text("[]")
    after = rolled_up(tmp_path)
    assert replace(after, coverage=()) == replace(before, coverage=())
    assert states(after) == {"copy": 1, "counted": 1, "refused": 2, "superseded": 1}


@pytest.mark.parametrize(
    ("hours", "state", "promise"), [(100, "reporting", "met"), (148, "reporting", "met"), (148.1, "silent", "unknown")]
)
def test_silent_service__is_unknown_and_its_last_state_is_named(
    tmp_path: Path, hours: float, state: str, promise: str
) -> None:
    lake_of(tmp_path, kept(100))
    row = the_service(rolled_up(tmp_path, as_of=at(hours)))
    assert (row.voice, row.promise, row.last_status) == (state, promise, "met")


def test_service_that_never_reported__is_unknown(tmp_path: Path) -> None:
    lake_of(tmp_path, kept())
    expected = (ExpectedService(repository="acme/shop", service="shop", team="web"),
                ExpectedService(repository="acme/search", service="search", team="web"))  # fmt: skip
    view = rolled_up(tmp_path, expected=expected)
    assert [(row.service, row.team, row.voice, row.promise) for row in view.services] == [
        ("search", "web", "never reported", "unknown"),
        ("shop", "web", "reporting", "met"),
    ]
    (team, whole) = view.teams
    assert (team.team, team.services, team.unknown, team.met) == ("web", 2, 1, 1)
    assert (whole.is_blended, whole.services) == (True, 2)
    assert {row.promise for row in view.service_weeks if row.service == "search"} == {"unknown"}


def test_deadline_after_the_last_look__is_pending_until_it_passes_and_then_unknown(tmp_path: Path) -> None:
    lake_of(tmp_path, running(40))
    before = the_service(rolled_up(tmp_path, as_of=at(48)))
    assert (before.promise, before.pending, before.unknown, before.next_deadline) == ("pending", 1, 0, at(48))
    after = the_service(rolled_up(tmp_path, as_of=at(48, seconds=1)))
    assert (after.promise, after.pending, after.unknown, after.next_deadline) == ("unknown", 0, 1, None)


def test_waiver_that_ends_after_the_last_report__leaves_its_obligation_unknown(tmp_path: Path) -> None:
    waiver = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data platform", "until": iso(at(110))}
    stub = a_stub_file(json.dumps({"models": {"recommender": "any"}, "waivers": [waiver]}))
    lake_of(tmp_path, broken(100, stubs={HEAD: stub}))
    assert the_service(rolled_up(tmp_path, as_of=at(110))).promise == "waived"
    row = the_service(rolled_up(tmp_path, as_of=at(111)))
    assert (row.promise, row.unknown, row.breached) == ("unknown", 1, 0)


def test_breach__stays_while_another_clock_runs_out_unseen(tmp_path: Path) -> None:
    bundle = a_report([a_deploy(0), a_deploy(60)], [], until=at(100))
    lake_of(tmp_path, bundle)
    row = the_service(rolled_up(tmp_path, as_of=at(110)))
    assert (row.promise, row.breached, row.unknown) == ("breached", 1, 1)


def test_failed_source__is_unknown_and_never_zero(tmp_path: Path) -> None:
    failed = (a_coverage("code"), a_coverage("models", CoverageState.FAILED), a_coverage("incidents", required=False))
    lake_of(tmp_path, kept(coverage=failed))
    view = rolled_up(tmp_path)
    row = the_service(view)
    assert (row.promise, row.met, row.model_deploys, row.deploys) == ("unknown", 0, None, None)
    assert (row.due_met, row.due_missed) == (0, 0)
    assert row.code_deploys == 1
    due = [week.promise for week in view.service_weeks if week.due_unknown]
    assert due == ["unknown"]


def test_unread_code__hatches_every_week(tmp_path: Path) -> None:
    failed = (a_coverage("code", CoverageState.FAILED), a_coverage("models"))
    lake_of(tmp_path, a_report([], [a_ship(3)], until=at(100), coverage=failed))
    assert {week.promise for week in rolled_up(tmp_path).service_weeks} == {"unknown"}


@pytest.mark.parametrize(
    "distrust",
    [
        None,
        written_by(event="pull_request", distrust="no run of the event pull_request is"),
        written_by(event="pull_request"),
        written_by(event="issue_comment"),
        written_by(event="push", distrust="it is of another branch than main"),
        written_by(event=""),
    ],
)
def test_untrusted_run__does_not_count_and_is_named(tmp_path: Path, distrust: object) -> None:
    lake_of(tmp_path, broken(90))
    Service(kept(100, written_by=distrust)).write(tmp_path)
    view = rolled_up(tmp_path)
    assert the_service(view).promise == "breached"
    assert states(view) == {"counted": 1, "refused": 1}


def test_bundle_of_another_repository_than_its_path__is_refused(tmp_path: Path) -> None:
    lake_of(tmp_path, broken(90))
    theirs = Service(broken(90)).path
    for wrong in (kept(100, repository="acme/other"), kept(100, service="other"), kept(100)):
        Service(wrong).write(tmp_path, path=theirs.replace(at(90).strftime("%dT%H"), "09T09"))
        view = rolled_up(tmp_path)
        assert [(row.service, row.promise) for row in view.services] == [("shop", "breached")]
    assert [row.problem for row in view.refused] == ["the bundle is of another time than its path says"]


def test_repository__is_one_whatever_its_case(tmp_path: Path) -> None:
    lake_of(tmp_path, broken(90), kept(100, repository="Acme/Shop"))
    assert [(row.repository, row.promise) for row in rolled_up(tmp_path).services] == [("acme/shop", "met")]


def test_bundle_of_a_newer_flowjoy__makes_its_service_unknown(tmp_path: Path) -> None:
    file = Service(kept(100)).write(tmp_path)
    newer = json.loads(to_json(kept(102))) | {"schema": SCHEMA + 1}
    (file.parent / "20240607T150000Z.json").write_text(json.dumps(newer))
    row = the_service(rolled_up(tmp_path))
    assert (row.voice, row.promise, row.last_status) == ("refused", "unknown", "met")


def test_only_refused_bundles__leave_their_service_unknown(tmp_path: Path) -> None:
    lake_of(tmp_path, kept(service="other"), kept(written_by=None))
    row = the_service(rolled_up(tmp_path))
    assert (row.voice, row.promise) == ("refused", "unknown")


def test_nothing_that_counts__is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle in these folders"):
        rolled_up(tmp_path)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(BundleError, match=r"nothing counts in 1 file, such as .*x\.json: this is not a FlowJoy"):
        rolled_up(tmp_path)


def test_as_of_in_the_past__leaves_out_what_was_written_later(tmp_path: Path) -> None:
    lake_of(tmp_path, broken(90), kept(100))
    Service(kept(101)).write(tmp_path, path="later.json")
    view = rolled_up(tmp_path, as_of=at(95))
    assert (the_service(view).promise, states(view)) == ("breached", {"counted": 1, "later": 1})


def test_report_zip__counts_as_its_bundle(tmp_path: Path) -> None:
    raw = Service(kept()).raw
    shutil.make_archive(str(tmp_path / "artifact"), "zip", _folder_with(tmp_path / "in", raw))
    shutil.rmtree(tmp_path / "in")
    assert the_service(rolled_up(tmp_path)).promise == "met"


def _folder_with(folder: Path, raw: bytes) -> Path:
    folder.mkdir()
    (folder / "flowjoy-bundle.json").write_bytes(raw)
    return folder


def test_medians__come_from_records_and_means_from_sums(tmp_path: Path) -> None:
    many = [an_incident(number, hours=1) for number in range(9)]
    one = [an_incident(1, hours=11)]
    lake_of(tmp_path, kept(service="a"), a_report([], [], many, until=at(100), service="b"),
            a_report([], [], one, until=at(100), service="c"))  # fmt: skip
    whole = rolled_up(tmp_path).organisation
    assert whole is not None
    assert (whole.resolved, whole.resolved_seconds) == (10, 20 * 3600)
    assert (whole.mttr_median_tenths, whole.mttr_p90_tenths) == (36000, 2 * 36000)


def test_model__is_counted_over_all_services_that_wait_for_it(tmp_path: Path) -> None:
    lake_of(tmp_path, broken(100, service="a"), running(47, service="b", generated_at=at(100)), kept(service="c"))
    view = rolled_up(tmp_path)
    (model,) = view.models
    assert (model.model, model.services, model.met, model.missed, model.breached) == ("recommender", 3, 1, 2, 2)
    assert model.late_seconds == 2 * 52 * 3600
    waiting = [(row.service, row.breached) for row in view.model_services if row.unshipped]
    assert waiting == [("a", 1), ("b", 1)]


def test_rate__is_unknown_and_not_perfect_where_nothing_was_due(tmp_path: Path) -> None:
    lake_of(tmp_path, a_report([], [a_ship(3)], until=at(100)))
    row = the_service(rolled_up(tmp_path))
    assert (row.promise, row.due_met, row.due_missed) == ("none", 0, 0)


def test_week_after_the_last_report__is_unknown(tmp_path: Path) -> None:
    lake_of(tmp_path, kept(100))
    view = rolled_up(tmp_path, as_of=at(100) + timedelta(days=7), silent_after_hours=400, weeks=3)
    assert [(row.state, row.promise) for row in view.service_weeks] == [
        ("complete", "none"),
        ("partial", "met"),
        ("unknown", "unknown"),
    ]
    assert [(week.reported, week.complete) for week in view.weeks] == [(1, 1), (1, 0), (0, 0)]
