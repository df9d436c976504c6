"""Runs that remember: the report of one is the ledger of the next. Evidence for events, never for a status."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowjoy import __version__
from flowjoy.cli.run import run
from tests.e2e.in_process import A, B, C, Ran, World, at, blank_pictures
from tests.fakes.faults import Edited, EmptyBody, Garbage, Reset, Stall, Truncate
from tests.fakes.github_state import stamp
from tests.fakes.http_base import Answer, Fault
from tests.fakes.registry import embedded

NAME = "flowjoy-shop"
BUNDLE = "flowjoy-bundle.json"
YEAR_1 = "0001-01-01T00:00:00Z"


def ledgers(world: World) -> list[int]:
    """The ids of the artifacts that GitHub lists, oldest first."""
    return sorted(world.github.repository.artifacts)


def forget_everything(world: World) -> None:
    """Somebody deletes every artifact."""
    world.github.repository.artifacts.clear()


def scheduled(world: World, hours: float, **more: Any) -> Ran:
    return world.run(at(hours), event="schedule", **more)


def held(ran: Ran, kind: str, number: str) -> dict[str, Any]:
    return next(item for item in ran.bundle[kind] if item["id"] == number)


def test_artifact__holds_every_file_as_it_was_written(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(1))
    assert world.artifacts is not None
    content = world.artifacts.named(NAME).content
    assert content is not None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.name: path.read_bytes() for path in ran.folder.iterdir()
        }


def test_bundle__says_which_run_wrote_it_and_why_not_to_believe_it(world: World) -> None:
    world.release(A, at())
    run = scheduled(world, 1).bundle["written_by"]
    assert (run["event"], run["ref"], run["default_branch"]) == ("schedule", "refs/heads/main", "main")
    assert (run["distrust"], run["version"]) == ("", __version__)
    assert run["run_id"]
    assert run["head_sha"]
    dry = world.run(at(2), event="schedule", as_of=stamp(at(1))).bundle["written_by"]
    assert dry["distrust"] == "it is a dry run with as-of"
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    payload = world.pull_request(number, fork=False)
    pull = world.run(at(2), event="pull_request", sha=B, payload=payload).bundle["written_by"]
    assert (pull["event"], pull["distrust"]) == ("pull_request", "no run of the event pull_request is")


def test_artifact__is_named_by_the_outputs_the_summary_and_the_check(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(1))
    (number,) = ledgers(world)
    run_id = world.github.repository.artifacts[number].run.id
    url = f"https://github.com/acme/shop/actions/runs/{run_id}/artifacts/{number}"
    assert (ran.outputs["artifact-id"], ran.outputs["artifact-url"]) == (str(number), url)
    assert f"]({url})" in ran.summary
    assert f"]({url})" in world.check(A)["output"]["summary"]


def test_artifact__that_cannot_be_uploaded_is_a_warning_with_the_cure(world: World) -> None:
    assert world.artifacts is not None
    world.release(A, at())
    full = {"code": "resource_exhausted", "msg": "insufficient usage to create artifact"}
    world.artifacts.fail("CreateArtifact", times=None, fault=Answer(429, full))
    ran = world.run(at(1))
    assert (ran.code, ran.outputs["artifact-id"], ran.outputs["artifact-url"]) == (0, "", "")
    assert "the account's storage for artifacts is used up" in ran.log
    assert (ran.folder / BUNDLE).exists()


def test_artifact__without_a_service_the_files_stay_and_one_notice_says_why(world: World) -> None:
    world.artifacts = None
    world.release(A, at())
    ran = world.run(at(1))
    assert ran.code == 0
    assert ran.log.count("no artifact is uploaded: this runner has no artifact service") == 1
    assert "flowjoy-report" in ran.log
    assert (ran.folder / BUNDLE).exists()


def test_artifact__of_a_run_on_a_laptop_is_none_and_one_notice_says_why(tmp_path: Path) -> None:
    for name in ("deploys.txt", "ships.txt"):
        (tmp_path / name).write_text("2026-03-02T09:00:00Z\n")
    given = {"service": "shop", "code-source": "file", "code-file": "deploys.txt", "models": "recommender"}
    given |= {"model-source": "file", "model-file": "ships.txt"}
    log = io.StringIO()
    with blank_pictures():
        flags = [part for name, value in given.items() for part in (f"--{name}", value)]
        code = run({"GITHUB_WORKSPACE": str(tmp_path)}, flags, now=at(5), stream=log)
    assert (code, log.getvalue().count("NOTICE: no artifact is uploaded")) == (0, 1)
    assert (tmp_path / "flowjoy-report" / BUNDLE).exists()


@pytest.mark.matrix
def test_artifact__a_dry_look_uploads_nothing_and_reads_the_ledger(world: World) -> None:
    world.release(A, at())
    world.run(at(1))
    ran = world.run(at(5), as_of="2026-03-02T12:00:00Z")
    assert (ran.code, len(ledgers(world))) == (0, 1)
    assert held_coverage(ran, "ledger")["state"] == "complete"


@pytest.mark.matrix
def test_artifact__keeps_no_secret_address(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(1))
    assert "canary-sig" not in ran.log
    assert "canary-signature" not in ran.log + (ran.folder / BUNDLE).read_text()


def held_coverage(ran: Ran, source: str) -> dict[str, Any]:
    return next(item for item in ran.bundle["coverage"] if item["source"].startswith(source))


@pytest.mark.matrix
def test_memory__a_ship_that_the_registry_forgot_keeps_closing_what_it_closed(world: World) -> None:
    world.release(A, at())
    version = world.registry.add_version(at(3))
    assert world.run(at(4)).obligation()["status"] == "met"
    world.registry.client.delete_model_version("recommender", version)

    remembered = scheduled(world, 60)
    assert (remembered.code, remembered.obligation()["status"]) == (0, "met")
    assert held(remembered, "models", "model:recommender/1")["source_gone"] is True
    assert "known from the ledger only, the source no longer shows it: model:recommender/1" in remembered.log

    forget_everything(world)
    strict = scheduled(world, 61)
    assert (strict.code, strict.obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_memory__outlives_the_run_that_found_it_gone(world: World) -> None:
    world.release(A, at())
    version = world.registry.add_version(at(3))
    world.run(at(4))
    world.registry.client.delete_model_version("recommender", version)
    for hours in (30, 60, 90):
        assert scheduled(world, hours).obligation()["status"] == "met"


@pytest.mark.matrix
@pytest.mark.parametrize("requires", ["2", ">=2", "any"])
@pytest.mark.parametrize("signal", ["registered", "alias:production"])
def test_memory__a_version_that_was_missed_before_a_release_closes_nothing_of_it(
    world: World, signal: str, requires: str
) -> None:
    """It keeps closing what it closed: but nobody can serve a version that was taken out of the registry."""
    world.inputs["model-signal"] = signal
    point = world.registry.client.set_registered_model_alias
    point("recommender", "production", world.registry.add_version(at(-500)))
    scheduled(world, -490)
    released(world, B, -21, requires)
    point("recommender", "production", world.registry.add_version(at(-20)))
    assert scheduled(world, -18).obligation(sha=B)["status"] == "met"
    world.registry.client.delete_model_version("recommender", "2")
    point("recommender", "production", "1")
    scheduled(world, -10)
    assert scheduled(world, -9, mlflow_tracking_uri="http://127.0.0.1:9").code == 2  # an outage forgets nothing
    released(world, A, 0, requires)
    ran = scheduled(world, 49)
    assert (ran.code, ran.obligation()["status"], ran.obligation(sha=B)["status"]) == (1, "breached", "met")
    assert ran.bundle["models_gone"]["recommender/2"] == "2026-03-01T15:00:00Z"


@pytest.mark.parametrize("requires", ["1", ">=2"])
def test_memory__a_version_that_was_deleted_between_the_last_run_and_a_release_closes_nothing_of_it(
    world: World, requires: str
) -> None:
    """No run can tell whether it was deleted before the release or after it, so the ledger makes nothing milder."""
    for hours in (-100, -99):
        world.registry.add_version(at(hours))
    scheduled(world, -1)
    world.registry.client.delete_model_version("recommender", requires.removeprefix(">="))
    released(world, A, 0, requires)
    assert [scheduled(world, hours).code for hours in (1, 24, 49)] == [0, 0, 1]


def released(world: World, sha: str, hours: float, requires: str) -> None:
    """A release whose stub asks for a version."""
    world.release(sha, at(hours))
    world.github.repository.add_file(sha, "flowjoy.json", json.dumps({"models": {"recommender": requires}}))


@pytest.mark.matrix
def test_memory__a_deploy_that_github_forgot_stays_on_the_timeline(world: World) -> None:
    number = world.release(A, at())
    first = world.run(at(1))
    assert first.obligation()["status"] == "pending"
    del world.github.repository.deployments[number]
    world.release(B, at(2))
    world.registry.add_version(at(3))
    ran = scheduled(world, 60, sha=B)
    assert (ran.code, [item["sha"] for item in ran.bundle["code"]]) == (0, [A, B])
    assert held(ran, "code", f"deployment:{number}")["source_gone"] is True
    assert [item["sha"] for item in ran.bundle["obligations"]] == [A, B]  # closed by the same ship: history


@pytest.mark.matrix
def test_p66__a_deployment_that_is_deleted_keeps_the_clock_that_it_opened(world: World) -> None:
    number = world.release(A, at())
    world.run(at(1))
    del world.github.repository.deployments[number]
    world.release(B, at(2))
    ran = scheduled(world, 49, sha=B)
    assert (ran.code, ran.obligation()["status"], ran.obligation(sha=B)["status"]) == (1, "breached", "at_risk")
    forget_everything(world)
    assert (scheduled(world, 49.5, sha=B).code, A in ran.log) == (0, False)
    world.registry.add_version(at(49.6))
    assert scheduled(world, 49.8, sha=B).obligation(sha=B)["status"] == "met"


OTHER_INPUTS: dict[str, dict[str, str]] = {
    "models": {"models": "ranker"},
    "no models": {"models": ""},
    "environment": {"environment": "staging"},
    "code-source": {"code-source": "releases"},
}


@pytest.mark.matrix
@pytest.mark.parametrize("change", OTHER_INPUTS)
def test_inputs__that_change_end_no_breach(world: World, change: str) -> None:
    world.registry.add_model("ranker")
    world.registry.add_version(at(1), name="ranker")
    world.github.repository.add_deployment(sha=A, created_at=at(-1), environment="staging")
    world.release(A, at())
    assert scheduled(world, 49).code == 1
    before, other = dict(world.inputs), OTHER_INPUTS[change]
    world.inputs |= other
    for hours in (50, 51):
        ran = scheduled(world, hours)
        assert (ran.code, ran.outputs["sla-status"], world.check(A)["conclusion"]) == (1, "breached", "failure")
        assert "owed under earlier inputs" in ran.log
    assert scheduled(world, 52, sla_since="2026-03-03").code == 0
    world.inputs = before
    assert scheduled(world, 53).outputs["sla-breached"] == "1"
    world.inputs |= other
    assert scheduled(world, 54).code == 1
    world.registry.add_version(at(55))
    ended = scheduled(world, 56)
    assert (ended.code, ended.obligation()["status"]) == (0, "late")
    assert scheduled(world, 57).code == 0


def test_inputs__a_later_deployment_of_the_same_commit_does_not_replace_a_breach(world: World) -> None:
    world.release(A, at())
    at_45 = [("success", at(45))]
    world.github.repository.add_deployment(sha=A, created_at=at(45), environment="staging", statuses=at_45)
    assert scheduled(world, 49).code == 1
    for hours in (50, 51):
        ran = scheduled(world, hours, environment="staging")
        assert (ran.code, ran.outputs["sla-breached"], world.check(A)["conclusion"]) == (1, "1", "failure")
    world.registry.add_version(at(52))
    for hours in (53, 54):
        ran = scheduled(world, hours, environment="staging")
        assert sorted(item["status"] for item in ran.bundle["obligations"]) == ["late", "met"]
        assert (ran.code, world.check(A)["conclusion"]) == (0, "failure")


def rows(world: World, name: str, *lines: str) -> None:
    (world.workspace / name).write_text("\n".join(("ts,sha" if name == "code.csv" else "ts,name,version", *lines, "")))


@pytest.mark.parametrize("row", ["", f"{stamp(at(47))},{A}", f"{stamp(at(48))},{B}"], ids=["gone", "later", "another"])
def test_file__a_row_that_goes_or_moves_ends_no_breach(world: World, row: str) -> None:
    world.inputs |= {"code-source": "file", "code-file": "code.csv"}
    rows(world, "code.csv", f"{stamp(at())},{A}")
    assert [scheduled(world, hours).code for hours in (1, 49)] == [0, 1]
    rows(world, "code.csv", *filter(None, [row]))
    for hours in (50, 51):
        ran = scheduled(world, hours)
        assert (ran.code, ran.outputs["sla-breached"]) == (1, "1")
        assert "owed by a row that left code-file; a ship, a waiver or a later sla-since ends it" in ran.log
    rows(world, "code.csv", f"{stamp(at())},{A}")
    assert scheduled(world, 52).outputs["sla-breached"] == "1"
    rows(world, "code.csv", *filter(None, [row]))
    world.registry.add_version(at(53))
    assert (scheduled(world, 54).code, scheduled(world, 55).code) == (0, 0)


def test_file__a_rollback_that_is_written_afterwards_cancels_no_breach(world: World) -> None:
    world.inputs |= {"code-source": "file", "code-file": "code.csv"}
    lines = [f"{stamp(at(-100))},{B}", f"{stamp(at())},{A}"]
    world.registry.add_version(at(-99))
    rows(world, "code.csv", *lines)
    assert [scheduled(world, hours).code for hours in (1, 49)] == [0, 1]
    rows(world, "code.csv", *lines, f"{stamp(at(24))},{B}")
    assert [scheduled(world, hours).code for hours in (50, 51)] == [1, 1]


def test_file__a_ship_that_is_written_afterwards_counts_from_the_last_reading(world: World) -> None:
    world.inputs |= {"model-source": "file", "model-file": "models.csv"}
    old = f"{stamp(at(-100))},recommender,1"
    world.release(A, at())
    rows(world, "models.csv", old)
    assert [scheduled(world, hours).code for hours in (1, 49)] == [0, 1]
    rows(world, "models.csv", f"{stamp(at(24))},recommender,1")
    assert scheduled(world, 50).obligation()["status"] == "breached"
    rows(world, "models.csv", old, f"{stamp(at(24))},recommender,2")
    for hours in (51, 52):
        late = scheduled(world, hours).obligation()
        assert (late["status"], late["not_before"], late["shipped_at"]) == ("late", stamp(at(50)), stamp(at(51)))


def test_service__under_a_new_name_still_owes_what_was_overdue(world: World) -> None:
    world.release(A, at())
    assert scheduled(world, 49).code == 1
    world.inputs |= {"service": "web", "artifact-name": NAME, "environment": "web-production"}
    live = [("success", at(49.5))]
    world.github.repository.add_deployment(sha=C, created_at=at(49.5), environment="web-production", statuses=live)
    first = scheduled(world, 50, sha=C)
    assert (first.code, first.outputs["sla-breached"]) == (1, "1")
    assert "owed by the service 'shop', whose ledger has this name" in first.log
    warning = next(line for line in first.log.splitlines() if line.startswith("::warning"))
    assert "no ledger of the service 'web' has this artifact-name, but one of 'shop' has: only what is" in warning
    assert "no ledger of an earlier run of web was found" in first.log
    again = scheduled(world, 51, sha=C)
    assert (again.code, "::warning" in again.log) == (1, False)
    own = scheduled(world, 52, sha=C, artifact_name="flowjoy-web")
    assert own.code == 0
    world.registry.add_version(at(53))
    assert scheduled(world, 54, sha=C).code == 0


@pytest.mark.matrix
def test_service__that_shares_a_name_is_warned_in_every_run_and_told_the_cure(world: World) -> None:
    """`api/v1` and `api-v1` have one default name."""
    world.registry.add_model("ranker")
    world.registry.add_version(at(1), name="ranker")
    world.release(A, at())
    live = [("success", at())]
    world.github.repository.add_commit(B, at())
    world.github.repository.add_deployment(sha=B, created_at=at(), environment="eu", statuses=live)
    for hours in (49, 50, 51):
        first = scheduled(world, hours, service="api/v1")
        second = scheduled(world, hours + 0.2, service="api-v1", environment="eu", models="ranker", sha=B)
        assert (first.code, second.code) == (1, 1)
        warning = next(line for line in second.log.splitlines() if line.startswith("::warning"))
        assert "'api/v1'" in warning
        error = next(line for line in second.log.splitlines() if line.startswith("::error"))
        assert ("et artifact-name" in warning, "set artifact-name" in error) == (True, True)
    own = scheduled(world, 52, service="api-v1", environment="eu", models="ranker", sha=B, artifact_name="v1")
    assert own.code == 0


def test_service__that_shares_a_name_with_several_others_takes_over_nothing(world: World) -> None:
    world.inputs["artifact-name"] = NAME
    world.release(A, at())
    assert scheduled(world, 49).code == 1
    assert scheduled(world, 49.2, service="cart").code == 1
    world.github.repository.add_deployment(sha=B, created_at=at(49), environment="eu", statuses=[("success", at(49))])
    ran = scheduled(world, 49.4, service="web", environment="eu", sha=B)
    assert (ran.code, ran.outputs["sla-status"]) == (0, "pending")
    assert "but one of 'cart', 'shop' has: nothing of them is read" in ran.log


def test_registry__the_content_of_a_version_is_not_new_in_another_one(world: World, tmp_path: Path) -> None:
    world.registry.add_version(at(-100), source="s3://models/1")
    world.release(A, at())
    assert [scheduled(world, hours).code for hours in (1, 49)] == [0, 1]
    folder = tmp_path / "other"
    folder.mkdir()
    other = embedded(folder)
    other.add_model()
    other.add_version(at(50), source="s3://models/1")
    for hours in (51, 52):
        ran = scheduled(world, hours, mlflow_tracking_uri=other.uri)
        assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    other.add_version(at(53), source="s3://models/2")
    assert scheduled(world, 54, mlflow_tracking_uri=other.uri).obligation()["status"] == "late"


@pytest.mark.matrix
def test_p66__every_deployment_and_the_environment_deleted_heals_no_breach(world: World) -> None:
    number = world.release(A, at())
    assert scheduled(world, 49).code == 1
    del world.github.repository.deployments[number]
    ran = scheduled(world, 50)
    assert (ran.code, ran.obligation()["status"], ran.outputs["sla-status"]) == (1, "breached", "breached")


@pytest.mark.matrix
def test_p66__a_clean_up_of_old_deployments_and_versions_turns_nothing_red(world: World) -> None:
    """Retention jobs keep a few (Kaiwen0418/agent-benchmark#100); numbers are never reused (mlflow/mlflow#4593)."""
    numbers = []
    for day in range(6):
        sha = f"{day + 1:040x}"
        numbers.append(world.release(sha, at(24 * day)))
        world.github.repository.add_file(sha, "flowjoy.json", f'{{"models": {{"recommender": "{day + 1}"}}}}')
        world.registry.add_version(at(24 * day + 1))
    assert scheduled(world, 130).code == 0
    for number in numbers[:4]:
        del world.github.repository.deployments[number]
    for version in range(1, 6):
        world.registry.client.delete_model_version("recommender", str(version))
    ran = scheduled(world, 131)
    assert (ran.code, {item["status"] for item in ran.bundle["obligations"]}) == (0, {"met"})
    assert len(ran.bundle["obligations"]) == 6


@pytest.mark.matrix
def test_p66__a_first_deployment_deleted_and_its_run_started_again_starts_no_new_clock(world: World) -> None:
    shop = world.github.repository
    run_id = world.begin(at(), event="push", sha=A)
    number = world.release(A, at(), run_id=run_id)
    assert scheduled(world, 49).code == 1
    del shop.deployments[number]
    world.release(A, at(50), run_id=run_id)
    ran = scheduled(world, 51)
    assert (ran.code, held_obligation(ran, f"deployment:{number}/recommender")["status"]) == (1, "breached")


def held_obligation(ran: Ran, number: str) -> dict[str, Any]:
    return held(ran, "obligations", number)


@pytest.mark.matrix
def test_p66__a_release_whose_tag_is_moved_keeps_the_clock_of_the_commit_that_went_live(world: World) -> None:
    world.inputs |= {"code-source": "releases", "models": ""}
    shop = world.github.repository
    for sha, requires in ((A, '"any"'), (B, '{"requires": "none", "reason": "x"}')):
        shop.add_commit(sha, at())
        shop.add_file(sha, "flowjoy.json", f'{{"models": {{"recommender": {requires}}}}}')
    number = shop.add_release(sha=A, tag="v1", created_at=at(), published_at=at())
    assert scheduled(world, 49).code == 1
    shop.releases[number].sha = B
    ran = scheduled(world, 50)
    assert (ran.code, ran.obligation()["status"], ran.obligation(sha=B)["status"]) == (1, "breached", "not_required")
    shop.releases.pop(number)
    assert scheduled(world, 51).obligation()["status"] == "breached"


def test_p66__a_release_that_is_published_again_and_again_keeps_its_first_clock(world: World) -> None:
    world.inputs |= {"code-source": "releases"}
    shop = world.github.repository
    shop.add_commit(A, at())
    number = shop.add_release(sha=A, tag="v1", created_at=at(), published_at=at())
    assert scheduled(world, 1).code == 0
    shop.releases[number].published_at = "2026-03-04T08:00:00Z"  # an hour before its deadline
    ran = scheduled(world, 49)
    assert (ran.code, ran.outputs["sla-status"]) == (1, "breached")
    assert scheduled(world, 94).code == 1


@pytest.mark.matrix
def test_p66__a_model_that_is_deleted_and_made_again_of_the_same_content_heals_no_breach(world: World) -> None:
    world.registry.add_version(at(-100), source="s3://models/old")
    world.release(A, at())
    assert scheduled(world, 49).code == 1
    world.registry.client.delete_registered_model("recommender")
    assert scheduled(world, 50).code == 2  # the registry does not know it
    world.registry.add_model("recommender")
    world.registry.add_version(at(51), source="s3://models/old")
    ran = scheduled(world, 52)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert {item["version"]: item["source_gone"] for item in ran.bundle["models"]} == {"1": False, "1 (deleted)": True}
    world.registry.add_version(at(53), source="s3://models/new")
    assert scheduled(world, 54).obligation()["status"] == "late"


def test_p66__a_model_that_is_renamed_heals_no_breach(world: World) -> None:
    world.release(A, at())
    assert scheduled(world, 49).code == 1
    world.registry.client.rename_registered_model("recommender", "ranker")
    assert scheduled(world, 50).code == 2


@pytest.mark.matrix
def test_p64__a_rollback_that_only_the_ledger_knows_cancels_nothing(world: World) -> None:
    """It may never have been: GitHub shows nothing of a deployment that was deleted."""
    world.release(A, at(-200))
    world.registry.add_version(at(-199))
    world.release(B, at())
    back = world.release(A, at(5))
    assert world.run(at(6)).obligation(sha=B)["status"] == "cancelled"
    del world.github.repository.deployments[back]
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation(sha=B)["status"]) == (1, "breached")
    forget_everything(world)
    assert scheduled(world, 61).code == 1


@pytest.mark.matrix
def test_p64__a_version_that_nobody_registered_closes_nothing(world: World) -> None:
    """And the registry shows no trace of a deletion."""
    world.release(A, at())
    world.registry.add_version(at(-100))
    world.run(at(1))

    def forge(data: dict[str, Any]) -> None:
        (real,) = data["models"]
        forged = {"id": "model:recommender/9", "version": "9", "shipped_at": "2026-03-02T09:30:00Z"}
        forged |= {"registered_at": forged["shipped_at"], "source": "s3://models/forged"}
        data["models"] += [{**real, **forged, "borne_out": True}, {**real, **forged, "id": "model:recommender/9 "}]

    rewritten(world, forge)
    ran = scheduled(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert scheduled(world, 50).code == 1


@pytest.mark.matrix
@pytest.mark.parametrize("hours", [-24 * 60, -60])
@pytest.mark.parametrize("claims", ["nothing", "it failed", "another commit", "another time"])
def test_p64__a_ledger_that_lacks_an_open_breach_changes_nothing(world: World, hours: float, claims: str) -> None:
    number = world.release(A, at(hours))
    for other in range(1, 5):
        world.release(f"{other:040x}", at(-other))
    world.registry.add_version(at(hours - 100))
    assert world.run(at()).code == 1

    def forge(data: dict[str, Any]) -> None:
        ours = next(item for item in data["code"] if item["id"] == f"deployment:{number}")
        changes: dict[str, dict[str, Any]] = {
            "it failed": {"outcome": "failed"},
            "another commit": {"sha": B},
            "another time": {"shipped_at": "2026-03-02T08:00:00Z"},
        }
        ours.update(changes.get(claims, {}))
        if claims == "nothing":
            data["code"].remove(ours)
        data.update(obligations=[], reread_since="2026-03-02T09:00:00Z", code_total=5)

    rewritten(world, forge)
    ran = scheduled(world, 1)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_p64__a_deployment_that_never_was_cancels_and_splits_nothing(world: World) -> None:
    """A rollback that would cancel the clock, and a deploy of the same commit long before, by which it opens none."""
    world.github.repository.add_commit(B, at(-5000))
    world.release(A, at())
    world.run(at(1))

    def forge(data: dict[str, Any]) -> None:
        (real,) = data["code"]
        fakes = [("7", B, "2025-12-01T09:00:00Z"), ("8", A, "2025-11-01T09:00:00Z"), ("9", B, "2026-03-02T10:00:00Z")]
        data["code"] += [
            {**real, "id": f"deployment:{n}", "sha": sha, "shipped_at": when, "created_at": when}
            for n, sha, when in fakes
        ]

    rewritten(world, forge)
    ran = scheduled(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")


def test_memory__stubs_are_known_by_the_id_that_github_gives_them(world: World) -> None:
    world.release(A, at())
    stub = '{"models": {"recommender": {"requires": "none", "reason": "caf\\u00e9 é"}}}'
    world.github.repository.add_file(A, "flowjoy.json", stub)
    assert world.run(at(1)).obligation()["status"] == "not_required"
    before = len(world.github.requests)
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (0, "not_required")
    asked = [json.loads(request.body) for request in world.github.requests[before:] if request.path == "/graphql"]
    files = {key: text for item in asked for key, text in item["variables"].items() if f"{A}:" in str(text)}
    assert files == {"known0": f"{A}:flowjoy.json"}


def test_memory__the_stub_of_a_commit_that_is_gone_is_not_known(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"}}')
    world.github.repository.add_commit(C, at(1))
    assert world.run(at(1), sha=C).obligation()["status"] == "pending"
    del world.github.repository.commits[A]
    ran = scheduled(world, 2, sha=C)
    assert (ran.code, ran.obligation(model="*")["status"]) == (2, "unknown")


_WAIVER = {"model": "recommender", "sha": "*", "reason": "x", "by": "x", "until": "2026-04-01T00:00:00Z"}
FORGED: Mapping[str, str | None] = {
    "requires none": '{"models": {"recommender": {"requires": "none", "reason": "x"}}}',
    "another model": '{"models": {"ranker": {"requires": "none", "reason": "x"}}}',
    "a waiver": json.dumps({"models": {"recommender": "any"}, "waivers": [_WAIVER]}),
    "no stub": None,
}


@pytest.mark.matrix
@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("source", ["deployments", "workflow-runs", "releases"])
def test_p64__a_stub_that_only_the_ledger_knows_changes_nothing(world: World, forged: str, source: str) -> None:
    world.inputs |= {"code-source": source, "models": ""}
    world.inputs |= {"workflow": "release.yml"} if source == "workflow-runs" else {}
    shop = world.github.repository
    world.release(A, at())
    shop.add_run(sha=A, created_at=at())
    shop.add_release(sha=A, tag="v1", created_at=at(), published_at=at())
    shop.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"}}')
    assert world.run(at(1)).obligation()["status"] == "pending"
    rewritten(world, lambda data: data["stubs"][A].update(text=FORGED[forged]))
    ran = scheduled(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert ran.bundle["stubs"][A]["text"] == '{"models": {"recommender": "any"}}'


@pytest.mark.matrix
def test_p64__that_a_commit_had_no_stub_is_proved_by_github(world: World) -> None:
    """Without a stub `models` says what the code depends on; a forged one would say that it depends on nothing."""
    world.release(A, at())
    world.run(at(1))
    rewritten(world, lambda data: data["stubs"][A].update(text=FORGED["requires none"]))
    assert (scheduled(world, 49).code, scheduled(world, 50).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_memory__a_stub_that_was_not_there_is_looked_for_again(world: World) -> None:
    """One answer that knew no file must not be believed for ever."""
    world.inputs["models"] = ""
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"}}')

    def without_files(body: dict[str, Any]) -> dict[str, Any]:
        current = body["data"]["repository"]
        current.update({name: None for name in current if name.startswith("file")})
        return body

    world.github.fail("/graphql", times=None, fault=Edited(without_files))
    assert world.run(at(1)).outputs["sla-status"] == "undeclared"
    world.github.heal()
    assert (scheduled(world, 60).code, scheduled(world, 61).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_memory__a_stub_that_was_garbled_once_is_looked_at_again(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"}}')
    world.registry.add_version(at(1))
    world.run(at(2))
    rewritten(world, lambda data: data["stubs"][A].update(text='{"models": {"recommen'))
    assert scheduled(world, 3).obligation()["status"] == "met"


@pytest.mark.matrix
def test_memory__a_stamp_that_was_taken_back_is_no_ship(world: World) -> None:
    world.inputs["model-signal"] = "tag:shipped"
    world.release(A, at())
    version = world.registry.add_version(at(1), tags={"shipped": "2026-03-02T11:00:00Z"})
    assert world.run(at(4)).obligation()["status"] == "met"
    world.registry.client.delete_model_version_tag("recommender", version, "shipped")
    assert scheduled(world, 60).code == 1


@pytest.mark.matrix
def test_memory__of_another_registry_closes_nothing(world: World, tmp_path: Path) -> None:
    released_and_closed(world)
    folder = tmp_path / "other"
    folder.mkdir()
    other = embedded(folder)
    other.add_model("recommender")
    assert scheduled(world, 60, mlflow_tracking_uri=other.uri).code == 1


@pytest.mark.matrix
def test_memory__outlives_an_outage_of_the_registry(world: World) -> None:
    released_and_closed(world)
    assert scheduled(world, 5, mlflow_tracking_uri="http://127.0.0.1:9").code == 2
    assert scheduled(world, 60).obligation()["status"] == "met"


@pytest.mark.matrix
def test_memory__outlives_an_outage_of_github(world: World) -> None:
    number = world.release(A, at())
    world.run(at(6))
    del world.github.repository.deployments[number]
    world.github.fail("/graphql", times=None, fault=Answer(503))
    assert scheduled(world, 7).code == 2
    world.github.heal()
    assert scheduled(world, 60).obligation()["status"] == "breached"


@pytest.mark.matrix
def test_memory__outlives_a_run_that_asks_for_other_models(world: World) -> None:
    released_and_closed(world)
    world.registry.add_model("ranker")
    scheduled(world, 5, models="ranker")
    assert scheduled(world, 60).obligation()["status"] == "met"


@pytest.mark.matrix
def test_memory__a_run_that_the_deployment_got_later_does_not_hide_it(world: World) -> None:
    """The status that came last brought a log address: the same deployment, now with a run."""
    number = world.release(A, at())
    assert scheduled(world, 50).code == 1
    world.github.repository.add_status(
        number, "inactive", at(51), log_url="https://github.com/acme/shop/actions/runs/77/job/1"
    )
    assert (scheduled(world, 52).code, scheduled(world, 53).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
def test_memory__what_one_wrong_answer_left_out_comes_back(world: World) -> None:
    world.release(A, at(-24 * 45))
    for number in range(130):
        world.release(f"{number + 1:040x}", at(-6 * number - 1))
    world.registry.add_version(at(-24 * 46 - 60))
    assert world.run(at()).code == 1

    def without_a(body: dict[str, Any]) -> dict[str, Any]:
        current = body["data"]["repository"].get("deployments")
        if current:
            kept = [node for node in current["nodes"] if node["commitOid"] != A]
            current.update(nodes=kept, totalCount=current["totalCount"] - 1)
        return body

    world.github.fail("/graphql", times=None, fault=Edited(without_a))
    scheduled(world, 1)
    world.github.heal()
    assert any(item["sha"] == A and item["status"] == "breached" for item in scheduled(world, 2).bundle["obligations"])


@pytest.mark.matrix
def test_memory__deployments_that_a_clean_up_deleted_are_noticed_by_their_count(world: World) -> None:
    shop = world.github.repository
    for number in range(130):
        world.release(f"{number + 1:040x}", at(-12 * number - 1))
    world.run(at())
    for number in sorted(shop.deployments)[100:]:
        del shop.deployments[number]
    ran = scheduled(world, 1)
    assert sum(item["source_gone"] for item in ran.bundle["code"]) == 30


def test_memory__this_very_run_s_release_is_not_remembered_as_an_event(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    number = shop.add_deployment(sha=A, created_at=at(), statuses=[("in_progress", at())])
    first = world.run(at(), event="deployment", payload={"deployment": {"id": number, "sha": A}})
    assert first.obligation()["provisional"] is True
    shop.add_status(number, "failure", at(1))
    ran = scheduled(world, 60)
    assert (ran.code, ran.bundle["obligations"]) == (0, [])


def test_waiver__that_was_void_when_first_seen_stays_void(world: World) -> None:
    stub = {"models": {"recommender": "any"}, "waivers": [{**_WAIVER, "until": "2026-12-31"}]}
    for sha, days in ((A, 0), (B, 220)):
        world.release(sha, at(24 * days), parent=A if sha == B else None)
        world.github.repository.add_file(sha, "flowjoy.json", json.dumps(stub))
        for day in range(days + 3, days + 35, 30):
            ran = scheduled(world, 24 * day, sha=sha)
            assert (ran.code, ran.obligation(sha=sha)["status"]) == (1, "breached")
            assert "more than 90 days after it was added" in ran.log


def test_waiver__that_a_run_saw_in_time_is_no_miss(world: World) -> None:
    world.release(A, at())
    until = "2026-04-01T00:00:00Z"
    waiver = {"model": "recommender", "sha": "*", "reason": "holiday freeze", "by": "data platform", "until": until}
    stub = json.dumps({"models": {"recommender": "any"}, "waivers": [waiver]})
    world.github.repository.add_commit(B, at(1), parent=A)
    world.github.repository.add_file(B, "flowjoy.json", stub)
    assert scheduled(world, 2, sha=B).obligation()["status"] == "pending"
    seen = scheduled(world, 60, sha=B)
    assert (seen.code, seen.obligation()["status"], seen.obligation()["waived_miss"]) == (0, "waived", False)
    forget_everything(world)
    late = scheduled(world, 61, sha=B)
    assert (late.code, late.obligation()["status"], late.obligation()["waived_miss"]) == (0, "waived", True)
    assert "first seen after the deadline" in late.summary


@pytest.mark.matrix
def test_incremental__a_second_run_asks_github_six_things_at_most(world: World) -> None:
    """One more than when the ledger said how far to look: every page of deployments is read again."""
    world.inputs["comment"] = "off"
    for number in range(120):
        world.release(f"{number:040x}", at(-24 * 3 * number - 5))
    world.registry.add_version(at(-1))
    sha = f"{0:040x}"
    first = world.run(at(), sha=sha)
    before = len(world.github.requests)
    second = scheduled(world, 1, sha=sha)
    asked = [f"{r.method} {r.path}" for r in world.github.requests[before:]]
    # A release was missed, so the checks of open pull requests may have to change.
    publishing = [line for line in asked if "check-runs" in line or line.endswith("/pulls")]
    assert len(asked) - len(publishing) <= 6, asked
    assert second.outputs["verdict"] == first.outputs["verdict"]
    assert len(second.bundle["code"]) == len(first.bundle["code"]) == 120


def test_incremental__a_new_release_costs_no_question_for_its_stub(world: World) -> None:
    world.release(B, at(-90))
    world.run(at(-89), sha=B)
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "7"}}')
    before = len(world.github.requests)
    ran = world.run(at(1))
    assert ran.obligation()["requires"] == "7"
    assert not any("FlowJoyStubs" in request.body.decode() for request in world.github.requests[before:])


def test_incremental__late_statuses_are_seen(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    number = shop.add_deployment(sha=A, created_at=at(), statuses=[("queued", at())])
    world.release(B, at(1))
    world.registry.add_version(at(2))
    world.run(at(3), sha=B)
    shop.add_status(number, "success", at(24 * 30))
    ran = scheduled(world, 24 * 30 + 60, sha=B)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
@pytest.mark.parametrize("remembers", [True, False], ids=["with a ledger", "without"])
@pytest.mark.parametrize("source", ["deployments", "workflow-runs"])
def test_p65__what_failed_long_ago_and_succeeds_behind_a_hundred_newer_ones_opens_its_clock(
    world: World, source: str, *, remembers: bool
) -> None:
    world.inputs |= {"code-source": source, "workflow": "release.yml"} if source == "workflow-runs" else {}
    shop, long_ago = world.github.repository, -24 * 80
    shop.add_commit(A, at(long_ago))
    run_id = shop.add_run(sha=A, created_at=at(long_ago), conclusion="failure")
    number = shop.add_deployment(sha=A, created_at=at(long_ago), statuses=[("failure", at(long_ago))])
    for other in range(120):
        sha, when = f"{other + 1:040x}", at(-9 * other - 3)
        world.release(sha, when)
        shop.add_run(sha=sha, created_at=when)
    world.registry.add_version(at(-4))
    assert world.run(at(), sha=B).code == 0
    shop.add_status(number, "success", at(1))
    shop.runs[run_id].attempts.append(replace(shop.runs[run_id].last, conclusion="success", updated_at=stamp(at(1))))
    if not remembers:
        forget_everything(world)
    opened = scheduled(world, 2, sha=B)
    assert (opened.code, opened.obligation()["start"]) == (0, "2026-03-02T10:00:00Z")
    assert (scheduled(world, 50, sha=B).code, scheduled(world, 51).obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
@pytest.mark.parametrize("sha", [A, B], ids=["provisional then", "of another run"])
def test_incremental__a_deployment_that_waits_for_long_is_asked_for_until_it_is_settled(world: World, sha: str) -> None:
    shop = world.github.repository
    shop.add_commit(A, at(-24 * 45))
    number = shop.add_deployment(sha=A, created_at=at(-24 * 45), statuses=[("queued", at(-24 * 45))])
    for other in range(120):
        world.release(f"{other + 1:040x}", at(-9 * other - 1))
    world.release(B, at(-2000))
    world.registry.add_version(at(-1.5))
    world.run(at(), sha=sha)
    shop.add_status(number, "success", at(1))
    scheduled(world, 2, sha=B)
    ran = scheduled(world, 72, sha=B)
    assert ran.obligation()["status"] == "breached"


@pytest.mark.matrix
def test_p66__an_old_deployment_with_an_open_clock_that_is_deleted_keeps_it(world: World) -> None:
    number = world.release(A, at(-24 * 80))
    for week in range(1, 11):
        world.release(f"{week:040x}", at(-24 * 7 * week))
    assert world.run(at()).code == 1
    del world.github.repository.deployments[number]
    ran = scheduled(world, 1)
    assert held(ran, "code", f"deployment:{number}")["source_gone"] is True
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
@pytest.mark.parametrize("changed", [{"environment": "production-eu"}, {"code-source": "releases"}])
def test_incremental__another_question_is_asked_from_the_start(world: World, changed: dict[str, str]) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    world.run(at(2))
    world.github.repository.add_deployment(
        sha=B, created_at=at(-2000), environment="production-eu", statuses=[("success", at(-2000))]
    )
    world.github.repository.add_release(sha=B, tag="v1", created_at=at(-2000), published_at=at(-2000))
    world.inputs |= changed
    ran = scheduled(world, 3)
    assert [item["sha"] for item in ran.bundle["code"]] == [B]


@pytest.mark.matrix
def test_jobs__of_one_run_that_follow_each_other_share_the_name_and_lose_nothing(world: World) -> None:
    """The gate before the deploy job and the promise after it, as in examples/release.yml."""
    world.release(A, at())
    world.registry.add_version(at(1))
    gate = world.run(at(2))
    (first,) = ledgers(world)
    run_id = world.github.repository.artifacts[first].run.id
    promise = world.run(at(3), run_id=str(run_id))
    (second,) = ledgers(world)
    assert second != first
    assert promise.bundle["ledgers"] == [first]
    assert promise.bundle["first_trusted_at"] == gate.bundle["first_trusted_at"]


@pytest.mark.matrix
def test_union__what_two_runs_at_once_saw_is_known_to_the_third(world: World) -> None:
    """Both read the same ledger and write their own; the second of them does not know what the first one saw."""
    world.release(A, at())
    world.registry.add_version(at(1))
    world.run(at(2))
    (oldest,) = ledgers(world)
    version = world.registry.add_version(at(3))
    scheduled(world, 4)
    hidden = world.github.repository.artifacts.pop(ledgers(world)[-1])
    world.registry.client.delete_model_version("recommender", version)
    scheduled(world, 4.5)
    world.github.repository.artifacts[hidden.id] = hidden
    ran = scheduled(world, 5)
    assert {item["id"] for item in ran.bundle["models"]} == {"model:recommender/1", "model:recommender/2"}
    assert oldest not in ran.bundle["ledgers"]


def rewritten(world: World, change: Callable[[dict[str, Any]], None]) -> None:
    """Somebody who may write artifacts of a trusted run changes what the newest ledger says."""
    artifact = world.github.repository.artifacts[ledgers(world)[-1]]
    files = unzipped(artifact.content)
    data = json.loads(files[BUNDLE])
    change(data)
    artifact.content = zipped({**files, BUNDLE: json.dumps(data).encode()})


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def test_status__that_a_ledger_claims_changes_nothing(world: World) -> None:
    world.release(A, at())
    world.run(at(1))

    def close(data: dict[str, Any]) -> None:
        for item in data["obligations"]:
            item |= {"status": "met", "shipped_at": "2026-03-02T09:30:00Z", "closed_at": "2026-03-02T09:30:00Z"}

    rewritten(world, close)
    ran = scheduled(world, 49)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("event", "branch", "repository", "said"),
    [
        ("push", "main", "mallory/shop", "1 artifact of this name ignored: from forks"),
        ("pull_request", "feature", None, "1 artifact of this name ignored: from other branches (feature)"),
        ("pull_request_target", "main", None, "of the event pull_request_target on main"),
        ("push", "develop", None, "from other branches (develop)"),
        ("workflow_dispatch", "develop", None, "from other branches (develop)"),
        ("merge_group", "main", None, "of the event merge_group on main"),
    ],
)
def test_trust__an_artifact_of_the_right_name_from_another_run_is_ignored(
    world: World, event: str, branch: str, repository: str | None, said: str
) -> None:
    released_and_closed(world)
    content = world.github.repository.artifacts[ledgers(world)[-1]].content
    forget_everything(world)
    forged = world.github.repository.add_run(
        sha=C, created_at=at(5), event=event, branch=branch, head_repository=repository
    )
    world.github.repository.add_artifact(run_id=forged, name=NAME, content=content, created_at=at(5))
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert said in ran.log


def released_and_closed(world: World) -> None:
    """A release whose obligation only a ledger still knows as met: the registry forgot the ship."""
    world.release(A, at())
    version = world.registry.add_version(at(3))
    assert world.run(at(4)).obligation()["status"] == "met"
    world.registry.client.delete_model_version("recommender", version)


@pytest.mark.matrix
@pytest.mark.parametrize(
    "event",
    [
        *("push", "schedule", "workflow_dispatch", "repository_dispatch"),
        *("release", "deployment", "deployment_status", "workflow_run"),
    ],
)
def test_trust__every_event_that_may_write_a_ledger_is_believed(world: World, event: str) -> None:
    released_and_closed(world)
    artifact = world.github.repository.artifacts[ledgers(world)[-1]]
    artifact.run.event = event
    assert scheduled(world, 60).code == 0


def bomb(size: int) -> bytes:
    """A zip of a few kilobytes that would become so many bytes of zeros."""
    return zipped({BUNDLE: bytes(size)})


HOSTILE: Mapping[str, Callable[[bytes], bytes]] = {
    "a path out of the folder": lambda good: zipped({**unzipped(good), "../../x": b"x"}),
    "an absolute path": lambda good: zipped({**unzipped(good), "/etc/cron.d/x": b"x"}),
    "a file too many": lambda good: zipped({**unzipped(good), "extra.txt": b"x"}),
    "no bundle": lambda good: zipped({name: text for name, text in unzipped(good).items() if name != BUNDLE}),
    "a bomb": lambda _: bomb(51 << 20),
    "cut short": lambda good: good[: len(good) // 2],
    "no zip": lambda _: b"<html>",
    "empty": lambda _: b"",
    "no JSON": lambda good: zipped({**unzipped(good), BUNDLE: b"{"}),
    "nested brackets": lambda good: zipped({**unzipped(good), BUNDLE: b"[" * 100_000}),
    "NaN": lambda good: zipped({**unzipped(good), BUNDLE: b'{"schema": NaN}'}),
    "another service": lambda good: with_bundle(good, service="cart"),
    "another repository": lambda good: with_bundle(good, repository="acme/cart"),
    "the future": lambda good: with_bundle(good, generated_at="2027-03-02T09:00:00Z"),
    "code of no type": lambda good: with_bundle(good, code=[{"id": 7}]),
    "code of the year 1": lambda good: with_first(good, "code", created_at=YEAR_1, source_gone=True),
    "a clock of the year 1": lambda good: with_first(good, "obligations", start=YEAR_1, status="breached"),
    "another way of packing": lambda good: zipped(unzipped(good), zipfile.ZIP_BZIP2),
}


def with_bundle(good: bytes, **changes: Any) -> bytes:
    files = unzipped(good)
    return zipped({**files, BUNDLE: json.dumps(json.loads(files[BUNDLE]) | changes).encode()})


def with_first(good: bytes, kind: str, **changes: Any) -> bytes:
    """The same with something else said of the first record of a kind."""
    first, *others = json.loads(unzipped(good)[BUNDLE])[kind]
    return with_bundle(good, **{kind: [first | changes, *others]})


@pytest.mark.matrix
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile__content_is_as_no_ledger_with_a_notice(world: World, kind: str, tmp_path: Path) -> None:
    released_and_closed(world)
    artifact = world.github.repository.artifacts[ledgers(world)[-1]]
    artifact.content = HOSTILE[kind](artifact.content)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert f"artifact {artifact.id} is ignored" in ran.log
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} - {path.name for path in before} == set()


@pytest.mark.matrix
def test_digest__of_other_bytes_than_github_lists_is_as_no_ledger_with_a_notice(world: World) -> None:
    released_and_closed(world)
    artifact = world.github.repository.artifacts[ledgers(world)[-1]]
    artifact.listed_digest = f"sha256:{'0' * 64}"
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert f"artifact {artifact.id} is ignored: its bytes do not have the digest that GitHub lists" in ran.log


def test_hostile__a_ledger_that_lies_about_time_is_ignored(world: World) -> None:
    released_and_closed(world)
    rewritten(world, lambda data: data["models"][0].update(shipped_at="2026-03-04T08:00:00Z"))
    assert scheduled(world, 60).code == 1


def bomb_that_lies() -> bytes:
    """A few hundred bytes that would become 256 MB, which say that they are a thousand."""
    content = bytearray(zipped({BUNDLE: bytes(256 << 20)}, zipfile.ZIP_BZIP2))
    size = content.rfind(b"PK\x01\x02") + 24
    content[size : size + 4] = (1000).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.matrix
@pytest.mark.parametrize("made", [lambda: bomb(1 << 30), bomb_that_lies], ids=["zeros", "it lies about its size"])
def test_hostile__a_bomb_takes_little_memory(world: World, made: Callable[[], bytes]) -> None:
    import tracemalloc

    released_and_closed(world)
    world.github.repository.artifacts[ledgers(world)[-1]].content = made()
    tracemalloc.start()
    scheduled(world, 60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20


@pytest.mark.matrix
@pytest.mark.parametrize(
    "address", ["https://evil.example/x?sig=1", "http://blob.core.windows.net.evil.example/x", "file:///etc/passwd", ""]
)
def test_download__from_a_strange_host_is_refused(world: World, address: str) -> None:
    released_and_closed(world)
    world.github.fail("/zip", times=None, fault=Answer(302, b"", {"Location": address}))
    ran = scheduled(world, 60)
    assert ran.code == 1
    assert "a signed URL" in ran.log


@pytest.mark.matrix
def test_download__the_token_goes_to_the_api_only(world: World) -> None:
    released_and_closed(world)
    scheduled(world, 60)
    blobs = [request for request in world.github.requests if request.path.startswith("/blob/")]
    assert blobs
    assert all("authorization" not in request.headers for request in blobs)


STAGES = {"list": "/actions/artifacts?", "run": "/actions/runs/", "address": "/zip", "blob": "/blob/"}
PASSING: Mapping[str, Fault] = {
    "503": Answer(503),
    "429": Answer(429, {"message": "slow down"}, {"Retry-After": "0"}),
    "empty": EmptyBody(),
    "HTML": Garbage(),
    "cut": Truncate(0.5),
    "reset": Reset(),
    "{}": Answer(200, {}),
}


@pytest.mark.matrix
@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("stage", STAGES)
def test_download__a_fault_in_passing_changes_nothing(world: World, stage: str, fault: str) -> None:
    released_and_closed(world)
    world.github.fail(STAGES[stage], fault=PASSING[fault])
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (0, "met")


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("match", "fault"),
    [
        ("/actions/artifacts?", Answer(503)),
        ("/actions/artifacts?", Answer(403, {"message": "Resource not accessible by integration"})),
        ("/actions/artifacts?", Answer(200)),
        ("/actions/runs/", Answer(503)),
        ("/zip", Answer(410, {"message": "Artifact has expired"})),
        ("/blob/", Answer(404)),
        ("/blob/", Answer(302, b"", {"Location": "https://evil.example"})),
    ],
)
def test_download__that_fails_is_as_no_ledger(world: World, match: str, fault: Answer) -> None:
    released_and_closed(world)
    world.github.fail(match, times=None, fault=fault)
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert "ledger (artifact flowjoy-shop)" in ran.log
    world.github.heal()
    assert scheduled(world, 61).code == 0  # what the failed run wrote buries nothing


@pytest.mark.matrix
def test_newer_schema__is_neither_read_nor_buried(world: World) -> None:
    released_and_closed(world)
    rewritten(world, lambda data: data.update(schema=99))
    count = len(ledgers(world))
    ran = scheduled(world, 60)
    assert (ran.code, ran.outputs["verdict"], len(ledgers(world))) == (2, "error", count)
    assert "a newer FlowJoy wrote every ledger that could be read (update the action" in ran.log
    assert "so that the ledger of a newer FlowJoy is not hidden" in ran.log


def test_newer_schema__does_not_hide_what_an_older_ledger_knows(world: World) -> None:
    world.release(A, at())
    world.run(at(1))
    scheduled(world, 49)
    rewritten(world, lambda data: data.update(schema=99))
    world.github.repository.deployments.clear()
    count = len(ledgers(world))
    ran = scheduled(world, 50)
    assert (ran.code, ran.obligation()["status"], len(ledgers(world))) == (1, "breached", count)
    assert "the bundle is of schema 99" in ran.log
    assert "so that the ledger of a newer FlowJoy is not hidden" in ran.log


@pytest.mark.matrix
def test_older_schema__is_read(world: World) -> None:
    released_and_closed(world)

    def back_to_1(data: dict[str, Any]) -> None:
        data["schema"] = 1
        for key in ("observations", "waivers", "alerts", "ledgers"):
            del data[key]
        for item in (*data["code"], *data["models"]):
            for key in ("created_at", "source_gone", "first_look", "copy"):
                item.pop(key, None)

    rewritten(world, back_to_1)
    assert scheduled(world, 60).obligation()["status"] == "met"


def test_fork__neither_reads_nor_writes_a_ledger(world: World) -> None:
    world.release(A, at(-90))
    world.registry.add_version(at(-89))
    world.github.repository.add_commit(B, at(), parent=A, branch="feature")
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    before = len(world.github.requests)
    world.run(
        at(1),
        event="pull_request",
        ref=f"refs/pull/{number}/merge",
        sha="d" * 40,
        payload=world.pull_request(number, fork=True),
    )
    assert ledgers(world) == []
    assert not any("artifacts" in request.path for request in world.github.requests[before:])


@pytest.mark.matrix
def test_pull_request__uploads_a_report_that_no_run_believes(world: World) -> None:
    world.release(A, at(-90))
    world.registry.add_version(at(-89))
    world.github.repository.add_commit(B, at(), parent=A, branch="feature")
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    pulled = world.run(
        at(1),
        event="pull_request",
        ref=f"refs/pull/{number}/merge",
        sha="d" * 40,
        payload=world.pull_request(number),
    )
    assert pulled.outputs["artifact-id"] == str(ledgers(world)[-1])
    assert world.github.repository.artifacts[ledgers(world)[-1]].name == f"{NAME}-unconfirmed"
    assert scheduled(world, 2).bundle["ledgers"] == []


def flooded(world: World, *, branches: int, each: int, event: str = "pull_request", **more: Any) -> None:
    """Artifacts under the ledger's name, newer than it, by a run on each of so many branches."""
    shop = world.github.repository
    for number in range(branches):
        run_id = shop.add_run(sha=C, created_at=at(5), event=event, branch=f"feature-{number}", **more)
        for _ in range(each):
            shop.add_artifact(run_id=run_id, name=NAME, content=b"", created_at=at(5))


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("branches", "each", "more"),
    [
        (1, 250, {"head_repository": "mallory/shop"}),
        (1, 13, {}),
        (1, 900, {}),
        (49, 3, {}),
        (1, 3000, {}),
        (200, 15, {}),
        (3, 1000, {"event": "push"}),
    ],
    ids=str,
)
def test_flood__of_artifacts_of_the_same_name_costs_neither_the_ledger_nor_the_time(
    world: World, branches: int, each: int, more: dict[str, Any]
) -> None:
    released_and_closed(world)
    flooded(world, branches=branches, each=each, **more)
    before = len(world.github.requests)
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (0, "met")
    assert len(world.github.requests) - before < 60
    assert ledgers(world)[-1] in world.github.repository.artifacts
    assert world.github.repository.artifacts[ledgers(world)[-1]].name == NAME
    assert scheduled(world, 61).obligation()["status"] == "met"


def test_flood__does_not_hide_the_ledger_of_a_tag(world: World) -> None:
    released_and_closed(world)
    shop = world.github.repository
    ledger = shop.artifacts[ledgers(world)[-1]]
    ledger.run.branch = "v1"
    shop.tags["v1"] = A
    shop.add_run(sha=A, created_at=at(4), event="schedule", workflow="test.yml")
    flooded(world, branches=2, each=20)
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation()["status"]) == (0, "met")
    assert "40 artifacts of this name ignored: from other branches (feature-0, feature-1)" in ran.log


@pytest.mark.matrix
@pytest.mark.parametrize("answer", [Answer(502), Answer(200, {}), Answer(200, {"workflow_runs": [{}]})], ids=str)
def test_flood__behind_which_github_does_not_show_the_newest_runs_buries_nothing(world: World, answer: Answer) -> None:
    released_and_closed(world)
    flooded(world, branches=1, each=1000)
    world.github.fail("/actions/workflows/", times=None, fault=answer)
    assert scheduled(world, 60).code == 1
    world.github.heal()
    shop = world.github.repository
    assert shop.artifacts[ledgers(world)[-1]].name == f"{NAME}-unconfirmed"
    assert scheduled(world, 61).obligation()["status"] == "met"


@pytest.mark.matrix
def test_branch__uploads_a_report_that_no_run_need_look_at(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    world.run(at(2), event="push", ref="refs/heads/develop")
    group = {"merge_group": {"head_sha": A, "base_sha": A}}
    world.run(at(2), event="merge_group", ref="refs/heads/gh-readonly-queue/main/pr-7", payload=group)
    assert [item.name for item in world.github.repository.artifacts.values()] == [f"{NAME}-unconfirmed"] * 2
    before = len(world.github.requests)
    scheduled(world, 3)
    assert not any("/actions/runs/" in request.path for request in world.github.requests[before:])


@pytest.mark.matrix
def test_download__that_fails_after_one_ledger_was_read_buries_no_other(world: World) -> None:
    """Two runs at once wrote one each; of the second nothing can be read today."""
    world.release(A, at())
    version = world.registry.add_version(at(3))
    world.run(at(4))
    older = world.github.repository.artifacts.pop(ledgers(world)[-1])
    world.registry.client.delete_model_version("recommender", version)
    scheduled(world, 4.5)
    world.github.repository.artifacts[older.id] = older
    world.github.fail(f"/actions/artifacts/{older.id}/zip", times=None, fault=Answer(503))
    assert scheduled(world, 60).code == 1
    world.github.heal()
    assert scheduled(world, 61).obligation()["status"] == "met"


@pytest.mark.matrix
def test_flood__that_is_too_long_to_look_through_is_told_and_buries_nothing(world: World) -> None:
    """Here the ledger is not one of the newest runs of this workflow either."""
    released_and_closed(world)
    shop = world.github.repository
    main = shop.artifacts.pop(ledgers(world)[-1])
    flooded(world, branches=65, each=1)
    ran = scheduled(world, 60)
    assert ran.code == 1
    assert "more than 12 artifacts named 'flowjoy-shop' are of untrusted runs" in ran.log
    assert shop.artifacts[ledgers(world)[-1]].name == f"{NAME}-unconfirmed"
    shop.artifacts = {main.id: main}
    assert scheduled(world, 61).obligation()["status"] == "met"


@pytest.mark.matrix
def test_blobs__that_stall_leave_the_time_for_what_is_required(world: World) -> None:
    released_and_closed(world)
    shop = world.github.repository
    content = shop.artifacts[ledgers(world)[-1]].content
    for number in range(12):
        run_id = shop.add_run(sha=C, created_at=at(5 + number), event="push")
        shop.add_artifact(run_id=run_id, name=NAME, content=content, created_at=at(5))
    world.github.fail("/blob/", times=None, fault=Stall(60))
    ran = scheduled(world, 60, timeout_seconds="60")
    assert (ran.code, ran.obligation()["status"]) == (1, "breached")
    assert held_coverage(ran, "ledger")["state"] == "failed"


def test_privacy__no_incident_text_of_a_public_repository_is_uploaded(world: World) -> None:
    world.release(A, at())
    rows = "start,end,title,type\n2026-03-02T10:00:00Z,2026-03-02T11:00:00Z,Jane Doe cannot pay,told by Jane\n"
    (world.workspace / "incidents.csv").write_text(rows)
    public = {"default_branch": "main", "private": False, "full_name": "acme/shop"}
    world.run(at(3), payload={"repository": public}, incident_file="incidents.csv")
    content = world.github.repository.artifacts[ledgers(world)[-1]].content
    assert all(b"Jane" not in text for text in unzipped(content).values())
