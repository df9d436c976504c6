"""Whose word counts: a run is trusted by its event, and by its head commit on the default branch. SEMANTICS, ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowjoy.actions.trusted_runs import TRUSTED_EVENTS
from flowjoy.sources import ledger_candidates
from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.slack import CHANNEL, SlackStandIn
from tests.fakes.slack import TOKEN as SLACK_TOKEN

TAG = "refs/tags/v1.2.0"
NOTICE = "this run is not trusted"


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def world(tmp_path: Path, slack: SlackStandIn) -> Iterator[World]:
    with GitHubStandIn(token=TOKEN) as github, ArtifactServiceStandIn(github.repository) as artifacts:
        made = new_world(github, tmp_path)
        made.artifacts = artifacts
        made.inputs |= {"slack-token": SLACK_TOKEN, "slack-channel": CHANNEL, "slack-api-url": slack.api_url}
        yield made


def run(world: World, slack: SlackStandIn, hours: float, **more: Any) -> Ran:
    slack.clock = at(hours)
    if more.get("event", "").startswith("deployment"):
        more["payload"] = {"deployment": {"sha": more.get("sha", A)}}
    return world.run(at(hours), **more)


def on_a_feature(world: World) -> None:
    """Only a feature branch holds commit B, and a tag names it."""
    world.github.repository.add_commit(B, at(), parent=A, branch="feature")


@pytest.mark.matrix
def test_tag__pushed_on_the_default_branch_rings(world: World, slack: SlackStandIn) -> None:
    """Teams that release by `on: push: tags`: ghalactic/github-release-from-tag. Any run on main shows its head."""
    world.release(A, at())
    world.begin(at(), event="push", workflow="test.yml")
    run(world, slack, 1, event="push", ref=TAG)
    for hours in (49, 50):
        ran = run(world, slack, hours, event="push", ref=TAG)
        assert ran.code == 1
        assert NOTICE not in ran.log
    assert len(slack.messages) == 1
    assert {item.name for item in world.github.repository.artifacts.values()} == {"flowjoy-shop"}


def test_tag__on_a_commit_that_no_run_shows_as_the_head_leaves_no_ledger_and_says_so(
    world: World, slack: SlackStandIn
) -> None:
    world.release(A, at())
    for hours in (1, 49):
        ran = run(world, slack, hours, event="push", ref=TAG)
        assert f"{NOTICE}: its commit is on main, and no run on main is of that commit" in ran.log
        assert "a `schedule` serves" in ran.log
    assert (ran.code, slack.messages) == (1, [])
    shop = world.github.repository
    assert {item.name for item in shop.artifacts.values()} == {"flowjoy-shop-unconfirmed"}
    world.begin(at(49.5), event="schedule", workflow="test.yml")
    assert NOTICE not in run(world, slack, 50, event="push", ref=TAG).log
    assert list(shop.artifacts.values())[-1].name == "flowjoy-shop"


@pytest.mark.matrix
def test_tags__however_many_do_not_hide_the_ledger_of_the_hourly_run_that_is_added(
    world: World, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each release tags a new commit, and nothing ran on the default branch before."""
    monkeypatch.setattr(ledger_candidates, "MAX_LOOKUPS", 3)
    for number in range(5):
        sha = f"{number + 1:040x}"
        world.release(sha, at(number))
        run(world, slack, number + 0.5, event="release", ref=f"refs/tags/v{number}", sha=sha)
    run(world, slack, 20, event="schedule", sha=sha)
    ran = run(world, slack, 21, event="schedule", sha=sha)
    assert "no ledger of an earlier run" not in ran.log
    assert "untrusted runs" not in ran.log


@pytest.mark.parametrize("answer", [Answer(502), Answer(200, {}), Answer(200, {"workflow_runs": [{}]})])
def test_tag__is_not_trusted_where_github_does_not_say_whether_its_commit_was_the_head(
    world: World, slack: SlackStandIn, answer: Answer
) -> None:
    world.release(A, at())
    world.begin(at(), event="push", workflow="test.yml")
    world.github.fail("/actions/runs?branch=main", times=None, fault=answer)
    assert f"{NOTICE}: GitHub does not say whether its commit is on main" in run(world, slack, 1, ref=TAG).log


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("event", "ref"),
    [("push", TAG), ("release", TAG), ("deployment", TAG), ("deployment_status", TAG)],
)
def test_commit__of_another_branch_tells_nobody_and_says_so_once(
    world: World, slack: SlackStandIn, event: str, ref: str
) -> None:
    """A backport is tagged on a maintenance branch (pulumi/ci-mgmt#1808); any writer may tag any commit."""
    world.release(A, at())
    run(world, slack, 1, event="schedule")
    on_a_feature(world)
    ran = run(world, slack, 49, event=event, ref=ref, sha=B)
    assert slack.messages == []
    assert ran.log.count(NOTICE) == 1
    assert "its commit is not on main" in ran.log
    assert "a `schedule` serves" in ran.log


@pytest.mark.matrix
@pytest.mark.parametrize("event", ["release", "deployment", "deployment_status", "repository_dispatch", "push"])
def test_commit__of_the_default_branch_is_trusted_whatever_the_ref(
    world: World, slack: SlackStandIn, event: str
) -> None:
    world.release(A, at())
    run(world, slack, 1, event="schedule")
    ran = run(world, slack, 49, event=event, ref=TAG)
    assert NOTICE not in ran.log
    assert len(slack.messages) == 1


@pytest.mark.matrix
@pytest.mark.parametrize("event", ["workflow_dispatch", "deployment", "release"])
def test_branch__other_than_the_default_one_tells_nobody_wherever_its_commit_is(
    world: World, slack: SlackStandIn, event: str
) -> None:
    world.release(A, at())
    run(world, slack, 1, event="schedule")
    ran = run(world, slack, 49, event=event, ref="refs/heads/feature")
    assert slack.messages == []
    assert f"{NOTICE}: it is of another branch than main" in ran.log
    assert list(world.github.repository.artifacts.values())[-1].name == "flowjoy-shop-unconfirmed"


def test_default_branch__needs_no_question(world: World, slack: SlackStandIn) -> None:
    world.release(A, at())
    run(world, slack, 1, event="schedule")
    run(world, slack, 2, event="push")
    assert not [r for r in world.github.requests if b"FlowJoyDefaultBranch" in r.body]


@pytest.mark.parametrize(
    "answer",
    [Answer(502), Answer(200, {"data": {"repository": {"base": None}}}), Answer(200, {"data": {"repository": {}}})],
)
def test_question__that_github_does_not_answer_gives_no_trust_and_says_so(
    world: World, slack: SlackStandIn, answer: Answer
) -> None:
    world.release(A, at())
    run(world, slack, 1, event="schedule")
    world.github.fail("/graphql", times=3, fault=answer)
    ran = run(world, slack, 49, event="release", ref=TAG)
    assert slack.messages == []
    assert f"{NOTICE}: GitHub does not say whether its commit is on main" in ran.log


@pytest.mark.matrix
def test_workflow_run__of_a_feature_branch_is_not_trusted(world: World, slack: SlackStandIn) -> None:
    """A workflow that follows every other one runs on the default branch, also for a push to a feature branch."""
    world.release(A, at())
    run(world, slack, 1, event="schedule")
    on_a_feature(world)
    ended = {"head_sha": B, "head_repository": {"full_name": "acme/shop"}, "event": "push", "head_branch": "feature"}
    ran = run(world, slack, 49, event="workflow_run", payload={"workflow_run": ended})
    assert slack.messages == []
    assert NOTICE in ran.log
    run(world, slack, 50, event="workflow_run", payload={"workflow_run": {**ended, "head_sha": A}})
    assert len(slack.messages) == 1


def test_pull_request__says_so_only_where_somebody_would_be_told(world: World, slack: SlackStandIn) -> None:
    world.release(A, at())
    world.github.repository.add_commit(B, at(1), parent=A, branch="feature")
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    pull = {"event": "pull_request", "ref": f"refs/pull/{number}/merge", "payload": world.pull_request(number)}
    assert NOTICE in run(world, slack, 2, **pull).log
    for name in ("slack-token", "slack-channel", "slack-api-url"):
        del world.inputs[name]
    assert NOTICE not in run(world, slack, 3, **pull).log


def forged(world: World, *, event: str, branch: str, sha: str) -> Ran:
    """A ledger by a run of that event; then a scheduled run that may believe it."""
    shop = world.github.repository
    version = world.registry.add_version(at(3))
    world.run(at(4))
    world.registry.client.delete_model_version("recommender", version)
    content = list(shop.artifacts.values())[-1].content
    shop.artifacts.clear()
    run_id = shop.add_run(sha=sha, created_at=at(5), event=event, branch=branch)
    shop.add_artifact(run_id=run_id, name="flowjoy-shop", content=content, created_at=at(5))
    return world.run(at(60), event="schedule")


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("event", "branch", "sha", "code", "said"),
    [
        ("push", "v1", A, 0, ""),
        ("release", "v1", A, 0, ""),
        ("push", "v1", B, 1, "its commit is not on main"),
        ("release", "v1", B, 1, "its commit is not on main"),
        ("push", "main", B, 1, "its commit is not on main"),
        ("workflow_dispatch", "feature", B, 1, "from other branches (feature)"),
        *((event, "feature", A, 1, "from other branches (feature)") for event in sorted(TRUSTED_EVENTS)),
        ("issue_comment", "main", A, 1, "of the event issue_comment"),
    ],
)
def test_ledger__is_believed_by_its_event_and_by_its_commit(
    world: World, event: str, branch: str, sha: str, code: int, said: str
) -> None:
    """A tag named `main`, a dispatch on a branch: who may not push to the default branch must not own the verdict."""
    world.release(A, at())
    on_a_feature(world)
    world.github.repository.tags["v1"] = sha
    ran = forged(world, event=event, branch=branch, sha=sha)
    assert ran.code == code
    assert said in ran.log


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("event", "branch", "said"),
    [
        ("workflow_dispatch", "feature", "from other branches (feature)"),
        ("deployment", "feature", "from other branches (feature)"),
        ("push", "v1", "no run on main is of that commit"),
        ("release", "v1", "no run on main is of that commit"),
        ("push", "main", "on a tag main, whose commit was never the head"),
        ("workflow_dispatch", "main", "on a tag main, whose commit was never the head"),
    ],
)
def test_ledger__of_a_feature_branch_is_not_believed_once_the_branch_is_merged(
    world: World, event: str, branch: str, said: str
) -> None:
    """The merge brings the commit to main, not the review of the workflow that ran on it."""
    world.release(A, at())
    on_a_feature(world)
    shop = world.github.repository
    shop.tags["v1"] = B
    shop.add_commit(C, at(4.5), parent=A, merged=B)
    ran = forged(world, event=event, branch=branch, sha=B)
    assert ran.code == 1
    assert said in ran.log


def test_ledger__of_a_tag_is_not_proved_by_a_run_on_a_tag_with_the_name_of_the_branch(world: World) -> None:
    """Both tags name a commit that a merge brought to main, and both are deleted since."""
    world.release(A, at())
    on_a_feature(world)
    shop = world.github.repository
    shop.add_commit(C, at(4.5), parent=A, merged=B)
    shop.tags["v1"] = B
    shop.add_run(sha=B, created_at=at(4.6), branch="main")
    ran = forged(world, event="push", branch="v1", sha=B)
    assert (ran.code, "no run on main is of that commit" in ran.log) == (1, True)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("answer", "code"), [(Answer(502), 1), (Answer(200, {}), 1), (Answer(200, {"workflow_runs": [{}]}), 1)]
)
def test_ledger__of_a_tag_is_not_read_where_github_does_not_say_whether_its_commit_was_the_head(
    world: World, answer: Answer, code: int
) -> None:
    world.release(A, at())
    world.github.repository.tags["v1"] = A
    world.github.fail("/actions/runs?branch=main", times=None, fault=answer)
    ran = forged(world, event="release", branch="v1", sha=A)
    assert ran.code == code
    assert "ledger (artifact flowjoy-shop)" in ran.log


def test_ledger__whose_commit_cannot_be_judged_is_not_read_and_not_buried(world: World) -> None:
    world.release(A, at())
    world.run(at(1))
    world.github.fail("/graphql", times=3, fault=Answer(502))
    ran = world.run(at(2), event="schedule", sha=B)
    assert "ledger (artifact flowjoy-shop)" in ran.log
    assert "flowjoy-shop-unconfirmed" in {item.name for item in world.github.repository.artifacts.values()}
