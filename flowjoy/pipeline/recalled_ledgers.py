"""Recalls what earlier runs wrote: the records that a run builds on, and the terms by which a proposal is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import CoverageState, SourceKind
from flowjoy.domain.bundle import Bundle, RunParameters
from flowjoy.domain.records import Records
from flowjoy.ledger import memory as ledger
from flowjoy.ledger.earlier_runs import is_masked
from flowjoy.pipeline.step import StepResult
from flowjoy.sources import ledger_artifacts, other_ledgers
from flowjoy.sources.base import Clients, HarvestQuery

_LEDGER_SECONDS = 25.0


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

    @property
    def is_hidden(self) -> bool:
        """Whether only a newer FlowJoy can read the history: what it alone knows may be overdue."""
        return self.newer and self.looked_at is None


def recalled(query: HarvestQuery, access: Clients, terms: RunParameters) -> StepResult[LedgerState]:
    """Return what the ledgers remember of the sources that this run reads."""
    # The ledger is optional: if it stalls, the required sources still need their time.
    budget = Budget(min(_LEDGER_SECONDS, access.transport.budget.left() / 4))
    artifacts = ledger_artifacts.read(query, access.to_github.within(Transport(budget)))
    kept = [
        ledger.memory_of(bundle, terms, since=query.horizon, until=query.as_of, number=number)
        for number, bundle in artifacts.ledgers
    ]
    if artifacts.renamed is not None:
        kept.append(ledger.of_another_name(artifacts.renamed, since=query.horizon, until=query.as_of))
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
    return tuple(bundle.terms for bundle in ledgers if not is_masked(bundle.terms))
