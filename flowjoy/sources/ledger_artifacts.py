"""The ledgers of this service: the bundles in its newest trusted artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flowjoy.actions.trusted_runs import distrust
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.responses import reader
from flowjoy.domain.bundle import Bundle
from flowjoy.errors import BundleError, HarvestError, NewerBundleError
from flowjoy.ledger.memory import why_not
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.earlier_reports import Artifact, Artifacts, bundle_in, content_of, run_of

MAX_LEDGERS = 5
"""How many concurrent runs are merged, and how many downloads are tried."""

MAX_LOOKUPS = 12
"""How many runs are asked for their event, one request each: of the default branch, and of others."""

MAX_PAGES = 10


@dataclass(frozen=True, kw_only=True)
class LedgerArtifacts:
    """The ledgers, newest first, each with the id of its artifact, and notes for the user.

    `newer`: a newer FlowJoy wrote one, so this run must not upload another that would replace it. `is_complete`: False
    if there is another one that could not be read this time.
    """

    ledgers: tuple[tuple[int, Bundle], ...] = ()
    notes: tuple[str, ...] = field(default=())
    newer: bool = False
    is_complete: bool = True


def read(query: HarvestQuery, github: GitHubApi) -> LedgerArtifacts:
    """Read the ledgers; skip artifacts that are not, with a note. Raise HarvestError if GitHub does not answer."""
    notes: list[str] = []
    name = query.default_branch
    branch = None if name is None else DefaultBranch(github=github, name=name, commit=query.default_commit)
    ledgers: list[tuple[int, Bundle]] = []
    remembered = tried = 0
    is_complete = True
    candidates = _Candidates(github, query)
    for artifact, shas in _up_to_a_flood(candidates, ledgers):
        number = artifact.id
        if number <= remembered:
            break
        if branch is None:
            raise HarvestError("the default branch is not known, so no earlier run can be trusted", hint="run again")
        if tried == MAX_LEDGERS:
            notes.append(f"more than {MAX_LEDGERS} runs at once: artifact {number} and older ones are not read")
            break
        try:
            reason = distrust(run_of(artifact, github), query.repository, branch, shas)
            if reason is not None:
                raise BundleError(reason)  # noqa: TRY301  (ignored like an artifact that is not a ledger)
            tried += 1
            bundle = _opened(content_of(github, artifact), query)
        except NewerBundleError as problem:
            return LedgerArtifacts(notes=(f"artifact {number} is not read: {problem}; update the action",), newer=True)
        except BundleError as problem:
            notes.append(f"artifact {number} is ignored: {problem}")
            continue
        except HarvestError as problem:
            if not ledgers:
                raise
            notes.append(f"artifact {number} is not read: {problem}")
            is_complete = False
            break
        ledgers.append((number, bundle))
        remembered = max(remembered, *bundle.ledgers, 0)
    return LedgerArtifacts(ledgers=tuple(ledgers), notes=(*notes, *candidates.ignored_forks), is_complete=is_complete)


class FloodError(HarvestError):
    """There are more artifacts than can be examined."""


class _Candidates:
    """The artifacts of the ledger's name that a run of this repository made, newest first, page by page.

    Each comes with the commits of its page. Raises FloodError if there are too many.
    """

    def __init__(self, github: GitHubApi, query: HarvestQuery) -> None:
        self._github, self._query = github, query
        self._forks = 0

    @property
    def ignored_forks(self) -> tuple[str, ...]:
        """The note on artifacts of forks, if there were any."""
        return (f"{plural(self._forks, 'artifact')} of this name ignored: from forks",) if self._forks else ()

    def __iter__(self) -> Iterator[tuple[Artifact, list[str]]]:
        name, github = self._query.settings.artifact_name, self._github
        lookups = {True: 0, False: 0}
        for page in range(1, MAX_PAGES + 1):
            listed = github.get("/actions/artifacts", reader(Artifacts), name=name, per_page=PER_PAGE, page=page)
            newest = sorted(listed.artifacts, key=lambda item: -item.id)
            shas = [item.workflow_run.head_sha for item in newest][:MAX_LOOKUPS]
            for item in newest:
                run = item.workflow_run
                if item.name != name or item.expired:
                    continue
                if run.head_repository_id != run.repository_id:
                    self._forks += 1
                    continue
                on_default = run.head_branch == self._query.default_branch
                lookups[on_default] += 1
                if lookups[on_default] <= MAX_LOOKUPS:
                    yield item, shas
            if page * PER_PAGE >= listed.total_count:
                break
            if not listed.artifacts:
                raise HarvestError("GitHub artifacts: the list ends before all of them", hint="run again")
        else:
            raise FloodError(f"more than {MAX_PAGES * PER_PAGE} artifacts are named {name!r}", hint="set artifact-name")
        if max(lookups.values()) > MAX_LOOKUPS:
            raise FloodError(
                f"more than {MAX_LOOKUPS} artifacts named {name!r} are of untrusted runs", hint="set artifact-name"
            )


def _up_to_a_flood(candidates: _Candidates, ledgers: list[Any]) -> Iterator[tuple[Artifact, list[str]]]:
    """Yield the candidates. A flood ends them if a ledger was read before it; otherwise it is an error."""
    try:
        yield from candidates
    except FloodError:
        if not ledgers:
            raise


def _opened(content: bytes, query: HarvestQuery) -> Bundle:
    bundle = bundle_in(content)
    refused = why_not(bundle, service=query.settings.service, repository=query.repository, now=query.now)
    if refused is not None:
        raise BundleError(refused)
    return bundle
