"""A `deploy-job` that is no longer the job that deploys, as the runs show it."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.domain import CodeRecord, Note
from flowjoy.errors import HarvestError
from flowjoy.sources.base import SourceResult
from flowjoy.sources.github_workflow_runs import GitHubRuns
from tests.builders import at
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, B, C, a_question, api_of, ask

FILE = ".github/workflows/release.yml"


def a_run(github: GitHubStandIn, sha: str, hour: float, conclusion: str = "success", **jobs: str) -> int:
    """A run with jobs by name and conclusion; an underscore for a space in a name."""
    shop = github.repository
    number = shop.add_run(sha=sha, created_at=at(hour), updated_at=at(hour + 1), conclusion=conclusion)
    for name, ended in jobs.items():
        shop.add_job(number, name.replace("_", " "), at(hour + 1), conclusion=ended)
    return number


def declare(github: GitHubStandIn, jobs: str) -> None:
    github.repository.add_commit(A, at(-1))
    github.repository.add_file(A, FILE, f"on: push\njobs: {{{jobs}}}\n")


def asked(
    github: GitHubStandIn, deploy_job: str, hour: float = 60, *, sla_since: str = "", **changes: Any
) -> SourceResult[CodeRecord]:
    inputs = {"code_source": "workflow-runs", "workflow": "release.yml", "deploy_job": deploy_job}
    inputs |= {"sla_since": sla_since} if sla_since else {}
    return ask(GitHubRuns(), api_of(github), a_question(inputs, default_branch="main", as_of=at(hour), **changes))


def notes(result: SourceResult[CodeRecord]) -> list[Note | str]:
    return [note for note in result.notes if "may have deployed" in str(note)]


@pytest.mark.parametrize(
    ("deploy_job", "shown", "declared"),
    [
        ("deploy", "ship", "ship: {}"),
        ("deploy", "deploy / run", "deploy: {uses: ./.github/workflows/d.yml}"),
        ("deploy", "Ship to prod", "deploy: {name: Ship to prod}"),
        ("deploy", "deploy eu", "deploy: {name: 'deploy ${{ matrix.r }}', strategy: {}}"),
        ("deploy-production", "deploy", "deploy: {}"),
        ("build-and-deploy", "ship", "build: {}, ship: {}"),
        ("deploy (eu)", "deploy", "deploy: {}"),
        ("deploy / run", "deploy", "deploy: {}"),
        ("deploy", "ship", f"ship: {{}}, # {'x' * 70_000}\n"),
    ],
)
def test_name__that_neither_the_newest_run_nor_the_file_shows_is_refused(
    github: GitHubStandIn, deploy_job: str, shown: str, declared: str
) -> None:
    declare(github, declared)
    a_run(github, A, 0, **{deploy_job: "success"})
    a_run(github, B, 5, build="success", **{shown: "success"})
    with pytest.raises(HarvestError, match="the newest run has no job that matches deploy-job") as problem:
        asked(github, deploy_job, hour=7)
    assert shown in problem.value.hint


@pytest.mark.parametrize(
    ("deploy_job", "declared"),
    [
        ("deploy", "deploy: {}"),
        ("deploy*", "deploy-eu: {}"),
        ("deploy (eu)", "deploy: {strategy: {matrix: {r: [eu]}}}"),
        ("deploy / run", "deploy: {uses: ./.github/workflows/d.yml}"),
        ("deploy eu", "deploy: {name: 'deploy ${{ matrix.r }}'}"),
    ],
)
def test_name__that_the_file_declares_is_believed_where_a_run_only_built(
    github: GitHubStandIn, deploy_job: str, declared: str
) -> None:
    declare(github, f"build: {{}}, {declared}")
    a_run(github, A, 0, **{deploy_job: "success"})
    a_run(github, B, 5, build="success")
    assert not notes(asked(github, deploy_job))


@pytest.mark.parametrize(
    ("deploy_job", "before", "after"),
    [
        ("deploy", {"deploy": "success"}, {"ship": "success", "smoke": "failure"}),
        ("deploy", {"deploy": "success"}, {"deploy": "skipped", "ship": "success"}),
        (
            "deploy-*",
            {"deploy-prod": "success", "deploy-docs": "skipped"},
            {"deploy-docs": "skipped", "ship": "success"},
        ),
        ("deploy (eu)", {"deploy (eu)": "success"}, {"deploy (production)": "success", "smoke": "failure"}),
        ("deploy / run", {"deploy / run": "success"}, {"deploy": "skipped", "release": "success"}),
    ],
)
def test_runs__that_show_another_job_are_noted_at_once_and_refused_when_their_clock_may_be_over(
    github: GitHubStandIn, deploy_job: str, before: dict[str, str], after: dict[str, str]
) -> None:
    declare(github, "ship: {}")
    a_run(github, A, 0, **before)
    number = a_run(github, B, 5, "failure" if "failure" in after.values() else "success", **after)
    (note,) = notes(asked(github, deploy_job, hour=52))
    new = sorted({name for name, ended in after.items() if ended == "success"})
    assert f"may have deployed without the job {deploy_job!r}: {number} ({', '.join(new)})" in str(note)
    assert "after 48 h FlowJoy ends with exit code 2" in str(note)
    with pytest.raises(
        HarvestError, match=r"1 run of release\.yml after the last release may have deployed"
    ) as problem:
        asked(github, deploy_job, hour=53)
    assert problem.value.hint.startswith(
        f"add a line to deploy-job with the one that deploys: {', '.join(new)}; if none does"
    )
    a_run(github, C, 54, **before)
    assert not notes(asked(github, deploy_job))


@pytest.mark.parametrize(
    ("deploy_job", "before", "after"),
    [
        ("deploy", {"build": "success", "deploy": "success"}, {"build": "success", "deploy": "skipped"}),
        ("deploy", {"deploy": "success"}, {"deploy": "skipped", "lint": "success"}),
        ("deploy", {"deploy": "success", "publish docs": "skipped"}, {"deploy": "skipped", "publish docs": "success"}),
        ("deploy", {"deploy": "success"}, {"deploy": "failure", "roll back": "success"}),
        ("deploy / run", {"test": "success", "deploy / run": "success"}, {"test": "success", "deploy": "skipped"}),
        ("deploy (eu)", {"test": "success", "deploy (eu)": "success"}, {"test": "success", "deploy": "skipped"}),
        (
            "deploy eu",
            {"test": "success", "deploy eu": "success"},
            {"test": "success", "deploy ${{ matrix.r }}": "skipped"},
        ),
        ("deploy", {"deploy": "success", "push (1)": "success"}, {"deploy": "skipped", "push (2)": "success"}),
        ("deploy", {"build": "success", "deploy": "success"}, {"build": "failure", "deploy": "skipped"}),
    ],
)
def test_runs__that_only_skip_or_fail_to_deploy_are_no_doubt(
    github: GitHubStandIn, deploy_job: str, before: dict[str, str], after: dict[str, str]
) -> None:
    declare(github, "other: {}")
    a_run(github, A, 0, **before)
    a_run(github, B, 5, "failure" if "failure" in after.values() else "success", **after)
    assert not notes(asked(github, deploy_job))


def test_runs__of_another_part_of_a_computed_matrix_are_no_doubt_once_seen_before_a_release(
    github: GitHubStandIn,
) -> None:
    declare(github, "deploy: {strategy: {matrix: '${{ fromJSON(needs.changed.outputs.services) }}'}}")
    a_run(github, A, 0, **{"deploy (search)": "success"})
    a_run(github, B, 5, **{"deploy (shop)": "success"})
    a_run(github, C, 6, **{"deploy (search)": "success"})
    assert not notes(asked(github, "deploy (shop)"))


@pytest.mark.parametrize("usual", [True, False])
def test_runs__are_compared_with_those_that_a_ledger_knows(github: GitHubStandIn, *, usual: bool) -> None:
    declare(github, "deploy: {}")
    jobs = {"deploy": "success", **({"publish": "skipped"} if usual else {})}
    known = {f"run:{a_run(github, A, 0, **jobs)}": at(1)}
    a_run(github, B, 5, deploy="skipped", publish="success")
    if usual:
        assert not notes(asked(github, "deploy", known_code=known))
    else:
        with pytest.raises(HarvestError, match="may have deployed without the job 'deploy'"):
            asked(github, "deploy", known_code=known)


def test_runs__of_pull_requests_and_those_still_under_way_are_no_doubt(github: GitHubStandIn) -> None:
    declare(github, "deploy: {}")
    a_run(github, A, 0, deploy="success")
    shop = github.repository
    proposed = shop.add_run(sha=B, created_at=at(5), updated_at=at(6), event="pull_request")
    under_way = shop.add_run(sha=C, created_at=at(5), updated_at=at(6), status="in_progress", conclusion=None)
    for number in (proposed, under_way):
        shop.add_job(number, "publish", at(6))
    assert not notes(asked(github, "deploy"))


def test_sla_since__after_a_run_in_doubt_ends_it_and_makes_no_job_usual(github: GitHubStandIn) -> None:
    declare(github, "lint: {}, deploy: {needs: lint}, publish-report: {if: failure()}")
    a_run(github, A, 0, deploy="success")
    a_run(github, B, 5, "failure", lint="failure", publish_report="success")
    with pytest.raises(HarvestError, match="may have deployed without the job 'deploy'") as problem:
        asked(github, "deploy")
    assert problem.value.hint == (
        "add a line to deploy-job with the one that deploys: publish report; "
        "if none does, the next release ends this, or sla-since set to 2024-06-05 or a later day"
    )
    for day, hour, is_refused in (("2024-06-03", 60, True), ("2024-06-05", 60, False), ("2024-06-05", 120, True)):
        if hour == 120:
            a_run(github, C, 60, "failure", lint="failure", publish_report="success")
        if is_refused:
            with pytest.raises(HarvestError, match="may have deployed without the job 'deploy'"):
                asked(github, "deploy", hour, sla_since=day)
        else:
            assert notes(asked(github, "deploy", hour, sla_since=day)) == []
