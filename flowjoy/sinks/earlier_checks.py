"""The checks of earlier commits that a trusted run brings up to date: settled releases, and open pull requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flowjoy.analysis.promise import verdict
from flowjoy.clients import github_pulls
from flowjoy.clients.github import GitHubApi
from flowjoy.errors import HarvestError
from flowjoy.report import checks
from flowjoy.report.checks import Check
from flowjoy.sinks.base import Publication

SETTLED_DAYS = 14
"""An earlier run settled a release whose clocks ended longer ago, unless it never had a check."""

MAX_SETTLED = 40


def of_settled_releases(publication: Publication) -> Iterator[Check]:
    """Yield the checks of earlier releases whose last clock ended lately, newest first."""
    results = publication.results
    since = results.bundle.generated_at - timedelta(days=SETTLED_DAYS)
    recent = [item for item in results.obligations if item.sha and (item.closed_at or item.deadline) >= since]
    written = {publication.trigger.sha, *publication.deployed}
    newest_first = dict.fromkeys(item.sha for item in reversed(recent) if item.sha not in written)
    for sha in list(newest_first)[:MAX_SETTLED]:
        check = checks.settled_check(results, sha, publication.report.links) if sha is not None else None
        if check is not None:
            yield check


def of_open_pull_requests(publication: Publication, github: GitHubApi) -> Iterator[Check]:
    """Yield the check of each open pull request, newest first, if a release was broken lately.

    A required check is otherwise as old as the last run of its pull request.
    """
    results = publication.results
    since = results.bundle.generated_at - timedelta(days=SETTLED_DAYS)
    lately = any(item.is_missed and (item.closed_at or results.bundle.generated_at) >= since for item in results.scope)
    if results.verdict.exit_code == verdict.EXIT_UNDECIDED or not (lately and results.bundle.terms.enforce):
        return
    written = {publication.trigger.sha, *publication.deployed}
    try:
        heads = github_pulls.open_heads(github)
    except HarvestError as problem:
        publication.warn(f"checks: open pull requests keep the check of their own last run: {problem.advised}")
        return
    for sha in heads:
        if sha not in written:
            yield checks.open_pull_request_check(results, sha, publication.report)
