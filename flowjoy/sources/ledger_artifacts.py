"""The ledgers of this service: the bundles in its newest trusted artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flowjoy.actions.trusted_runs import distrust
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.domain import Note, NoteLevel
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

    `renamed`: the newest ledger of the only other service whose ledgers have this name, if none is of this service.

    `newer`: a newer FlowJoy wrote one, so this run must not upload another that would replace it; older ones are read
    all the same. `is_complete`: False if there is another one that could not be read this time.
    """

    ledgers: tuple[tuple[int, Bundle], ...] = ()
    notes: tuple[str, ...] = field(default=())
    newer: bool = False
    is_complete: bool = True
    renamed: Bundle | None = None


def read(query: HarvestQuery, github: GitHubApi) -> LedgerArtifacts:
    """Read the ledgers; skip artifacts that are not, with a note. Raise HarvestError if GitHub does not answer."""
    notes: list[str] = []
    name = query.default_branch
    branch = None if name is None else DefaultBranch(github=github, name=name, commit=query.default_commit)
    ledgers: list[tuple[int, Bundle]] = []
    others: list[tuple[int, Bundle]] = []
    remembered = tried = 0
    is_complete, newer = True, False
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
            _refuse_untrusted(distrust(run_of(artifact, github), query.repository, branch, shas))
            tried += 1
            bundle = _opened(content_of(github, artifact), query)
            if bundle.service != query.settings.service:
                others.append((number, bundle))
                raise BundleError(f"it is of the service {bundle.service!r}")  # noqa: TRY301  (ignored like an artifact that is not a ledger)
        except BundleError as problem:
            newer |= isinstance(problem, NewerBundleError)
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
    renamed, warnings = _others(others, ledgers, query.settings.service)
    notes += [*warnings, *candidates.ignored]
    return LedgerArtifacts(
        ledgers=tuple(ledgers), notes=tuple(notes), newer=newer, is_complete=is_complete, renamed=renamed
    )


def _others(
    others: list[tuple[int, Bundle]], own: list[tuple[int, Bundle]], service: str
) -> tuple[Bundle | None, tuple[Note, ...]]:
    """Return the newest ledger of another service, if all are of one and none is of this one, and a warning."""
    since = own[0][0] if own else 0
    newer = [bundle for number, bundle in others if number > since]
    services = sorted({bundle.service for bundle in newer})
    if not services:
        return None, ()
    names = ", ".join(map(repr, services))
    if own:
        text = (
            f"{names} and {service!r} share this artifact-name: what is overdue in one may be owed by the other. "
            "Set artifact-name, one for each service"
        )
        return None, (Note(text, NoteLevel.WARNING),)
    read = "only what is overdue there is" if len(services) == 1 else "nothing of them is"
    text = (
        f"no ledger of the service {service!r} has this artifact-name, but one of {names} has: {read} read. "
        "If that is another service, and not an earlier name of this one, set artifact-name"
    )
    return newer[0] if len(services) == 1 else None, (Note(text, NoteLevel.WARNING),)


def _up_to_a_flood(candidates: Candidates, ledgers: list[Any]) -> Iterator[tuple[Artifact, list[str]]]:
    """Yield the candidates; behind a flood, those of the newest runs, and an error if none of them is a ledger."""
    try:
        yield from candidates
    except FloodError:
        if not ledgers:
            yield from candidates.of_newest_runs()
        if not ledgers:
            raise


def _refuse_untrusted(reason: str | None) -> None:
    if reason is not None:
        raise BundleError(reason)


def _opened(content: bytes, query: HarvestQuery) -> Bundle:
    """Return the ledger of this service or another. Raise BundleError if it is not one of this repository."""
    bundle = bundle_in(content)
    refused = why_not(bundle, repository=query.repository, now=query.now)
    if refused is not None:
        raise BundleError(refused)
    return bundle
