"""Refusals of the merge gate on a commit: only what was refused can end them, whichever service or run wrote them.

A commit has one check of a name, and can be the head of several pull requests and of a merge group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_checks import CheckRun, Wanted
from flowjoy.clients.responses import Response, Sha, reader
from flowjoy.domain.proposals import GROUP
from flowjoy.errors import HarvestError
from flowjoy.report import checks
from flowjoy.report.checks import Check
from flowjoy.sinks.base import Publication
from flowjoy.sinks.check_identity import identified


class _Head(Response):
    sha: Sha


class _PullRequest(Response):
    state: Literal["open", "closed"]
    head: _Head


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """The refusals that the checks of one run must respect. GitHub is asked once about each pull request.

    `listed`: the checks of a name on a commit, read in advance; each is believed once.
    """

    publication: Publication
    github: GitHubApi
    listed: dict[Wanted, tuple[CheckRun, ...]] = field(default_factory=dict)
    _blocks: dict[tuple[int, str], bool] = field(default_factory=dict)

    def applied(self, check: Check, runs: Sequence[CheckRun]) -> Check:
        """Return the check, red where a check of its name is refused. `runs`: those on the commit, of every service.

        Otherwise a second pull request into a branch with a milder stub, or a run of another service, would turn the
        required check of the first green.
        """
        publication = self.publication
        judged = publication.judged if check.sha == publication.trigger.sha else frozenset()
        by_service = _newest_of_each_service(check, runs)
        own = by_service.pop(publication.settings.service, frozenset()) - judged
        elsewhere = frozenset().union(*by_service.values())
        refused = {number for number in own | elsewhere if self._still_blocks(number, check.sha)}
        kept = own & refused
        if refused and check.conclusion != "failure":
            check = checks.refused_elsewhere(check, sorted(refused))
            publication.warn(f"checks: {check.title}. See its text for the cure")
        elif check.conclusion == "failure" and self._is_refusal:
            kept |= judged
        return replace(check, refused=kept)

    @property
    def _is_refusal(self) -> bool:
        """Whether the merge gate of this run refused, or could not be judged."""
        gate = self.publication.results.gate
        return self.publication.trigger.proposes if gate is None else gate.failed

    def _still_blocks(self, number: int, sha: str) -> bool:
        """Return whether an open pull request has this head commit, or GitHub does not say.

        A merge group is over once a run of the default branch, or a deployment, has its commit.
        """
        if number == GROUP:
            return not self.publication.trigger.trusted
        if (number, sha) not in self._blocks:
            try:
                pull = self.github.get(f"/pulls/{number}", reader(_PullRequest))
                self._blocks[number, sha] = pull.state == "open" and pull.head.sha == sha
            except HarvestError as problem:
                self._blocks[number, sha] = True
                self.publication.warn(
                    f"checks: pull request #{number} of this commit was refused, and whether it is still open cannot "
                    f"be read: {problem.advised}. Its refusal stays until a job with `pull-requests: read` runs"
                )
        return self._blocks[number, sha]


def _newest_of_each_service(check: Check, runs: Sequence[CheckRun]) -> dict[str, frozenset[int]]:
    """Return the refusals that the newest check of each service records."""
    refused: dict[str, frozenset[int]] = {}
    for run in sorted(runs, key=lambda run: run.id):
        known = identified(run.external_id, check.subject)
        if known is not None:
            refused[known[0]] = known[1]
    return refused
