"""Evidence of deployments and ships: nothing that went live is forgotten, and what is not known is no pass."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.domain.timestamps import iso
from tests.e2e.in_process import A, B, Ran, World, at

pytestmark = pytest.mark.matrix

DAY = 24


def hourly(world: World, hours: float, sha: str = A, **inputs: Any) -> Ran:
    return world.run(at(hours), event="schedule", sha=sha, **inputs)


# A commit that is live


@pytest.mark.parametrize("weeks", ["1", "4", "12"])
@pytest.mark.parametrize("stub", ['{"models": {"recommender": BROKEN', '{"models": {"ghost": "any"}}'])
def test_live__a_release_that_cannot_be_judged_is_undecided_whatever_its_age_and_the_window(
    world: World, stub: str, weeks: str
) -> None:
    world.release(A, at(-100 * DAY))
    world.github.repository.add_file(A, "flowjoy.json", stub)
    ran = hourly(world, 0, weeks=weeks)
    assert (ran.code, ran.outputs["verdict"], world.check(A)["conclusion"]) == (2, "error", "failure")


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_live__a_breach_is_not_healed_by_losing_the_model(world: World, how: str) -> None:
    del world.inputs["models"]
    world.release(A, at(-100 * DAY))
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"}}')
    assert hourly(world, 0).code == 1
    client = world.registry.client
    if how == "deleted":
        client.delete_registered_model("recommender")
    else:
        client.rename_registered_model("recommender", "recommender-old")
    assert hourly(world, 1).code == 2


def test_live__a_breach_of_a_replaced_release_is_not_healed_by_deleting_its_model(world: World) -> None:
    del world.inputs["models"]
    shop = world.github.repository
    world.registry.add_model("ranker")
    world.release(A, at())
    shop.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"}}')
    assert hourly(world, 1).code == 0
    world.release(B, at(60))
    shop.add_file(B, "flowjoy.json", '{"models": {"ranker": "any"}}')
    world.registry.add_version(at(61), name="ranker")
    assert hourly(world, 70, B).code == 1
    world.registry.client.delete_registered_model("recommender")
    assert hourly(world, 60 * DAY, B).code == 2


# A release that a red FlowJoy hides


def deploying(world: World) -> int:
    """B is being deployed by the job in which FlowJoy runs; A kept its promise."""
    world.registry.add_version(at(-91))
    world.release(A, at(-90), run_id=1)
    world.github.repository.add_commit(B, at(), parent=A)
    statuses = [("queued", at()), ("in_progress", at(0.01))]
    return world.github.repository.add_deployment(sha=B, created_at=at(), statuses=statuses, run_id=77)


@pytest.mark.parametrize("registry", ["", "http://127.0.0.1:9"], ids=["all is well", "the registry is unreachable"])
def test_own_job__a_step_in_the_job_that_deploys_is_refused_and_its_failure_does_not_hide_the_release(
    world: World, registry: str
) -> None:
    world.artifacts = None
    number = deploying(world)
    inputs: dict[str, Any] = {"mlflow_tracking_uri": registry} if registry else {}
    ran = world.run(at(0.1), sha=B, run_id="77", **inputs)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "run FlowJoy in a job of its own that `needs` the job that deploys" in ran.log
    log_url = "https://github.com/acme/shop/actions/runs/77/job/1"
    world.github.repository.add_status(number, "failure", at(0.12), log_url)
    for hours, code, status in ((1, 0, "pending"), (49, 1, "breached"), (200, 1, "breached")):
        later = hourly(world, hours, B)
        assert (later.code, later.outputs["sla-status"]) == (code, status)
        assert "1 deployment whose job failed after FlowJoy ran in it: counted as live" in later.log
    world.registry.add_version(at(201))
    assert hourly(world, 202, B).code == 0


OTHER_NAMES = {
    "a reusable workflow": "    uses: ./.github/workflows/promise.yml\n",
    "a composite action": "    runs-on: x\n    steps: [{uses: ./.github/actions/sla}]\n",
    "a copy under another name": "    runs-on: x\n    steps: [{uses: acme/model-sla@v1}]\n",
}


@pytest.mark.parametrize("job", OTHER_NAMES.values(), ids=OTHER_NAMES.keys())
def test_runs__a_red_last_job_hides_no_release_whatever_it_is_called(world: World, job: str) -> None:
    shop = world.github.repository
    world.registry.add_version(at(-1))
    for sha, parent, hours in ((A, None, 0), (B, A, 60)):
        shop.add_commit(sha, at(hours), parent=parent)
    deploy = (
        "on: push\njobs:\n  deploy:\n    runs-on: x\n    steps: [{run: ./deploy.sh}]\n  promise:\n    needs: deploy\n"
    )
    shop.add_file(A, ".github/workflows/release.yml", deploy + job)
    for sha, hours, conclusion in ((A, 0, "success"), (B, 60, "failure")):
        run = shop.add_run(sha=sha, created_at=at(hours), updated_at=at(hours + 0.5), conclusion=conclusion)
        shop.add_job(run, "deploy", at(hours + 0.3))
        shop.add_job(run, "promise", at(hours + 0.5), conclusion=conclusion)
    world.inputs |= {"code-source": "workflow-runs", "workflow": "release.yml"}
    undecided = hourly(world, 200, B)
    assert (undecided.code, undecided.outputs["verdict"]) == (2, "error")
    assert "set deploy-job to the job that deploys" in undecided.log
    assert hourly(world, 201, B, deploy_job="deploy").code == 1


def test_runs__a_release_that_waits_for_a_reviewer_in_its_second_region_is_not_forgotten(world: World) -> None:
    shop = world.github.repository
    world.registry.add_version(at(-1))
    shop.add_commit(A, at())
    shop.add_commit(B, at(20), parent=A)
    shop.add_job(shop.add_run(sha=A, created_at=at(), updated_at=at(0.5)), "deploy-us", at(0.5))
    run = shop.add_run(sha=B, created_at=at(20), updated_at=at(21), status="waiting", conclusion=None)
    shop.add_job(run, "deploy-us", at(20.9))
    world.inputs |= {"code-source": "workflow-runs", "workflow": "release.yml"}
    assert [hourly(world, hours, B).code for hours in (60, 69, 200)] == [0, 2, 2]
    assert hourly(world, 201, B, deploy_job="deploy-*").code == 1


def test_runs__a_hotfix_from_another_branch_opens_its_clock(world: World) -> None:
    shop = world.github.repository
    world.registry.add_version(at(-1))
    shop.add_commit(A, at())
    shop.add_commit(B, at(59), parent=A, branch="hotfix")
    for sha, hours, branch in ((A, 0, "main"), (B, 60, "hotfix")):
        run = shop.add_run(sha=sha, created_at=at(hours), updated_at=at(hours + 0.5), branch=branch)
        shop.add_job(run, "deploy", at(hours + 0.4))
    world.inputs |= {"code-source": "workflow-runs", "workflow": "release.yml", "deploy-job": "deploy"}
    for hours, code, status in ((61, 0, "pending"), (200, 1, "breached")):
        ran = hourly(world, hours)
        assert (ran.code, ran.outputs["sla-status"]) == (code, status)
    assert f"by run {run}; a new version" in world.check(A)["output"]["summary"]
    narrowed = hourly(world, 201, branch="main")
    assert (narrowed.code, narrowed.outputs["sla-status"]) == (1, "breached")
    assert "1 run on other branches than main (hotfix) left out, because branch is set" in narrowed.log
    assert "a ship, a waiver or a later sla-since ends it" in narrowed.log
    world.registry.add_version(at(201))
    assert hourly(world, 202, branch="main").code == 0


# What a run saw that had not happened yet


def test_not_yet__a_commit_that_a_moved_tag_put_live_counts_from_the_last_run_that_saw_another(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    number = shop.add_release(tag="production", sha=A, published_at=at())
    world.inputs["code-source"] = "releases"
    assert hourly(world, 1).code == 0
    world.registry.add_version(at(5))
    assert [hourly(world, hours).code for hours in (6, 199)] == [0, 0]
    shop.add_commit(B, at(199.5), parent=A)
    shop.releases[number].sha = B
    for hours, code, status in ((200, 0, "pending"), (247, 0, "pending"), (248.5, 1, "breached"), (400, 1, "breached")):
        ran = hourly(world, hours, B)
        assert (ran.code, ran.outputs["sla-status"]) == (code, status)
        first = "2026-03-10T16:30:00Z" if status == "pending" else "2026-03-10T17:00:00Z"
        assert ran.obligation(sha=B)["start"] == first
    assert ran.obligation(sha=A)["status"] == "met"


def moved_after_long(world: World, *, promoted: bool) -> None:
    """FlowJoy ran at hour 1 and runs again at hour 100: between, B went live, by a moved tag or as a pre-release."""
    shop = world.github.repository
    world.inputs["code-source"] = "releases"
    shop.add_commit(A, at(-300))
    shop.add_commit(B, at(-1), parent=A)
    world.registry.add_version(at(-299))
    number = shop.add_release(tag="production", sha=A, published_at=at(-300))
    if promoted:
        number = shop.add_release(tag="v2", sha=B, published_at=at(), prerelease=True)
    assert hourly(world, 1, B).code == 0
    shop.releases[number].sha = B
    shop.releases[number].prerelease = False


@pytest.mark.parametrize("promoted", [False, True], ids=["a moved tag", "a promoted pre-release"])
def test_rare_runs__a_release_that_no_run_saw_go_live_is_broken_only_once_that_is_certain(
    world: World, *, promoted: bool
) -> None:
    """It was breached at hour 49 if it went live at hour 1, and is due at hour 148 if it went live at hour 100."""
    moved_after_long(world, promoted=promoted)
    for hours in (100, 130, 148):
        ran = hourly(world, hours, B)
        assert (ran.code, ran.outputs["verdict"], ran.obligation(sha=B)["status"]) == (2, "error", "unknown")
        between = "no run saw when it went live between 2026-03-02T10:00:00Z and 2026-03-06T13:00:00Z"
        assert f"{between}; run FlowJoy hourly" in ran.log
    ran = hourly(world, 148.01, B)
    assert (ran.code, ran.obligation(sha=B)["status"]) == (1, "breached")
    world.registry.add_version(at(150))
    assert hourly(world, 151, B).obligation(sha=B)["status"] == "late"


@pytest.mark.parametrize(
    ("seen", "ship", "hours", "code", "status"),
    [
        (60, 30, 130, 0, "met"),  # within 48 h of every start
        (100, 60, 130, 0, "undetermined"),  # late for one before hour 12
        (100, 120, 130, 0, "undetermined"),  # late for one before hour 72
        (100, 40, 120, 0, "pending"),  # too early for one after hour 88, which is due at hour 136
        (100, 40, 150, 2, "unknown"),
    ],
)
def test_rare_runs__a_ship_decides_only_where_every_possible_start_agrees(
    world: World, seen: float, ship: float, hours: float, code: int, status: str
) -> None:
    moved_after_long(world, promoted=False)
    for hour in sorted((seen, ship)):
        if hour == ship:
            world.registry.add_version(at(ship))
        else:
            hourly(world, seen, B)
    ran = hourly(world, hours, B)
    assert (ran.code, ran.obligation(sha=B)["status"]) == (code, status)


def test_rare_runs__a_rollback_that_no_run_saw_in_time_is_not_taken_for_one_in_time(world: World) -> None:
    shop = world.github.repository
    world.inputs["code-source"] = "releases"
    for number, sha in enumerate((A, B)):
        shop.add_commit(sha, at(number - 300))
    world.registry.add_version(at(-299))
    number = shop.add_release(tag="production", sha=A, published_at=at(-300))
    hourly(world, -1)
    shop.releases[number].sha = B
    assert hourly(world, 0, B).code == 0
    shop.releases[number].sha = A
    assert hourly(world, 100).obligation(sha=B)["status"] == "undetermined"


@pytest.mark.parametrize(
    ("signed_by", "made", "ship", "hours", "outcome"),
    [
        ("GitHub", 50, 1, 120, (2, "unknown")),  # overdue if it went live at hour 50, not yet due if at hour 120
        ("GitHub", 50, 60, 90, (0, "met")),  # within 48 h of every start
        ("GitHub", 110, None, 120, (0, "pending")),  # it went live at hour 110 or later
        (None, 110, None, 120, (2, "unknown")),  # its author may have chosen that date
        (None, 50, 60, 90, (0, "undetermined")),
        (None, -1, None, 120, (1, "breached")),
    ],
)
def test_moved_before__a_release_of_a_younger_commit_was_not_published_with_it(
    world: World, signed_by: str | None, made: float, ship: float | None, hours: float, outcome: tuple[int, str]
) -> None:
    """A tag that was moved before the first run: the publication is older than what it names."""
    shop = world.github.repository
    world.inputs["code-source"] = "releases"
    world.registry.add_version(at(-200))
    if ship is not None:
        world.registry.add_version(at(ship))
    shop.add_commit(B, at(made))
    shop.commits[B].signed_by = signed_by
    shop.add_release(tag="production", sha=B, published_at=at())
    ran = hourly(world, hours, B)
    assert (ran.code, ran.obligation(sha=B)["status"]) == outcome


def test_moved_before__the_run_that_first_saw_it_ends_the_doubt(world: World) -> None:
    shop = world.github.repository
    world.inputs["code-source"] = "releases"
    world.registry.add_version(at(-200))
    shop.add_commit(B, at(50))
    shop.add_release(tag="production", sha=B, published_at=at())
    for hours, code in ((97, 0), (98.5, 2), (145, 2), (145.5, 1)):
        assert hourly(world, hours, B).code == code


@pytest.mark.parametrize("looks", [(), (30, 98), (30, 50)], ids=["first look", "four-hourly", "rarely"])
def test_moved__a_rolling_tag_beside_a_release_of_its_commit_went_live_with_it(
    world: World, looks: tuple[float, ...]
) -> None:
    shop = world.github.repository
    world.inputs["code-source"] = "releases"
    world.registry.add_version(at(-200))
    shop.add_commit(A, at(-1))
    shop.add_release(tag="v1", sha=A, published_at=at())
    rolling = shop.add_release(tag="latest", sha=A, published_at=at(0.1))
    world.registry.add_version(at(20))
    assert [hourly(world, hours).code for hours in looks] == [0] * len(looks)
    shop.add_commit(B, at(99), parent=A)
    shop.releases[rolling].sha = B
    shop.add_release(tag="v2", sha=B, published_at=at(100))
    for hours, code, status in ((102, 0, "pending"), (146, 0, "at_risk"), (148.5, 1, "breached")):
        ran = hourly(world, hours, B)
        assert (ran.code, ran.obligation(sha=B)["status"]) == (code, status)


def test_not_yet__a_pre_release_that_is_promoted_counts_from_the_last_run_that_saw_it_as_one(world: World) -> None:
    shop = world.github.repository
    world.inputs["code-source"] = "releases"
    shop.add_commit(A, at(-100))
    shop.add_release(tag="v1", sha=A, published_at=at(-100))
    world.registry.add_version(at(-99))
    shop.add_commit(B, at(), parent=A)
    number = shop.add_release(tag="v2", sha=B, published_at=at(), prerelease=True)
    assert [hourly(world, hours, B).code for hours in (1, 71)] == [0, 0]
    shop.releases[number].prerelease = False
    for hours, code, first in ((72, 0, "08"), (119, 0, "08"), (119.5, 2, "08"), (120.5, 1, "09")):
        ran = hourly(world, hours, B)
        assert (ran.code, ran.obligation(sha=B)["start"]) == (code, f"2026-03-05T{first}:00:00Z")


def test_not_yet__a_promoted_pre_release_that_no_run_saw_counts_from_its_publication(world: World) -> None:
    world.inputs["code-source"] = "releases"
    world.github.repository.add_commit(A, at())
    world.github.repository.add_release(tag="v1", sha=A, published_at=at())
    assert hourly(world, 72).obligation()["start"] == "2026-03-02T09:00:00Z"


def test_not_yet__a_version_that_was_not_ready_at_the_deadline_ships_late(world: World) -> None:
    world.registry.add_version(at(-200))
    world.release(A, at())
    assert hourly(world, 1).code == 0
    world.registry.add_version(at(47), status="PENDING_REGISTRATION")
    assert hourly(world, 50).code == 1
    world.registry.backdate("recommender", "2", at(47))
    for hours in (61, 62):
        ran = hourly(world, hours)
        assert (ran.code, ran.obligation()["status"], ran.outputs["sla-late"]) == (0, "late", "1")
        assert (ran.obligation()["not_before"], ran.obligation()["shipped_at"]) == (
            "2026-03-04T11:00:00Z",
            "2026-03-04T22:00:00Z",
        )


def test_not_yet__a_stamp_that_is_written_afterwards_does_not_heal_a_breach(world: World) -> None:
    world.inputs["model-signal"] = "tag:flowjoy.deployed_at"
    world.registry.add_version(at(-200))
    world.release(A, at())
    world.registry.add_version(at(1))
    assert [hourly(world, hours).code for hours in (1, 60)] == [0, 1]
    world.registry.client.set_model_version_tag("recommender", "2", "flowjoy.deployed_at", iso(at(40)))
    for hours in (61, 62):
        ran = hourly(world, hours)
        assert (ran.code, ran.obligation()["status"], ran.obligation()["shipped_at"]) == (
            0,
            "late",
            "2026-03-04T22:00:00Z",
        )


def stamp(world: World, tag: str, hours: float, version: str = "1") -> None:
    world.registry.client.set_model_version_tag("recommender", version, tag, iso(at(hours)))


def test_not_yet__a_registered_version_that_is_stamped_afterwards_ships_late(world: World) -> None:
    world.registry.add_version(at(-60))
    world.release(A, at())
    assert [hourly(world, hours).code for hours in (1, 47, 60)] == [0, 0, 1]
    stamp(world, "flowjoy.deployed_at", 24)
    for hours in (61, 62):
        ran = hourly(world, hours)
        assert (ran.code, ran.obligation()["status"], world.check(A)["conclusion"]) == (0, "late", "failure")


def test_not_yet__a_version_that_is_stamped_minutes_after_its_registration_ships_at_its_stamp(world: World) -> None:
    world.registry.add_version(at(-60))
    world.release(A, at())
    world.registry.add_version(at(20))
    assert hourly(world, 20.1).code == 0
    stamp(world, "flowjoy.deployed_at", 20.2, "2")
    for hours in (21, 50):
        ran = hourly(world, hours)
        met = ran.obligation()
        assert (ran.code, met["status"], met["shipped_at"]) == (0, "met", iso(at(20.2)))
        assert met["not_before"] is None


def test_not_yet__a_stamp_that_is_moved_to_an_earlier_time_heals_no_late_ship(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(-60))
    assert [hourly(world, hours).code for hours in (1, 49)] == [0, 1]
    stamp(world, "flowjoy.deployed_at", 49.5)
    assert hourly(world, 50).obligation()["status"] == "late"
    stamp(world, "flowjoy.deployed_at", 20)
    for hours, signal in ((51, "registered"), (52, "tag:flowjoy.deployed_at")):
        assert hourly(world, hours, model_signal=signal).obligation()["status"] == "late"


@pytest.mark.parametrize("first", ["registered", "tag:a", "alias:live"])
def test_signal__one_that_changes_after_a_breach_makes_no_version_new_that_was_live_before(
    world: World, first: str
) -> None:
    world.registry.add_version(at(-100))
    stamp(world, "a", -100)
    world.registry.client.set_registered_model_alias("recommender", "live", "1")
    world.inputs["model-signal"] = first
    hourly(world, -10)
    world.release(A, at())
    assert [hourly(world, hours).code for hours in (1, 49)] == [0, 1]
    assert hourly(world, 50, model_signal="tag:prod").code == 1
    stamp(world, "prod", 10)
    for hours in (51, 52):
        ran = hourly(world, hours, model_signal="tag:prod")
        assert (ran.code, ran.obligation()["status"], world.check(A)["conclusion"]) == (1, "breached", "failure")
    world.registry.add_version(at(53))
    stamp(world, "prod", 54, "2")
    assert hourly(world, 55, model_signal="tag:prod").obligation()["status"] == "late"


def test_signal__a_version_that_waited_is_new_if_a_run_saw_it_wait(world: World) -> None:
    world.registry.add_version(at(-100))
    world.release(A, at())
    assert [hourly(world, hours).code for hours in (1, 10)] == [0, 0]
    assert hourly(world, 11, model_signal="tag:prod").code == 0
    stamp(world, "prod", 20)
    assert hourly(world, 21, model_signal="tag:prod").obligation()["status"] == "met"


@pytest.mark.parametrize("how", ["a name", "a stamp", "readiness"])
def test_rare_runs__a_version_that_no_run_saw_ship_around_the_deadline_is_undetermined(world: World, how: str) -> None:
    """The runs at 44 and 52 do not tell whether it shipped by 48."""
    registry = world.registry
    registry.add_version(at(-101))
    registry.add_model("candidate")
    registry.add_version(at(10), name="candidate")
    world.release(A, at())
    if how != "a name":
        registry.add_version(at(0.5), status="READY" if how == "a stamp" else "PENDING_REGISTRATION")
    world.inputs["model-signal"] = "tag:flowjoy.deployed_at" if how == "a stamp" else "registered"
    assert [hourly(world, hours).outputs["sla-status"] for hours in (1, 44)] == ["pending", "pending"]
    if how == "a name":
        registry.client.rename_registered_model("recommender", "recommender-old")
        registry.client.rename_registered_model("candidate", "recommender")
    elif how == "a stamp":
        stamp(world, "flowjoy.deployed_at", 41, "2")
    else:
        registry.backdate("recommender", "2", at(0.5))
    for hours in (52, 53):
        ran = hourly(world, hours)
        unknown = ran.obligation()
        assert (ran.code, unknown["status"], world.check(A)["conclusion"]) == (0, "undetermined", "neutral")
        assert (unknown["not_before"], unknown["seen_by"]) == (iso(at(44)), iso(at(52)))


@pytest.mark.parametrize("old", ["renamed", "deleted"])
def test_not_yet__a_version_of_another_model_that_takes_the_name_ships_after_the_last_run_without_it(
    world: World, old: str
) -> None:
    client = world.registry.client
    world.registry.add_version(at(-101))
    world.registry.add_model("candidate")
    world.registry.add_version(at(-99), name="candidate")
    world.release(A, at(-100))
    hourly(world, -90)
    world.release(B, at(), parent=A)
    world.registry.add_version(at(10), name="candidate")
    assert [hourly(world, hours, B).code for hours in (1, 24, 47, 50)] == [0, 0, 0, 1]
    if old == "renamed":
        client.rename_registered_model("recommender", "recommender-old")
    else:
        client.delete_registered_model("recommender")
    client.rename_registered_model("candidate", "recommender")
    assert hourly(world, 55, B, mlflow_tracking_uri="http://127.0.0.1:9").code == 2  # an outage forgets nothing
    for hours in (60, 61):
        ran = hourly(world, hours, B)
        late = ran.obligation(sha=B)
        assert (ran.code, late["status"], late["shipped_at"]) == (0, "late", "2026-03-04T21:00:00Z")


def test_not_yet__a_version_that_was_superseded_before_its_stamp_ships_no_earlier_than_it_was_ready(
    world: World,
) -> None:
    world.release(A, at())
    world.registry.add_version(at(10), status="PENDING_REGISTRATION")
    assert [hourly(world, hours).code for hours in (47, 50)] == [0, 1]
    world.registry.backdate("recommender", "1", at(10))
    world.registry.add_version(at(51))
    world.registry.client.set_model_version_tag("recommender", "1", "flowjoy.deployed_at", iso(at(52)))
    assert hourly(world, 60).obligation()["status"] == "late"
