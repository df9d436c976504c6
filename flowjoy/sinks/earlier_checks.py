"""The checks of earlier commits that a trusted run brings up to date: settled releases, and open pull requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from flowjoy.analysis.promise import settled_releases, verdict
from flowjoy.clients import github_pulls
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_pulls import OpenHeads
from flowjoy.domain import Status
from flowjoy.errors import HarvestError
from flowjoy.report import checks
from flowjoy.report.checks import Check
from flowjoy.sinks.base import Publication


@dataclass(frozen=True)
class OpenPullRequests:
    """The open pull requests. GitHub lists them once, and only where a check depends on them."""

    publication: Publication
    github: GitHubApi

    @cached_property
    def _heads(self) -> OpenHeads:
        try:
            return github_pulls.open_heads(self.github)
        except HarvestError as problem:
            self.publication.warn(f"checks: open pull requests keep the check of their own last run: {problem.advised}")
            return OpenHeads()

    def have_head(self, sha: str) -> bool:
        """Return whether a commit is known as the head of one."""
        return sha in self._heads.shas

    def may_have_head(self, sha: str) -> bool:
        """Return whether a commit is the head of one, as far as is known."""
        return self.have_head(sha) or not self._heads.is_complete

    def ask(self, sha: str) -> bool:
        """Return whether the check of a commit answers for merging it.

        That makes a difference only on the commit of a release that shipped late.
        """
        publication = self.publication
        if sha == publication.trigger.sha and publication.judged:
            return True
        own = checks.own_obligations(publication.results, sha)
        return any(item.status is Status.LATE for item in own) and self.have_head(sha)

    def checks(self) -> Iterator[Check]:
        """Yield the check of each, newest first, if a release is or was broken lately, or may be.

        A required check is otherwise as old as the last run of its pull request. A run that cannot decide turns none
        back, and none red while every deadline that is known was kept or is ahead: an outage would block every merge.
        """
        publication, results = self.publication, self.publication.results
        bundle = results.bundle
        since = bundle.generated_at - settled_releases.AGAIN
        lately = any(item.is_missed and (item.closed_at or bundle.generated_at) >= since for item in results.scope)
        if results.verdict.exit_code == verdict.EXIT_UNDECIDED:
            is_concerned = results.may_be_overdue
        else:
            is_concerned = (lately and bundle.terms.enforce) or bundle.blocked_at is not None
        if not is_concerned:
            return
        for sha in self._heads.shas:
            if sha not in _written(publication):
                yield checks.open_pull_request_check(results, sha, publication.report)


def of_settled_releases(publication: Publication) -> Iterator[Check]:
    """Yield the checks of earlier releases that were settled, or settled otherwise, lately."""
    results = publication.results
    listed = settled_releases.updated(results.bundle, results.obligations, _written(publication))
    for sha in settled_releases.due(listed, results.bundle.generated_at):
        check = checks.settled_check(results, sha, publication.report.links)
        if check is not None:
            yield check


def _written(publication: Publication) -> set[str | None]:
    """Return the commits whose checks this run writes in any case."""
    return {publication.trigger.sha, *publication.deployed}
