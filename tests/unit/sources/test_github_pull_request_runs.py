"""Runs of the release workflow for pull requests: a test or preview before the merge, perhaps a release after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flowjoy.domain import CodeRecord, Note, NoteLevel
from flowjoy.errors import HarvestError
from flowjoy.sources.base import SourceResult
from flowjoy.sources.github_workflow_runs import GitHubRuns
from tests.builders import at
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.unit.sources.asking import A, B, C, a_question, api_of, ask

AFTER, BEFORE = 60.01, 59
"""Hours of a run around the merge at hour 60."""


def asked(
    github: GitHubStandIn, hour: float = 110, deploy_job: str = "deploy", **inputs: str
) -> SourceResult[CodeRecord]:
    given = {"code_source": "workflow-runs", "workflow": "release.yml", **inputs}
    given = {key: value for key, value in {**given, "deploy_job": deploy_job}.items() if value}
    query = a_question(given, default_branch="main", as_of=at(hour))
    return ask(GitHubRuns(), api_of(github), query)


def a_release(github: GitHubStandIn, sha: str = A, hour: float = 0) -> None:
    run = github.repository.add_run(sha=sha, created_at=at(hour), updated_at=at(hour))
    github.repository.add_job(run, "deploy", at(hour))


def a_pull_request(github: GitHubStandIn, *, merged: bool = True, closed: float | None = 60, **changes: Any) -> None:
    """One of the branch `feature`, whose head is B; its merge is C."""
    pull: dict[str, Any] = {"head_sha": B, "base_sha": A, "created_at": at(50), "merged_as": C if merged else None}
    pull["closed_at"] = None if closed is None else at(closed)
    github.repository.add_pull_request(**pull | changes)


def a_run(github: GitHubStandIn, hour: float, job: str = "success", event: str = "pull_request", **changes: Any) -> int:
    run: dict[str, Any] = {"sha": B, "created_at": at(hour), "updated_at": at(hour + 0.1), "branch": "feature"}
    number = github.repository.add_run(event=event, **run | changes)
    github.repository.add_job(number, "deploy", at(hour + 0.1), conclusion=job)
    return number


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("pull_request", {}),
        ("pull_request_target", {}),
        ("pull_request_target", {"branch": "main", "sha": C}),
        ("pull_request", {"branch": "main", "sha": C}),
        ("pull_request_target", {"head_repository": "mallory/shop"}),
    ],
    ids=["head", "target", "target at the base", "base", "fork"],
)
def test_after_the_merge__a_run_that_deployed_is_refused_once_its_clock_is_over(
    github: GitHubStandIn, event: str, changes: dict[str, str]
) -> None:
    a_release(github)
    a_pull_request(github, head_repository=changes.get("head_repository"))
    run = a_run(github, AFTER, event=event, **changes)
    branch = changes.get("branch", "feature")
    problem = f"1 run of release.yml after a merge may have deployed: {run} ({event} on {branch})"
    for named in ("", "main"):
        with pytest.raises(HarvestError) as refused:
            asked(github, branch=named)
        assert str(refused.value) == problem
        assert refused.value.hint == (
            "deploy on push to main, or let the job name its environment and set code-source: deployments; "
            "if it is not production, give that job another name; a later release or sla-since ends this"
        )
    (note,) = asked(github, hour=70).notes
    assert str(note).startswith(problem)
    assert str(note).endswith("after 48 h FlowJoy ends with exit code 2")


def test_after_the_merge__without_deploy_job_any_job_may_have_deployed(github: GitHubStandIn) -> None:
    a_release(github)
    a_pull_request(github)
    a_run(github, AFTER)
    with pytest.raises(HarvestError, match="after a merge may have deployed") as refused:
        asked(github, deploy_job="")
    assert "set deploy-job to the job that deploys" in refused.value.hint


@pytest.mark.parametrize("job", ["skipped", "failure"])
def test_after_the_merge__a_run_whose_deploy_job_did_not_succeed_deployed_nothing(
    github: GitHubStandIn, job: str
) -> None:
    a_release(github)
    a_pull_request(github)
    a_run(github, AFTER, job)
    assert asked(github).notes == ()


@pytest.mark.parametrize("sha", [B, C], ids=["fast-forward", "merge commit"])
def test_after_the_merge__that_another_run_released_is_no_doubt(github: GitHubStandIn, sha: str) -> None:
    a_pull_request(github)
    a_run(github, AFTER)
    a_release(github, A)
    a_release(github, sha, 60)
    assert asked(github, hour=109).notes == ()


def test_after_the_merge__of_which_only_an_earlier_pull_request_was_released_is_refused(github: GitHubStandIn) -> None:
    a_release(github, C, 30)
    a_pull_request(github, created_at=at(20), closed=30, head_sha=A)
    a_pull_request(github, merged_as="d" * 40)
    a_run(github, AFTER)
    with pytest.raises(HarvestError, match="after a merge may have deployed"):
        asked(github)


def test_after_the_merge__a_newer_pull_request_of_the_branch_hides_nothing(github: GitHubStandIn) -> None:
    a_release(github)
    a_pull_request(github)
    a_pull_request(github, merged=False, closed=None, created_at=at(59))
    a_run(github, AFTER)
    with pytest.raises(HarvestError, match="after a merge may have deployed"):
        asked(github)


def test_after_the_merge__before_sla_since_is_no_doubt(github: GitHubStandIn) -> None:
    a_release(github)
    a_pull_request(github)
    a_run(github, AFTER)
    day = at(AFTER).date()
    assert asked(github, sla_since=(day + timedelta(days=1)).isoformat()).notes == ()
    with pytest.raises(HarvestError, match="after a merge may have deployed"):
        asked(github, sla_since=day.isoformat())


@pytest.mark.parametrize(
    "pull",
    [{}, {"merged": False}, {"merged": False, "closed": None}],
    ids=["merged later", "closed later", "open"],
)
def test_before_the_merge__a_deploy_job_that_succeeded_made_a_preview_which_a_note_names(
    github: GitHubStandIn, pull: dict[str, Any]
) -> None:
    a_release(github)
    a_pull_request(github, **pull)
    run = a_run(github, BEFORE, sha="d" * 40)  # an earlier commit of the branch
    assert asked(github).notes == (
        f"runs of pull requests before their merge are previews and do not count, although 'deploy' succeeded: {run}",
    )
    assert asked(github, deploy_job="").notes == ()


def test_before_the_merge__tests_cost_one_list_and_the_jobs_of_five_runs(github: GitHubStandIn) -> None:
    a_release(github)
    a_pull_request(github)
    for minute in range(30):
        a_run(github, BEFORE - minute / 60, "skipped")
    assert asked(github).notes == ()
    assert (github.count("GET", "/pulls"), github.count("GET", "/jobs")) == (1, 1 + 5)


def test_without_runs_of_pull_requests__none_is_asked_for(github: GitHubStandIn) -> None:
    a_release(github)
    asked(github)
    assert github.count("GET", "/pulls") == 0


def test_after_many_merges__the_newest_twenty_are_read_and_a_warning_says_so(github: GitHubStandIn) -> None:
    a_release(github)
    a_pull_request(github)
    for minute in range(21):
        a_run(github, AFTER + minute / 60, "skipped")
    (note,) = asked(github).notes
    assert isinstance(note, Note)
    assert (str(note), note.level) == (
        "the newest 20 of 21 runs after a merge were read: an earlier release by one is not seen",
        NoteLevel.WARNING,
    )
    assert github.count("GET", "/jobs") == 1 + 20


def test_pull_requests__that_cannot_be_read_prove_no_run_to_be_a_preview(github: GitHubStandIn) -> None:
    a_release(github)
    a_pull_request(github)
    a_run(github, BEFORE)
    github.fail("/pulls", None, fault=Answer(403, {"message": "Resource not accessible by integration"}))
    with pytest.raises(HarvestError, match="may have deployed") as refused:
        asked(github)
    assert refused.value.hint.startswith("give the job pull-requests: read")
    (note,) = asked(github, deploy_job="").notes
    assert str(note).endswith("is not judged: give the job pull-requests: read")


def test_pull_requests__that_fail_to_be_listed_end_the_run(github: GitHubStandIn) -> None:
    a_release(github)
    a_run(github, BEFORE)
    github.fail("/pulls", None, fault=Answer(500))
    with pytest.raises(HarvestError) as problem:
        asked(github)
    assert problem.value.kind is not None


def test_branch__of_which_only_pull_requests_ran_the_workflow_is_not_what_to_change(github: GitHubStandIn) -> None:
    a_run(github, AFTER)
    with pytest.raises(HarvestError, match="none on the branch 'main'") as problem:
        asked(github)
    assert problem.value.hint == (
        "runs of pull requests do not count; deploy on push to main, or set workflow to the file that deploys"
    )
