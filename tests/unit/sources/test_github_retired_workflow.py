"""A workflow that can have no new run, so that later releases would not be seen."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.errors import HarvestError
from flowjoy.sources.github_workflow_runs import GitHubRuns
from tests.builders import at
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, a_question, api_of, ask

CALLED = "on: workflow_call\njobs: {}\n"


def asked(github: GitHubStandIn, hour: float = 60, **inputs: str) -> Any:
    given = {"code_source": "workflow-runs", "workflow": "release.yml", **inputs}
    return ask(GitHubRuns(), api_of(github), a_question(given, default_branch="main", as_of=at(hour))).records


def with_file(github: GitHubStandIn, text: str) -> None:
    github.repository.add_commit(A, at(-1))
    github.repository.add_file(A, ".github/workflows/release.yml", text)


def test_deleted__or_renamed_is_refused_at_once(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.workflow_states["release.yml"] = "deleted"
    with pytest.raises(HarvestError, match=r"the workflow release\.yml was deleted or renamed"):
        asked(github, hour=1)


def test_called__only_by_others_is_refused_once_a_release_by_them_may_be_overdue(github: GitHubStandIn) -> None:
    with_file(github, CALLED)
    github.repository.add_run(sha=A, created_at=at())
    assert len(asked(github, hour=47)) == 1
    with pytest.raises(HarvestError, match=r"release\.yml is only called by others") as problem:
        asked(github, hour=48)
    assert problem.value.hint.startswith("set workflow to the file that calls it, and deploy-job to the job")


def test_called__by_others_and_never_run_is_refused(github: GitHubStandIn) -> None:
    with_file(github, CALLED)
    github.repository.add_workflow("release.yml")
    with pytest.raises(HarvestError, match="only called by others"):
        asked(github)


@pytest.mark.parametrize("text", ["on: [push, workflow_call]\njobs: {}\n", "on: push\njobs: {}\n", "on: ["])
def test_quiet__workflow_that_an_event_starts_is_judged(github: GitHubStandIn, text: str) -> None:
    with_file(github, text)
    github.repository.add_run(sha=A, created_at=at())
    assert len(asked(github, hour=400)) == 1


def test_called__on_the_default_branch_does_not_decide_for_another_branch(github: GitHubStandIn) -> None:
    with_file(github, CALLED)
    github.repository.add_run(sha=A, created_at=at(), branch="stable")
    assert len(asked(github, branch="stable")) == 1


@pytest.mark.parametrize(("state", "refused"), [("disabled_manually", True), ("disabled_inactivity", False)])
def test_disabled__by_hand_is_refused_but_not_for_want_of_activity(
    github: GitHubStandIn, state: str, *, refused: bool
) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.workflow_states["release.yml"] = state
    assert len(asked(github, hour=47)) == 1
    if refused:
        with pytest.raises(HarvestError, match=r"release\.yml is disabled") as problem:
            asked(github)
        assert problem.value.hint == "set workflow to the file that deploys now, or enable it"
    else:
        assert len(asked(github)) == 1
