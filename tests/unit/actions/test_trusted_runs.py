"""An earlier run is believed for its repository, its event, its commit and its ref; all four must be right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from flowjoy.actions.trusted_runs import TRUSTED_EVENTS, EarlierRun, distrust, of_event, of_workflow_run

ON_MAIN, ELSEWHERE = "a" * 40, "b" * 40
RUN = EarlierRun(event="push", repository="acme/shop", branch="main", sha=ON_MAIN)


@dataclass(frozen=True)
class Main:
    """The default branch of a repository with one tag."""

    name: str = "main"

    def holds(self, commit: str, *_others: str) -> bool:
        return commit == ON_MAIN

    def is_tag(self, name: str) -> bool:
        return name == "v1"

    def events_of_head(self, commit: str) -> frozenset[str]:
        return frozenset({"schedule"} if commit == ON_MAIN else ())

    def was_head(self, commit: str) -> bool:
        return commit == ON_MAIN


class NeverHead(Main):
    """The same, where no push made the commit the head: the run was on a tag with the name of the branch."""

    def was_head(self, commit: str) -> bool:
        return False


class ByPush(NeverHead):
    """The same, where the tag's own run looks like one of the branch."""

    def events_of_head(self, commit: str) -> frozenset[str]:
        return frozenset({"push", "workflow_dispatch"})


class MergedLater(Main):
    """The same, where the commit came by a merge: only a pull request from the branch had it as its head."""

    def events_of_head(self, commit: str) -> frozenset[str]:
        return frozenset({"pull_request"} if commit == ON_MAIN else ())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"repository": "ACME/shop"},
        {"branch": "v1"},
        {"event": "schedule"},
        {"event": "release", "branch": "v1"},
        {"event": "deployment", "branch": None},
        {"event": "deployment_status", "branch": ON_MAIN},
    ],
)
def test_earlier_run__of_a_trusted_event_on_the_default_branch_is_trusted(changes: dict[str, Any]) -> None:
    assert distrust(replace(RUN, **changes), "acme/shop", Main(), ()) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"repository": "mallory/shop"}, "another repository"),
        ({"repository": None}, "another repository"),
        ({"event": "pull_request"}, "event pull_request on main"),
        ({"event": "merge_group"}, "event merge_group"),
        ({"sha": ELSEWHERE}, "its commit is not on main"),
        ({"branch": "feature"}, "not a tag"),
        ({"branch": None}, "not a tag"),
        ({"event": "deployment", "branch": ELSEWHERE}, "not a tag"),
        *(({"event": event, "branch": "feature"}, "not a tag") for event in sorted(TRUSTED_EVENTS)),
    ],
)
def test_earlier_run__that_fails_one_condition_is_not_trusted(changes: dict[str, Any], reason: str) -> None:
    assert reason in str(distrust(replace(RUN, **changes), "acme/shop", Main(), ()))


@pytest.mark.parametrize(
    "changes", [{"branch": "v1"}, {"event": "release", "branch": "v1"}, {"event": "deployment", "branch": None}]
)
def test_earlier_run__of_a_tag_is_trusted_only_if_its_commit_was_the_head(
    changes: dict[str, Any],
) -> None:
    """A merge brings in commits of a feature branch, with the workflow files and scripts that they had."""
    reason = distrust(replace(RUN, **changes), "acme/shop", MergedLater(), ())
    assert "no run on main is of that commit" in str(reason)
    assert distrust(RUN, "acme/shop", MergedLater(), ()) is None


@pytest.mark.parametrize("event", sorted(TRUSTED_EVENTS))
def test_earlier_run__with_the_name_of_the_branch_may_be_of_a_tag_unless_github_starts_it_there_alone(
    event: str,
) -> None:
    reason = distrust(replace(RUN, event=event), "acme/shop", NeverHead(), ())
    if event in ("schedule", "repository_dispatch", "workflow_run"):
        assert reason is None
    else:
        assert f"event {event} on a tag main, whose commit was never the head" in str(reason)


def test_earlier_run__of_a_tag_is_not_proved_by_a_run_on_a_tag_with_the_name_of_the_branch() -> None:
    run = replace(RUN, branch="v1")
    assert "no run on main is of that commit" in str(distrust(run, "acme/shop", ByPush(), ()))
    assert distrust(run, "acme/shop", NeverHead(), ()) is None


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "merge_group", "issue_comment", ""])
def test_this_run__of_any_other_event_is_not_trusted_on_the_default_branch_either(event: str) -> None:
    assert not of_event(event, "main", "main").trusted
    assert not of_event(event, "main", "main").depends_on_commit


def test_this_run__after_a_run_of_a_fork_or_a_proposal_does_not_ask_where_its_commit_is() -> None:
    assert of_workflow_run("push", "main", is_ours=True).depends_on_commit
    for trust in (
        of_workflow_run("push", "main", is_ours=False),
        of_workflow_run("pull_request", "main", is_ours=True),
    ):
        assert (trust.trusted, trust.depends_on_commit) == (False, False)
