"""The trust and the permissions of a run follow from its event; without a payload it is not trusted."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.actions.event import RunEvent, read
from flowjoy.actions.trusted_runs import TRUSTED_EVENTS


def trigger(
    event: str,
    payload: dict[str, Any] | None = None,
    ref: str = "refs/heads/main",
    default_branch: str | None = "main",
) -> RunEvent:
    return read(event, payload or {}, sha="s" * 40, ref=ref, repository="acme/shop", default_branch=default_branch)


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", "repository_dispatch"])
def test_trust__needs_the_default_branch(event: str) -> None:
    assert trigger(event).trusted
    assert not trigger(event, ref="refs/heads/feature").trusted
    assert not trigger(event, ref="refs/tags/main").trusted
    assert not trigger(event, default_branch=None).trusted


@pytest.mark.parametrize("event", sorted(TRUSTED_EVENTS - {"push", "workflow_run"}))
def test_trust__elsewhere_is_unverified_until_github_shows_where_the_commit_is(event: str) -> None:
    """A tag names a commit of any branch."""
    seen = trigger(event, ref="refs/tags/v1")
    assert (seen.trusted, seen.unverified_commit) == (False, "s" * 40)
    assert "its commit is not on main" in seen.distrust


@pytest.mark.parametrize("event", sorted(TRUSTED_EVENTS - {"workflow_run"}))
def test_trust__is_for_the_default_branch_and_for_tags(event: str) -> None:
    """The workflow file of a dispatch or a deployment is that of its branch."""
    assert trigger(event, ref="refs/tags/v1").unverified_commit == "s" * 40
    assert trigger(event, ref="refs/heads/feature").unverified_commit is None
    assert "another branch than main" in trigger(event, ref="refs/heads/feature").distrust


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "issue_comment", "merge_group", ""])
def test_trust__is_never_given_to_other_events(event: str) -> None:
    seen = trigger(event, {"pull_request": {}})
    assert (seen.trusted, seen.unverified_commit) == (False, None)
    assert seen.distrust


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target"])
def test_pull_request__is_judged_on_its_head_and_never_trusted(event: str) -> None:
    pull = {"number": 7, "head": {"sha": "h" * 40, "repo": {"full_name": "Acme/Shop"}}, "user": {"login": "dev"}}
    seen = trigger(event, {"pull_request": pull})
    assert (seen.sha, seen.pull_request, seen.fork, seen.trusted) == ("h" * 40, 7, False, False)


@pytest.mark.parametrize(
    "pull",
    [
        {"number": 7, "head": {"sha": "h", "repo": {"full_name": "mallory/shop"}}},
        {"number": 7, "head": {"sha": "h", "repo": None}},
        {"number": 7, "head": {"sha": "h", "repo": {"full_name": "acme/shop"}}, "user": {"login": "dependabot[bot]"}},
        {},
    ],
)
def test_pull_request__of_a_stranger_is_a_fork(pull: dict[str, Any]) -> None:
    assert trigger("pull_request", {"pull_request": pull}).fork


def test_workflow_run__is_its_head_commit_and_a_fork_if_the_head_is_elsewhere() -> None:
    run = {"head_sha": "r" * 40, "head_repository": {"full_name": "acme/shop"}, "event": "push"}
    ours = trigger("workflow_run", {"workflow_run": run})
    assert (ours.sha, ours.fork, ours.trusted, ours.unverified_commit) == ("r" * 40, False, False, "r" * 40)
    theirs = trigger("workflow_run", {"workflow_run": {**run, "head_repository": {"full_name": "mallory/x"}}})
    assert (theirs.fork, theirs.trusted) == (True, False)
    pulled = trigger("workflow_run", {"workflow_run": {**run, "event": "pull_request"}})
    assert (pulled.trusted, pulled.unverified_commit) == (False, None)


def test_deployment__is_judged_on_the_deployed_commit() -> None:
    assert trigger("deployment_status", {"deployment": {"sha": "d" * 40}}).sha == "d" * 40
