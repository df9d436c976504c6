"""Everything that a run collected: the values of its steps, completed by what the ledgers remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from flowjoy.domain import Coverage, CoverageState, ModelRecord, ModelVersion, Proposal, SourceKind, StubFile
from flowjoy.domain.records import Records
from flowjoy.ledger.source_gone import gone_since, with_observations
from flowjoy.pipeline.collect_steps import CollectSteps
from flowjoy.pipeline.proposal_terms import Applied
from flowjoy.sources import drift_samples
from flowjoy.sources.base import HarvestQuery, SourceResult

_NO_INCIDENTS = Coverage(source=SourceKind.INCIDENTS.named(), state=CoverageState.NOT_CONFIGURED, required=False)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """Everything that was read, completed by what the ledgers remember.

    `applied`: the settings by which it was read and is judged. `versions`: those that the registry lists, None if it
    was not read. `proposal`: the code that asks to go live; `other_stubs`: its stubs at the paths of
    `applied.other_stubs`, by path. `asked_registry`: False if only stubs are judged (a fork). `may_remember`: False if
    a newer FlowJoy keeps the ledger; `confirmed`: False if there may be a ledger that could not be read.
    """

    applied: Applied = field(compare=False)  # settings hold secrets, which equal nothing
    records: Records
    versions: tuple[ModelVersion, ...] | None = None
    unknown_models: Mapping[str, str] = field(default_factory=dict)
    proposal: Proposal | None = None
    other_stubs: Mapping[str, Mapping[str, StubFile]] = field(default_factory=dict)
    asked_registry: bool = True
    may_remember: bool = True
    confirmed: bool = True


def records_of(
    steps: CollectSteps,
    query: HarvestQuery,
    memory: Records,
    models: SourceResult[ModelRecord] | None,
    coverage: list[Coverage],
) -> Records:
    """Return the records of all steps. What is remembered of a source that failed is kept for the next run."""
    code, stubs = steps.code.outcome, steps.stubs.outcome
    commits, training, inventory = steps.commits.outcome, steps.training.outcome, steps.inventory.outcome
    drift, drift_coverage = steps.drift.outcome
    if drift_coverage.state is CoverageState.FAILED:
        drift = drift_samples.unread(query, _advised(drift_coverage))
    incidents = [step.outcome for step in steps.incidents.values()]
    optional = if_configured(commits[1], training[1], inventory[1], drift_coverage)
    coverage = [*coverage, code[1], stubs[1], *optional, *([item for _, item in incidents] or [_NO_INCIDENTS])]
    return replace(
        memory,
        coverage=tuple(sorted(coverage, key=lambda item: item.source)),
        code=code[0].records if code[0] is not None else memory.code,
        models=models.records if models else memory.models,
        models_aside=models.other_models if models else (),
        incidents=tuple(record for records, _ in incidents for record in records),
        stubs=stubs[0] if stubs[1].state is not CoverageState.FAILED else memory.stubs,
        observations=with_observations(memory, models.observations if models else ()),
        commits={**memory.commits, **commits[0].by_sha},
        corrections=(*memory.corrections, *commits[0].corrections),
        training_runs={**memory.training_runs, **training[0]},
        unshipped=_unshipped(models) if models else (),
        not_yet={**memory.not_yet, **(code[0].not_yet if code[0] is not None else {})},
        models_gone=gone_since(memory, models.records, models.versions, query.as_of) if models else memory.models_gone,
        listings=models.listings if models else memory.listings,
        first_listed=models.first_listed if models else memory.first_listed,
        inventory=inventory[0],
        drift=drift,
    )


def if_configured(*coverage: Coverage) -> Iterator[Coverage]:
    """Return the coverage of steps that the run planned."""
    return (item for item in coverage if item.state is not CoverageState.NOT_CONFIGURED)


def _advised(coverage: Coverage) -> str:
    return f"{coverage.reason} ({coverage.hint})" if coverage.hint else f"{coverage.reason}"


def _unshipped(parsed: SourceResult[ModelRecord]) -> tuple[ModelVersion, ...]:
    """Return the READY versions that never shipped. A file lists ships only, so it has none."""
    shipped = {(record.name, record.version) for record in parsed.records}
    return tuple(
        version
        for version in parsed.versions
        if version.ready and version.registered_at is not None and (version.name, version.version) not in shipped
    )
