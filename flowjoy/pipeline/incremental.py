"""Reads code, stubs and models, and asks sources only for what may have changed since the last run.

What a ledger remembers is combined with what its source shows now, so that a mistake is not remembered for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients import github_environments
from flowjoy.domain import (
    CodeRecord,
    ModelRecord,
    Note,
    NoteLevel,
    Outcome,
    Proposal,
    StubFile,
    commit_sha,
    merging,
)
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError
from flowjoy.ledger import not_yet, other_signals, registered_ships, source_gone
from flowjoy.pipeline.recalled_ledgers import LedgerState
from flowjoy.pipeline.step import StepResult
from flowjoy.report.text import plural
from flowjoy.sources import github_model_stubs
from flowjoy.sources.base import Clients, HarvestQuery, Source, SourceResult

_SILENCE = timedelta(days=14)
"""A pause that is worth a warning if there are too few deployments to know the usual one."""

_RHYTHM = 3
"""With fewer deployments the usual pause between two of them is unknown."""


def code(
    query: HarvestQuery, access: Clients, source: Source[CodeRecord], state: LedgerState, own_sha: str | None
) -> StepResult[SourceResult[CodeRecord]]:
    """Read every deployment back to the horizon. `own_sha`: the commit of this release, whose stub is read as well.

    A ledger does not shorten this: only the source knows which deployments exist and how they ended.
    """
    memory = state.memory
    confirmed = {
        record.id: record.shipped_at
        for record in memory.code
        if record.outcome is Outcome.SUCCESS and not record.source_gone
    }
    is_new = commit_sha.is_full(own_sha) and own_sha not in memory.stubs
    query = replace(
        query,
        new_commits=(own_sha,) if own_sha is not None and is_new else (),
        remembered=_remembered(memory),
        known_code=confirmed if query.live else {},
        known_environments=frozenset(record.environment for record in memory.code),
        looked_at=state.looked_at if query.live else None,
        code_read_at=state.code_read_at if query.live else None,
    )
    parsed = source.parse(source.fetch(query, access), query)
    after = state.looked_at if parsed.moves else None
    bounds = not_yet.code_not_yet(
        memory.not_yet, memory.code, parsed.records, parsed.waiting, moved_after=after, now=query.as_of
    )
    bounds = merging.latest_per_key(bounds, parsed.not_yet)
    current = not_yet.code_no_earlier(
        parsed.records, bounds, known=memory.not_yet, remembered=memory.code, now=query.as_of
    )
    known = source_gone.with_code(memory, current, parsed.left_out, moves=parsed.moves)
    failed = _failed_deploys(known, query.as_of)
    notes = (*parsed.notes, *failed, *source_gone.gone(known), *_renamed(query, access, known))
    return replace(parsed, records=known, not_yet=bounds), len(parsed.records), notes


def _renamed(query: HarvestQuery, access: Clients, known: Iterable[CodeRecord]) -> tuple[Note, ...]:
    """Warn if the environments have been quiet for longer than ever while one with a similar name has not."""
    times = sorted(record.shipped_at for record in known if record.outcome is Outcome.SUCCESS)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if query.settings.code_source != "deployments" or not query.live or not times:
        return ()
    usual = max(gaps) if len(times) >= _RHYTHM else max([_SILENCE, *gaps])
    if query.as_of - times[-1] <= usual:
        return ()
    wanted = query.settings.environment
    try:
        counted = github_environments.successors(access.to_github, wanted, times[-1])
    except HarvestError:
        return ()
    named = query.settings.environments
    return tuple(
        Note(
            f"environment {named!r} has been quiet since {iso(times[-1])}, longer than ever before. If it is now "
            f"called {name!r}, set environment to '{named},{name}': until then "
            f"{plural(count, 'newer deployment')} there {'is' if count == 1 else 'are'} dropped",
            NoteLevel.WARNING,
        )
        for name, count in sorted(counted.items())
    )


def stubs(
    query: HarvestQuery,
    access: Clients,
    code_result: SourceResult[CodeRecord] | None,
    proposal: Proposal | None,
    memory: Records,
) -> StepResult[Mapping[str, StubFile]]:
    """Read the stub at HEAD, at every deployed commit, and at both ends of a proposal.

    A file at a commit never changes, so a stub that a ledger remembers is compared by its id only, and one that several
    commits have is read once.
    """
    deploys = code_result.records if code_result is not None else ()
    commits = {record.sha for record in deploys if record.outcome is not Outcome.FAILED and record.sha}
    commits.add(HEAD)
    proposed = frozenset() if proposal is None else proposal.ends
    if not query.settings.reads_github:
        # Shas in a file may belong to another repository; the input `models` names their dependencies.
        commits -= {record.sha for record in deploys}
    commits |= proposed
    met = code_result.stubs if code_result is not None else {}
    known = {sha: stub for sha, stub in met.items() if sha in commits}
    path = query.settings.model_stub
    ids = code_result.stub_ids if code_result is not None else {}
    every = known | github_model_stubs.read(access.to_github, path, commits - known.keys(), memory.stubs, ids)
    _refuse_gone(every, proposed)
    lost = sum(stub.file.commit_is_gone for stub in every.values())
    note = f"{plural(lost, 'deployed commit')} gone from the repository: what it depended on is not known"
    return every, sum(stub.file.text is not None for stub in every.values()), (note,) if lost else ()


def other_stubs(
    access: Clients, paths: Iterable[str], proposal: Proposal
) -> StepResult[Mapping[str, Mapping[str, StubFile]]]:
    """Return, by path, the stubs at both ends of a proposal at other paths than `model-stub`."""
    ends = proposal.ends
    by_path = {path: github_model_stubs.read(access.to_github, path, ends) for path in paths}
    for at_path in by_path.values():
        _refuse_gone(at_path, ends)
    return by_path, sum(stub.file.text is not None for at_path in by_path.values() for stub in at_path.values()), ()


def _refuse_gone(stubs: Mapping[str, StubFile], proposed: frozenset[str]) -> None:
    """Raise HarvestError if a proposed commit no longer exists: its stub cannot be judged."""
    gone = next((stubs[sha].file.problem for sha in sorted(proposed) if stubs[sha].file.commit_is_gone), None)
    if gone is not None:
        raise HarvestError(gone, hint="push the commit to this repository, or open a pull request, and run again")


def models(
    query: HarvestQuery,
    access: Clients,
    source: Source[ModelRecord],
    memory: Records,
    terms: RunParameters,
) -> StepResult[SourceResult[ModelRecord]]:
    """Read the ships of the models that the query names.

    `memory`: what ledgers remember, and the deployments and stubs of this run, which the ships may have served.
    """
    parsed = source.parse(source.fetch(query, access), query)
    asked, signal = {*query.models, *query.candidates}, terms.model_signal
    is_file = query.settings.model_source == "file"
    listings = not_yet.Listings(without=memory.listings, first=memory.first_listed)
    listings = listings.read(asked if is_file else parsed.known, parsed.versions, query.as_of)
    current = not_yet.models_no_earlier(parsed.records, listings, not_yet.settled_bounds(memory, signal))
    if is_file:
        memory = source_gone.only_listed(memory, parsed.versions)
    bounded = partial(not_yet.models_no_earlier, listings=listings)
    first = registered_ships.before_stamps(memory, current, terms, query.now, bounded)
    own = other_signals.of_signal(memory, signal)
    known = source_gone.with_models(own, current, asked, parsed.versions, parsed.known, first)
    notes = (*parsed.notes, *source_gone.gone(known), *registered_ships.notes(known, signal))
    others = other_signals.not_judged(memory, asked, signal, known)
    completed = replace(
        parsed, records=known, listings=listings.without, first_listed=listings.first, other_models=others
    )
    return completed, len(parsed.records), notes


def _remembered(memory: Records) -> dict[str, StubFile]:
    """Return the stubs at the commits of remembered deploys, newest first."""
    newest = sorted(memory.code, key=lambda record: (record.shipped_at, record.id), reverse=True)
    shas = dict.fromkeys(record.sha for record in newest if record.sha is not None)
    return {sha: memory.stubs[sha] for sha in shas if sha in memory.stubs and commit_sha.is_full(sha)}


def _failed_deploys(records: Iterable[CodeRecord], as_of: datetime) -> tuple[str, ...]:
    """Return a note on deployments that had not succeeded; what happened after `as_of` is not known then."""
    failed = sum(record.outcome is Outcome.FAILED and record.shipped_at <= as_of for record in records)
    return (f"{plural(failed, 'deployment')} never succeeded: left out",) if failed else ()
