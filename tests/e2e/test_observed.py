"""`alias:` and `stage:`: a registry keeps no time for a move, so runs look, and the ledger remembers what they saw."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from tests.e2e.in_process import A, B, Ran, World, at


@pytest.fixture
def world(world: World) -> World:
    world.inputs["model-signal"] = "alias:production"
    world.registry.add_version(at(-500))
    point_at(world, "1")
    return world


def point_at(world: World, version: str, alias: str = "production") -> None:
    world.registry.client.set_registered_model_alias("recommender", alias, version)


def look(world: World, hours: float, **more: Any) -> Ran:
    return world.run(at(hours), event="schedule", **more)


def moved_around_the_deadline(world: World) -> Ran:
    """The run at hour 49, after the alias moved between that and the one at hour 47: the deadline is at hour 48."""
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    look(world, 47)
    point_at(world, "2")
    return look(world, 49)


def weeks_of(ran: Ran) -> list[dict[str, str]]:
    """The week table as its CSV file has it."""
    return list(csv.DictReader((ran.folder / "weekly_flow.csv").read_text().splitlines()))


def ships(ran: Ran) -> list[tuple[str, str, str]]:
    """Version, lower bound and upper bound of each ship."""
    return [(item["version"], item["not_before"], item["shipped_at"]) for item in ran.bundle["models"]]


@pytest.mark.matrix
def test_alias__moved_between_three_runs_is_known_by_its_interval(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    assert look(world, 1).obligation()["status"] == "pending"
    world.registry.add_version(at(2))
    look(world, 3)  # registered, not yet live
    point_at(world, "2")
    ran = look(world, 30)
    owed = ran.obligation()
    assert (owed["status"], owed["version"], owed["precision"]) == ("met", "2", "observed")
    assert (owed["not_before"], owed["seen_by"]) == ("2026-03-02T12:00:00Z", "2026-03-03T15:00:00Z")
    assert ships(ran)[-1] == ("2", "2026-03-02T12:00:00Z", "2026-03-03T15:00:00Z")


def test_alias__an_interval_begins_no_earlier_than_the_version(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    assert look(world, 30).obligation()["not_before"] == "2026-03-02T11:00:00Z"


@pytest.mark.matrix
def test_alias__that_straddles_the_deadline_is_undetermined_and_names_the_cure(world: World) -> None:
    ran = moved_around_the_deadline(world)
    owed = ran.obligation()
    assert (ran.code, owed["status"]) == (0, "undetermined")
    assert (owed["not_before"], owed["seen_by"]) == ("2026-03-04T08:00:00Z", "2026-03-04T10:00:00Z")
    assert world.check(A)["conclusion"] == "neutral"
    assert "nothing is due, but 1 release is undetermined, neither kept nor broken" in ran.log
    assert "set the tag flowjoy.deployed_at of recommender v2 to the time it went live" in ran.log
    assert "promise holds" not in ran.log + ran.summary
    assert "no data (1 deadline passed, neither kept nor broken; target 95 %)" in ran.summary
    assert "Nothing to do" not in ran.summary
    assert "were met" not in ran.summary
    assert "median 47.0\u201349.0 h" in ran.summary
    assert (ran.outputs["sla-status"], ran.outputs["drift-lag-hours"]) == ("undetermined", "49.0")
    assert 'drift_lag_hours,"hours, at most",,,,,49.0,1' in (ran.folder / "dora.csv").read_text()


def test_alias__that_straddles_the_deadline_is_settled_by_the_stamp_that_the_check_asks_for(world: World) -> None:
    assert moved_around_the_deadline(world).obligation()["status"] == "undetermined"
    stamp(world, "2", "2026-03-04T08:30:00Z")
    for hours in (50, 51):
        owed = look(world, hours).obligation()
        assert (owed["status"], owed["shipped_at"], owed["not_before"]) == ("met", "2026-03-04T08:30:00Z", None)
    # A time at which a run saw another version there narrows nothing.
    stamp(world, "2", "2026-03-03T09:00:00Z")
    assert look(world, 52).obligation()["status"] == "met"


@pytest.mark.matrix
def test_alias__version_that_was_observed_live_is_not_new_by_a_later_stamp(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    assert look(world, 5).obligation()["status"] == "met"
    world.release(B, at(100), parent=A)
    look(world, 101)
    ran = world.run(at(102), event="workflow_dispatch", ship="recommender=2")
    assert [item["status"] for item in ran.bundle["obligations"]] == ["met", "pending"]
    assert [item["status"] for item in look(world, 149).bundle["obligations"]] == ["met", "breached"]


@pytest.mark.matrix
def test_alias__bounds_found_under_another_alias_let_no_stamp_heal_a_breach(world: World) -> None:
    world.inputs["model-signal"] = "alias:staging"
    point_at(world, "1", "staging")
    world.release(A, at())
    world.registry.add_version(at(2))
    look(world, 20)
    point_at(world, "2", "staging")
    look(world, 22)
    world.inputs["model-signal"] = "alias:production"
    look(world, 24)
    assert look(world, 49).obligation()["status"] == "breached"
    stamp(world, "2", "2026-03-03T06:00:00Z")
    for hours in (50, 51):
        owed = look(world, hours).obligation()
        assert (owed["status"], owed["version"]) == ("late", "2")


@pytest.mark.matrix
def test_alias__a_stamp_that_was_believed_stays_when_it_is_moved(world: World) -> None:
    moved_around_the_deadline(world)
    for hours, written in ((50, "2026-03-04T09:30:00Z"), (51, "2026-03-04T08:12:00Z"), (52, "2026-03-04T12:30:00Z")):
        stamp(world, "2", written)
        owed = look(world, hours).obligation()
        assert (owed["status"], owed["shipped_at"]) == ("late", "2026-03-04T09:30:00Z")


@pytest.mark.matrix
def test_registered__a_version_that_was_live_by_an_alias_is_not_new_by_its_stamp(world: World) -> None:
    look(world, -110)
    world.registry.add_version(at(-108))
    point_at(world, "2")
    look(world, -107)
    world.inputs["model-signal"] = "registered"
    world.release(A, at())
    look(world, 20)
    ran = world.run(at(22), event="workflow_dispatch", ship="recommender=2")
    assert ran.obligation()["status"] == "pending"


def stamp(world: World, version: str, at: str) -> None:
    world.registry.client.set_model_version_tag("recommender", version, "flowjoy.deployed_at", at)


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (
            "alias:prod",
            "alias 'prod'. Set model-signal to one that is there ('production'; did you mean 'production'?)",
        ),
        ("tag:nope", "tag 'nope'. Set model-signal to one that is there ('a', 'b', 'c', 'd', 'e' and 2 more)"),
        ("stage:Production", "stage 'Production'. Set that stage when a version goes live: until then its ships"),
    ],
)
def test_signal__that_no_version_shows_is_a_warning_that_names_those_that_are_there(
    world: World, signal: str, words: str
) -> None:
    for key in "abcdefg":
        world.registry.client.set_model_version_tag("recommender", "1", key, "x")
    point_at(world, "1")
    world.release(A, at())
    ran = world.run(at(49), model_signal=signal)
    assert f"::warning title=FlowJoy::models (MLflow registry): no version of 'recommender' has the {words}" in ran.log
    # A stamp ships under every signal.
    world.registry.client.set_model_version_tag("recommender", "1", "flowjoy.deployed_at", "2026-03-03T09:00:00Z")
    assert "no version of" not in world.run(at(50), model_signal=signal).log


@pytest.mark.matrix
def test_alias__that_moved_after_the_deadline_is_late(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    assert look(world, 49).obligation()["status"] == "breached"
    point_at(world, "2")
    ran = look(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (0, "late")


@pytest.mark.matrix
def test_alias__only_pointing_elsewhere_is_no_ship(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2", alias="staging")
    assert (look(world, 49).code, look(world, 50).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_alias__that_goes_back_is_a_rollback_and_no_new_model(world: World) -> None:
    look(world, -100)
    world.registry.add_version(at(-90))
    point_at(world, "2")
    look(world, -80)
    world.release(A, at())
    point_at(world, "1")
    ran = look(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert "MODEL,shop,recommender,1,,rollback" in (ran.folder / "supply_chain_events.csv").read_text()


@pytest.mark.matrix
def test_alias__pin_is_met_by_the_version_that_was_live_at_the_start(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "1"}}')
    world.registry.add_version(at(2))
    look(world, 3)
    point_at(world, "2")
    assert look(world, 49).obligation()["status"] == "met"


def test_first_look__does_not_close_what_may_have_been_live_long_since(world: World) -> None:
    """Nobody looked before: version 1 may be live for weeks, so it is no model that was shipped for this release."""
    world.release(A, at())
    ran = look(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert "alias:production was not observed before 2026-03-04T10:00:00Z" in ran.log


def test_first_look__counts_for_a_version_that_is_younger_than_the_release(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    assert look(world, 30).obligation()["status"] == "met"


def test_first_look__of_a_copy_is_no_new_model(world: World) -> None:
    world.registry.add_version(at(-400), run_id="r1", source="runs:/r1/model")
    world.release(A, at())
    number = world.registry.add_version(at(2), run_id="r1", source="runs:/r1/model")
    point_at(world, number)
    ran = look(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_ledger__deleted_between_two_looks_makes_nothing_milder(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    assert look(world, 49).code == 1
    world.github.repository.artifacts.clear()
    assert look(world, 50).code == 1


@pytest.mark.matrix
def test_alias__a_version_that_the_registry_forgot_is_remembered(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    assert look(world, 3).obligation()["status"] == "met"
    point_at(world, "1")
    world.registry.client.delete_model_version("recommender", "2")
    assert look(world, 60).obligation()["status"] == "met"


def test_alias__gone_from_every_version_is_looked_at_and_closes_nothing(world: World) -> None:
    look(world, -10)
    world.registry.client.delete_registered_model_alias("recommender", "production")
    world.release(A, at())
    ran = look(world, 49)
    assert ran.code == 1
    assert [item["version"] for item in ran.bundle["observations"]] == ["1", ""]


def test_alias__on_a_version_that_is_not_ready_is_not_live(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    number = world.registry.add_version(at(2), status="PENDING_REGISTRATION")
    point_at(world, number)
    assert look(world, 30).obligation()["status"] == "pending"


@pytest.mark.matrix
def test_stamp__wins_over_what_was_observed(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2), tags={"flowjoy.deployed_at": "2026-03-02T12:30:00Z"})
    point_at(world, "2")
    owed = look(world, 60).obligation()
    assert (owed["status"], owed["precision"], owed["shipped_at"]) == ("met", "exact", "2026-03-02T12:30:00Z")


@pytest.mark.matrix
def test_stage__is_observed_the_same_way(world: World) -> None:
    world.inputs["model-signal"] = "stage:Production"
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    look(world, 3)
    world.registry.client.transition_model_version_stage("recommender", "2", "Production")
    owed = look(world, 30).obligation()
    assert (owed["status"], owed["version"], owed["not_before"]) == ("met", "2", "2026-03-02T12:00:00Z")


@pytest.mark.matrix
def test_gap__between_two_looks_is_told(world: World) -> None:
    look(world, -40)
    ran = look(world, 0)
    assert "of several changes in between only the last is known" in ran.log


@pytest.mark.matrix
def test_look__of_a_dry_run_is_not_remembered(world: World) -> None:
    world.release(B, at(-200))
    look(world, -10)
    ran = look(world, 5, as_of="2026-03-02T00:00:00Z")
    assert [item["at"] for item in ran.bundle["observations"]] == ["2026-03-01T23:00:00Z"]


@pytest.mark.matrix
def test_rollback__to_a_version_of_before_the_first_look_is_no_new_model(world: World) -> None:
    """Version 1 was there before anybody looked: nobody can say that it was never live."""
    world.registry.add_version(at(-400))
    point_at(world, "2")
    look(world, -10)
    world.release(A, at())
    point_at(world, "1")
    ran = look(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    world.github.repository.artifacts.clear()
    assert look(world, 50).code == 1


@pytest.mark.matrix
def test_rollback__by_way_of_no_alias_at_all_is_no_new_model(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.client.delete_registered_model_alias("recommender", "production")
    world.github.repository.artifacts.clear()
    look(world, 5)
    point_at(world, "1")
    assert (look(world, 49).code, look(world, 50).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_copy__of_a_run_of_before_the_first_look_is_no_new_model(world: World) -> None:
    world.registry.add_version(at(-400), run_id="r1", source="runs:/r1/model")
    world.registry.add_version(at(-300))
    point_at(world, "3")
    look(world, -10)
    world.release(A, at())
    point_at(world, world.registry.add_version(at(2), run_id="r1", source="runs:/r1/model"))
    assert (look(world, 49).code, look(world, 50).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_second_model_of_a_run_of_before_the_first_look_is_new(world: World) -> None:
    world.registry.add_version(at(-400), run_id="r1", source="runs:/r1/model")
    look(world, -10)
    world.release(A, at())
    point_at(world, world.registry.add_version(at(2), run_id="r1", source="runs:/r1/ranker"))
    assert look(world, 3).obligation()["status"] == "met"


@pytest.mark.matrix
def test_later_look__at_a_newer_version_is_a_ship_whenever_it_was_registered(world: World) -> None:
    world.registry.add_version(at(-400))
    look(world, -10)
    world.release(A, at())
    look(world, 1)
    point_at(world, "2")
    ran = look(world, 30)
    item = ran.obligation()
    assert (item["status"], item["version"], item["not_before"]) == ("met", "2", "2026-03-02T10:00:00Z")


@pytest.mark.matrix
def test_weeks__before_the_first_look_are_unknown_and_page_nobody(world: World) -> None:
    for number in range(8):
        for hours in range(3):
            world.release(f"{number}{hours}".ljust(40, "a"), at(-7 * 24 * (number + 1) + hours))
    ran = look(world, 0)
    before = [row for row in weeks_of(ran) if row["partial"] == "false"]
    assert {(row["code_deploys"], row["model_deploys"], row["gap"]) for row in before[-7:]} == {("3", "", "")}
    assert ran.outputs["alerts"].count("divergence") == 0
    assert (ran.outputs["code-deploys"], ran.outputs["model-deploys"], ran.outputs["cadence-gap"]) == ("3", "", "")
    assert "lagging" not in ran.log + ran.summary
    for hours in range(3):
        world.release(f"f{hours}".ljust(40, "b"), at(24 * 7 + 1 + hours))
    ran = look(world, 24 * 14)
    (week,) = [row for row in weeks_of(ran) if row["week"] == "2026-03-09"]
    assert (week["code_deploys"], week["model_deploys"], week["gap"]) == ("3", "0", "3")


@pytest.mark.matrix
def test_outage__of_the_registry_does_not_lose_the_looks(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    assert look(world, 3).obligation()["status"] == "met"
    assert look(world, 4, mlflow_tracking_uri="http://127.0.0.1:9").code == 2
    assert look(world, 60).obligation()["not_before"] == "2026-03-02T11:00:00Z"


@pytest.mark.matrix
def test_first_look__is_told_once(world: World) -> None:
    world.release(A, at())
    assert "was not observed" in look(world, 1).log
    assert "was not observed" not in look(world, 2).log


@pytest.mark.matrix
def test_looks__every_six_hours_are_called_no_gap(world: World) -> None:
    for hours in range(-12, 72, 6):
        ran = look(world, hours)
    assert "was not observed" not in ran.log


@pytest.mark.matrix
def test_version__that_only_the_looks_know_is_named(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    look(world, 3)
    point_at(world, "1")
    world.registry.client.delete_model_version("recommender", "2")
    assert "known from the ledger only, the source no longer shows it: model:recommender/2" in look(world, 60).log


def test_summary__says_that_a_ship_was_observed(world: World) -> None:
    look(world, -10)
    world.release(A, at())
    world.registry.add_version(at(2))
    point_at(world, "2")
    assert "observed to ship between Mon 02 Mar 11:00 UTC and Tue 03 Mar 15:00 UTC" in look(world, 30).summary


@pytest.mark.matrix
def test_tag__a_ship_that_only_an_alias_showed_closes_nothing_once_the_version_is_stamped(world: World) -> None:
    world.release(A, at())
    look(world, 1)
    world.registry.add_version(at(10))
    look(world, 20)
    point_at(world, "2")
    look(world, 22)
    world.inputs["model-signal"] = "tag:flowjoy.deployed_at"
    assert look(world, 49).obligation()["status"] == "breached"
    stamp(world, "2", "2026-03-03T06:00:00Z")
    assert look(world, 50).obligation()["status"] == "breached"
