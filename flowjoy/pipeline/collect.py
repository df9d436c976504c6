"""Reads every source within the time budget: incidents in parallel to the others, which depend on each other.

The coverage names the sources that failed; a failed source never reads as an empty one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from flowjoy.actions.event import RunEvent
from flowjoy.analysis.promise import workflow_edits
from flowjoy.analysis.promise.compliance import RATE_DAYS
from flowjoy.analysis.promise.dependencies import named_models, required_models
from flowjoy.domain import (
    CodeRecord,
    Coverage,
    CoverageState,
    Incident,
    Inventory,
    ModelRecord,
    ModelVersion,
    Outcome,
    Proposal,
    SourceKind,
    StubFile,
)
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.drift import DriftCheck
from flowjoy.domain.records import Records
from flowjoy.ledger.reconcile import with_observations
from flowjoy.pipeline import incremental, optional_data, proposal_terms
from flowjoy.pipeline import proposal as proposals
from flowjoy.pipeline.incremental import LedgerState
from flowjoy.pipeline.proposal_terms import Applied
from flowjoy.pipeline.run_parameters import BaseParameters, of_base_workflows
from flowjoy.pipeline.step import CollectStep, StepResult
from flowjoy.sources import (
    CODE_SOURCES,
    INCIDENT_SOURCES,
    MODEL_SOURCES,
    drift_samples,
)
from flowjoy.sources.base import Clients, HarvestQuery, Record, Source, SourceResult

_GRACE_SECONDS = 1.0
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


def collect(query: HarvestQuery, access: Clients, trigger: RunEvent, terms: RunParameters) -> Collected:
    """Read everything that this run needs. Never raise; a source that does not answer in time has failed."""
    plan = _Collection(query, access, trigger, terms)
    threads = [threading.Thread(target=work, daemon=True) for work in (plan.read_chain, plan.read_incidents)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(access.transport.budget.left() + _GRACE_SECONDS)
    return plan.collected()


class _Collection:
    """The steps of one run: ledger, code, stubs at its commits, the models they name, lead times; and incidents."""

    def __init__(self, query: HarvestQuery, access: Clients, trigger: RunEvent, terms: RunParameters) -> None:
        settings = query.settings
        self._query, self._access, self._trigger, self._terms = query, access, trigger, terms
        self._applied = proposal_terms.own(settings)
        self._own_commit: Proposal | None = None
        self._named: frozenset[str] = frozenset()  # models that settings and stubs name
        self._code_source = CODE_SOURCES[settings.code_source]
        self._model_source = MODEL_SOURCES[settings.model_source]
        self._declare_required()
        self._declare_optional()

    def _declare_required(self) -> None:
        """Declare the steps that the verdict needs, and the ledger that completes them."""
        settings, access, trigger, terms = self._query.settings, self._access, self._trigger, self._terms
        judged = not trigger.fork
        reads_stubs = settings.reads_github or trigger.proposes or self._may_be_own_proposal
        on_github = access.github is not None and reads_stubs
        # Records of files are not remembered, but the alerts that were sent about them are.
        remembered = bool(terms.code_source or terms.model_source or settings.sends_alerts or settings.drift_live)
        # The inputs of a proposal are always compared with those in the ledger.
        compared = trigger.proposes or (trigger.may_be_off_branch and self._query.live and access.github is not None)
        remembers = judged and access.github is not None and (remembered or compared)
        self._ledger = CollectStep[LedgerState](
            SourceKind.LEDGER,
            LedgerState(),
            label=f"artifact {settings.artifact_name}",
            required=False,
            planned=remembers,
        )
        self._other_terms = CollectStep[tuple[RunParameters, ...]](
            SourceKind.OTHER_LEDGERS, (), required=False, planned=False
        )
        self._code = CollectStep[SourceResult[CodeRecord] | None](
            SourceKind.CODE, None, label=self._code_source.label, required=judged, planned=judged
        )
        self._proposal = CollectStep[Proposal | None](
            proposals.kind_of(trigger),
            None,
            required=compared,
            planned=compared,
        )
        self._stubs = CollectStep[Mapping[str, StubFile]](
            SourceKind.STUBS, {}, label=settings.model_stub, required=on_github, planned=on_github
        )
        self._other_stubs = CollectStep[Mapping[str, Mapping[str, StubFile]]](
            SourceKind.OTHER_STUBS, {}, required=True, planned=False
        )
        self._models = CollectStep[SourceResult[ModelRecord] | None](
            SourceKind.MODELS, None, label=self._model_source.label, required=judged, planned=judged
        )

    def _declare_optional(self) -> None:
        """Declare the steps without which a verdict can still be reached."""
        settings, access, judged = self._query.settings, self._access, not self._trigger.fork
        self._commits = CollectStep[Mapping[str, tuple[datetime, ...]]](
            SourceKind.CODE_LEAD_TIME,
            {},
            label="GitHub commits",
            required=False,
            planned=judged and access.github is not None and settings.reads_github,
        )
        self._training = CollectStep[Mapping[str, datetime | None]](
            SourceKind.MODEL_LEAD_TIME,
            {},
            label="MLflow runs",
            required=False,
            planned=judged and settings.model_source == "mlflow" and settings.mlflow_tracking_uri is not None,
        )
        self._inventory = CollectStep[Inventory | None](
            SourceKind.INVENTORY,
            None,
            label="GitHub",
            required=False,
            planned=judged and access.github is not None and self._query.live,
        )
        self._drift = CollectStep[DriftCheck | None](
            SourceKind.DRIFT,
            None,
            label=f"{settings.drift_model}",
            required=False,
            planned=judged and settings.drift_live is not None,
        )
        self._incidents = {
            name: CollectStep[tuple[Incident, ...]](SourceKind.INCIDENTS, (), label=source.label, required=False)
            for name, source in INCIDENT_SOURCES.items()
            if judged and getattr(settings, name) is not None
        }

    def read_chain(self) -> None:
        """Read the ledger, code and pull request, then stubs, then models: each step names what the next one reads.

        Lead times come last, so that the verdict does not wait for them.
        """
        access = self._access
        if self._ledger.planned:
            self._ledger.read(partial(incremental.recalled, self._query, access, self._terms), access)
        if self._proposal.planned:
            self._read_proposal()
        if not self._trigger.fork:
            asked = partial(incremental.code, self._query, access, self._code_source, self._memory, self._trigger.sha)
            self._code.read(asked, access)
        self._own_commit = self._own_proposal()
        self._read_stubs()
        if not self._trigger.fork:
            self._read_models()
        self._read_extras()

    def _read_proposal(self) -> None:
        """Read what asks to go live, and the terms by which it is judged: without a ledger, those of others."""
        settings, trusted = self._query.settings, self._ledger.value.terms
        self._apply(proposal_terms.stricter(settings, self._terms, trusted))
        self._proposal.read(partial(proposals.read, self._query, self._access, self._trigger), self._access)
        proposal = self._proposal.value
        if proposal is not None and proposal.base_sha is None and not self._trigger.proposes:
            self._apply(proposal_terms.own(settings))  # the commit lies on the default branch
            return
        if trusted:
            return
        own_workflow = self._trigger.brings_its_workflow
        if own_workflow and self._ledger.planned:
            self._other_terms.read(partial(incremental.other_terms, self._query, self._access), self._access)
        edited = own_workflow and workflow_edits.may_change_inputs(proposal)
        trusted, base = self._other_terms.value, BaseParameters()
        if edited and not trusted:
            query = self._query
            base = of_base_workflows(proposal, settings, query.repository, query.default_branch)
            trusted = base.steps
        applied = proposal_terms.stricter(settings, self._terms, trusted, edited=edited)
        self._apply(replace(applied, messages=(*applied.messages, *base.notes)))

    def _read_stubs(self) -> None:
        """Read the stubs; those of a proposal also at every other path that decides about it."""
        settings, access, proposal = self._query.settings, self._access, self._asks
        if not self._stubs.planned:
            return
        if not (settings.reads_github or proposal is not None):
            self._stubs.skip(required=self._trigger.proposes)
            return
        known = (self._code.value, proposal, self._memory)
        self._stubs.read(partial(incremental.stubs, self._query, access, *known), access)
        if proposal is not None and self._applied.other_stubs:
            asked = (access, self._applied.other_stubs, proposal)
            self._other_stubs.read(partial(incremental.other_stubs, *asked), access)

    def _apply(self, applied: Applied) -> None:
        """Read everything from here on by these settings."""
        self._applied = applied
        self._query = replace(self._query, settings=applied.settings)

    @property
    def _asks(self) -> Proposal | None:
        """The code that asks to go live."""
        return self._proposal.value if self._trigger.proposes else self._own_commit

    @property
    def _may_be_own_proposal(self) -> bool:
        """Whether the run's own commit is judged before its deployment: not with `as-of` or `ship`."""
        trigger, query = self._trigger, self._query
        own = not (trigger.proposes or trigger.fork) and trigger.sha is not None
        return own and query.live and query.settings.ship is None and self._access.github is not None

    def _own_proposal(self) -> Proposal | None:
        """Return the run's own commit if it never went live; None also where that is unknown."""
        sha = self._trigger.sha
        if self._trigger.proposes or sha is None or self._code.value is None:
            return None
        live = {record.sha for record in self._deploys if record.outcome is Outcome.SUCCESS}
        if not self._applied.refused and (sha in live or not self._may_be_own_proposal):
            self._proposal.skip(required=False)
            return None
        return self._proposal.value if self._proposal.planned else Proposal(head_sha=sha)

    def _read_extras(self) -> None:
        """Read the data that no verdict depends on. Lead times need the deployments and ships that they belong to."""
        query, access, memory, models = self._query, self._access, self._memory, self._models.value
        ships = models.records if models is not None else ()
        if self._drift.planned:
            self._drift.read(partial(optional_data.drift, query, access, ships, self._named), access)
        if self._inventory.planned:
            self._inventory.read(partial(optional_data.inventory, query, access, memory.inventory), access)
        if self._commits.planned and self._code.value is not None:
            self._commits.read(partial(optional_data.commits, query, access, self._deploys, memory.commits), access)
        else:
            self._commits.skip()
        if self._training.planned and models is not None:
            self._training.read(partial(optional_data.training, query, access, ships, memory.training_runs), access)
        else:
            self._training.skip()

    def read_incidents(self) -> None:
        """Read every incident source, one after the other."""
        for name, step in self._incidents.items():
            step.read(partial(_counted, INCIDENT_SOURCES[name], self._query, self._access), self._access)

    def collected(self) -> Collected:
        """Return what was read so far. Each step is looked at once: a source that answers too late must not count."""
        recalled, ledger_coverage = self._ledger.outcome
        models = self._models.outcome
        proposal, other_stubs = self._proposal.outcome, self._other_stubs.outcome
        coverage = [ledger_coverage, models[1], *_if_configured(other_stubs[1], self._other_terms.outcome[1])]
        coverage += [proposal[1]] if self._trigger.proposes else _if_configured(proposal[1])
        return Collected(
            applied=self._applied,
            records=self._records(recalled.memory, models[0], coverage),
            versions=models[0].versions if models[0] else None,
            unknown_models=models[0].unknown if models[0] else {},
            proposal=proposal[0] if self._trigger.proposes else self._own_commit,
            other_stubs=other_stubs[0],
            asked_registry=not self._trigger.fork,
            may_remember=not recalled.newer,
            confirmed=recalled.complete and ledger_coverage.state is not CoverageState.FAILED,
        )

    def _records(self, memory: Records, models: SourceResult[ModelRecord] | None, coverage: list[Coverage]) -> Records:
        """Return the records of all steps. What is remembered of a source that failed is kept for the next run."""
        code, stubs = self._code.outcome, self._stubs.outcome
        commits, training, inventory = self._commits.outcome, self._training.outcome, self._inventory.outcome
        drift, drift_coverage = self._drift.outcome
        if drift_coverage.state is CoverageState.FAILED:
            drift = drift_samples.unread(self._query, _advised(drift_coverage))
        incidents = [step.outcome for step in self._incidents.values()]
        coverage = [
            *coverage,
            code[1],
            stubs[1],
            *_if_configured(commits[1], training[1], inventory[1], drift_coverage),
            *([item for _, item in incidents] or [_NO_INCIDENTS]),
        ]
        return replace(
            memory,
            coverage=tuple(sorted(coverage, key=lambda item: item.source)),
            code=code[0].records if code[0] is not None else memory.code,
            models=models.records if models else memory.models,
            models_aside=models.other_models if models else (),
            incidents=tuple(record for records, _ in incidents for record in records),
            stubs=stubs[0] if stubs[1].state is not CoverageState.FAILED else memory.stubs,
            observations=with_observations(memory, models.observations if models else ()),
            commits={**memory.commits, **commits[0]},
            training_runs={**memory.training_runs, **training[0]},
            unshipped=_unshipped(models) if models else (),
            inventory=inventory[0],
            drift=drift,
        )

    @property
    def _memory(self) -> Records:
        return self._ledger.value.memory

    @property
    def _deploys(self) -> tuple[CodeRecord, ...]:
        return self._code.value.records if self._code.value is not None else ()

    def _read_models(self) -> None:
        settings = self._query.settings
        must, may = required_models(
            settings.models,
            self._deploys,
            self._stubs.value,
            self._asks,
            since=min(self._query.since, self._query.as_of - timedelta(days=RATE_DAYS, hours=settings.sla_hours)),
        )
        elsewhere = {model for at_path in self._other_stubs.value.values() for model in named_models(at_path)}
        may = tuple(sorted({*may, *elsewhere} - {*must}))
        self._named = frozenset((*must, *may))
        query = replace(self._query, models=must, candidates=may, observations=self._memory.observations)
        if must or may or query.settings.model_source == "file":
            known = (self._model_source, self._memory, self._deploys, self._terms)
            self._models.read(partial(incremental.models, query, self._access, *known), self._access)
        else:
            self._models.skip(required=False)


def _if_configured(*coverage: Coverage) -> Iterator[Coverage]:
    return (item for item in coverage if item.state is not CoverageState.NOT_CONFIGURED)


def _advised(coverage: Coverage) -> str:
    return f"{coverage.reason} ({coverage.hint})" if coverage.hint else f"{coverage.reason}"


def _counted(source: Source[Record], query: HarvestQuery, access: Clients) -> StepResult[tuple[Record, ...]]:
    parsed: SourceResult[Record] = source.parse(source.fetch(query, access), query)
    return parsed.records, len(parsed.records), parsed.notes


def _unshipped(parsed: SourceResult[ModelRecord]) -> tuple[ModelVersion, ...]:
    """Return the READY versions that never shipped. A file lists ships only, so it has none."""
    shipped = {(record.name, record.version) for record in parsed.records}
    return tuple(
        version
        for version in parsed.versions
        if version.ready and version.registered_at is not None and (version.name, version.version) not in shipped
    )
