"""Reads ledger, code, stubs and models, and asks sources only for what may have changed since the last run.

What a ledger remembers is combined with what its source shows now, so that a mistake is not remembered for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients import github_environments
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import (
    CodeRecord,
    CoverageState,
    ModelRecord,
    Note,
    NoteLevel,
    Outcome,
    Proposal,
    SourceKind,
    StubFile,
    commit_sha,
)
from flowjoy.domain.bundle import Bundle, RunParameters
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError
from flowjoy.ledger import memory as ledger
from flowjoy.ledger import not_yet, registered_ships, source_gone
from flowjoy.pipeline.step import StepResult
from flowjoy.report.text import plural
from flowjoy.sources import github_model_stubs, ledger_artifacts, other_ledgers
from flowjoy.sources.base import Clients, HarvestQuery, Source, SourceResult

_LEDGER_SECONDS = 25.0

_SILENCE = timedelta(days=14)
"""A pause that is worth a warning if there are too few deployments to know the usual one."""

_RHYTHM = 3
"""With fewer deployments the usual pause between two of them is unknown."""


@dataclass(frozen=True, kw_only=True)
class LedgerState:
    """The memory of all ledgers. `newer`: a newer FlowJoy wrote one of them; `complete`: all of them were read.

    `terms`: those of the newest one, the minimum by which a proposal is judged; empty if unknown. `looked_at`: when the
    newest one was written; `code_read_at`: when the newest one was that read the same code completely.
    """

    memory: Records = field(default_factory=Records)
    terms: tuple[RunParameters, ...] = ()
    looked_at: datetime | None = None
    code_read_at: datetime | None = None
    newer: bool = False
    complete: bool = True


def recalled(query: HarvestQuery, access: Clients, terms: RunParameters) -> StepResult[LedgerState]:
    """Return what the ledgers remember of the sources that this run reads."""
    # The ledger is optional: if it stalls, the required sources still need their time.
    budget = Budget(min(_LEDGER_SECONDS, access.transport.budget.left() / 4))
    artifacts = ledger_artifacts.read(query, access.to_github.within(Transport(budget)))
    kept = [
        ledger.memory_of(bundle, terms, since=query.horizon, until=query.as_of, number=number)
        for number, bundle in artifacts.ledgers
    ]
    memory = reduce(Records.merged, kept, Records())
    return (
        LedgerState(
            memory=memory,
            terms=_terms(bundle for _, bundle in artifacts.ledgers[:1]),
            looked_at=max((bundle.generated_at for _, bundle in artifacts.ledgers), default=None),
            code_read_at=max((b.generated_at for _, b in artifacts.ledgers if _read_the_code(b, terms)), default=None),
            newer=artifacts.newer,
            complete=artifacts.is_complete,
        ),
        len(memory.code) + len(memory.models),
        artifacts.notes,
    )


def _read_the_code(bundle: Bundle, asked: RunParameters) -> bool:
    """Return whether a ledger's run read all the code that is asked for now, at least as far back."""
    return (
        bundle.terms.code_source == asked.code_source
        and bundle.terms.sla_hours >= asked.sla_hours
        and any(item.kind is SourceKind.CODE and item.state is CoverageState.COMPLETE for item in bundle.coverage)
    )


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
    current = not_yet.code_no_earlier(parsed.records, bounds)
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


def other_terms(query: HarvestQuery, access: Clients) -> StepResult[tuple[RunParameters, ...]]:
    """Return the terms of ledgers under other names, for a proposal whose inputs name a service without a ledger."""
    budget = Budget(min(_LEDGER_SECONDS, access.transport.budget.left() / 4))
    ledgers = other_ledgers.read(query, access.to_github.within(Transport(budget)))
    services = sorted({repr(bundle.service) for bundle in ledgers})
    known = f"no trusted run knows the service {query.settings.service!r} under the name of its artifact: "
    note = f"{known}this is judged by the strictest terms of {', '.join(services)}"
    return _terms(ledgers), len(ledgers), (note,) if ledgers else ()


def _terms(ledgers: Iterable[Bundle]) -> tuple[RunParameters, ...]:
    """Return the terms of ledgers, except for those that redaction changed."""
    return tuple(bundle.terms for bundle in ledgers if not ledger.is_masked(bundle.terms))


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
    code: Iterable[CodeRecord],
    terms: RunParameters,
) -> StepResult[SourceResult[ModelRecord]]:
    """Read the ships of the models that the query names. `code`: the deployments that they may have served."""
    parsed = source.parse(source.fetch(query, access), query)
    asked = {*query.models, *query.candidates}
    bounds = not_yet.models_not_yet(memory.not_yet, parsed.records, parsed.versions, query.as_of)
    current = not_yet.models_no_earlier(parsed.records, bounds)
    shipped = registered_ships.by_registration(memory, current, code, terms, query.now)
    known = source_gone.with_models(memory, current, asked, parsed.versions, parsed.known, shipped)
    notes = (*parsed.notes, *source_gone.gone(known), *registered_ships.notes(known))
    completed = replace(parsed, records=known, not_yet=bounds, other_models=source_gone.not_asked(memory, asked))
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
