"""The ledgers of this service: the bundles in its newest trusted artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flowjoy.actions.trusted_runs import distrust
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.domain.bundle import Bundle
from flowjoy.errors import BundleError, HarvestError, NewerBundleError
from flowjoy.ledger.memory import why_not
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.earlier_reports import Artifact, bundle_in, content_of, run_of
from flowjoy.sources.ledger_candidates import Candidates, FloodError

MAX_LEDGERS = 5
"""How many concurrent runs are merged, and how many downloads are tried."""


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
    candidates = Candidates(github, query, branch)
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
    return LedgerArtifacts(ledgers=tuple(ledgers), notes=(*notes, *candidates.ignored), is_complete=is_complete)


def _up_to_a_flood(candidates: Candidates, ledgers: list[Any]) -> Iterator[tuple[Artifact, list[str]]]:
    """Yield the candidates; behind a flood, those of the newest runs, and an error if none of them is a ledger."""
    try:
        yield from candidates
    except FloodError:
        if not ledgers:
            yield from candidates.of_newest_runs()
        if not ledgers:
            raise


def _opened(content: bytes, query: HarvestQuery) -> Bundle:
    bundle = bundle_in(content)
    refused = why_not(bundle, service=query.settings.service, repository=query.repository, now=query.now)
    if refused is not None:
        raise BundleError(refused)
    return bundle
