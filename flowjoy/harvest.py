"""Reads every source within the budget, side by side where they do not wait for each other. Knows no analysis.

What failed is named in the coverage; nothing that fails ever reads as empty.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from flowjoy import extras, rereading
from flowjoy.analysis.standing import RATE_DAYS
from flowjoy.bundle import Terms
from flowjoy.dependence import required_models
from flowjoy.distribution import DriftCheck
from flowjoy.ledger import Memory
from flowjoy.model import (
    CodeRecord,
    Coverage,
    CoverageState,
    Incident,
    Inventory,
    Look,
    ModelRecord,
    ModelVersion,
    PullRequest,
    StubText,
)
from flowjoy.reading import Read, Reading
from flowjoy.rereading import Recalled
from flowjoy.sources import CODE_SOURCES, INCIDENT_SOURCES, MODEL_SOURCES, drift_samples, pull_request
from flowjoy.sources.base import Access, Parsed, Query, Record, Source
from flowjoy.trigger import Trigger

_GRACE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """Everything that was read, and how completely. `versions` is None where the registry was not read.

    `looks` are all that is known of aliases and stages. `may_remember`: False where a newer FlowJoy keeps the ledger;
    `confirmed`: False where there may be a ledger that could not be read.
    """

    code: tuple[CodeRecord, ...]
    models: tuple[ModelRecord, ...]
    models_aside: tuple[ModelRecord, ...]
    code_total: int | None
    incidents: tuple[Incident, ...]
    coverage: tuple[Coverage, ...]
    stubs: Mapping[str, StubText] = field(default_factory=dict)
    pull: PullRequest | None = None
    versions: tuple[ModelVersion, ...] | None = None
    unknown_models: Mapping[str, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    looks: tuple[Look, ...] = ()
    commits: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    training_runs: Mapping[str, datetime | None] = field(default_factory=dict)
    unshipped: tuple[ModelVersion, ...] = ()
    inventory: Inventory | None = None
    drift: DriftCheck | None = None
    may_remember: bool = True
    confirmed: bool = True


def harvest(query: Query, access: Access, trigger: Trigger, terms: Terms) -> Harvest:
    """Read everything this run needs. Never raises; a source that does not end in time has failed."""
    plan = _Plan(query, access, trigger, terms)
    threads = [threading.Thread(target=work, daemon=True) for work in (plan.read_chain, plan.read_incidents)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(access.transport.budget.left() + _GRACE_SECONDS)
    return plan.collected()


class _Plan:
    """What this run reads: ledger, code, stubs at its commits, the models they name, lead times; incidents beside."""

    def __init__(self, query: Query, access: Access, trigger: Trigger, terms: Terms) -> None:
        settings = query.settings
        self._query, self._access, self._trigger, self._terms = query, access, trigger, terms
        judged = not trigger.fork
        on_github = access.github is not None and (settings.reads_github or trigger.pull_request is not None)
        self._code_source = CODE_SOURCES[settings.code_source]
        self._model_source = MODEL_SOURCES[settings.model_source]
        # Files are not remembered, but what was told of them is.
        remembered = bool(terms.code_source or terms.model_source or settings.tells_alarms or settings.drift_live)
        remembers = judged and access.github is not None and remembered
        self._ledger = Reading[Recalled](
            f"ledger (artifact {settings.artifact_name})", Recalled(), required=False, planned=remembers
        )
        self._code = Reading[Parsed[CodeRecord] | None](
            f"code ({self._code_source.label})", None, required=judged, planned=judged
        )
        self._pull = Reading[PullRequest | None](
            "pull request", None, required=trigger.pull_request is not None, planned=trigger.pull_request is not None
        )
        self._stubs = Reading[Mapping[str, StubText]](
            f"stubs ({settings.model_stub})", {}, required=on_github, planned=on_github
        )
        self._models = Reading[Parsed[ModelRecord] | None](
            f"models ({self._model_source.label})", None, required=judged, planned=judged
        )
        self._commits = Reading[Mapping[str, tuple[datetime, ...]]](
            "lead time of code (GitHub commits)",
            {},
            required=False,
            planned=judged and access.github is not None and settings.reads_github,
        )
        self._training = Reading[Mapping[str, datetime | None]](
            "lead time of models (MLflow runs)",
            {},
            required=False,
            planned=judged and settings.model_source == "mlflow" and settings.mlflow_tracking_uri is not None,
        )
        self._inventory = Reading[Inventory | None](
            "inventory (GitHub)", None, required=False, planned=judged and access.github is not None and query.live
        )
        self._drift = Reading[DriftCheck | None](
            f"drift ({settings.drift_model})", None, required=False, planned=judged and settings.drift_live is not None
        )
        self._named: frozenset[str] = frozenset()  # models that settings and stubs name
        self._incidents = {
            name: Reading[tuple[Incident, ...]](f"incidents ({source.label})", (), required=False)
            for name, source in INCIDENT_SOURCES.items()
            if judged and getattr(settings, name) is not None
        }

    def read_chain(self) -> None:
        """Ledger, code and pull request, then stubs, then models: each names what the next must ask for.

        Lead times come last: what the verdict needs must not wait for them.
        """
        access = self._access
        if self._ledger.planned:
            self._ledger.read(partial(rereading.recalled, self._query, access, self._terms), access)
        if not self._trigger.fork:
            asked = partial(rereading.code, self._query, access, self._code_source, self._memory, self._trigger.sha)
            self._code.read(asked, access)
        number = self._trigger.pull_request
        if number is not None:
            self._pull.read(lambda: (pull_request.read(access.to_github, number, self._trigger.sha), 1, ()), access)
        if self._stubs.planned:
            told = (self._code.value, self._pull.value, self._memory)
            self._stubs.read(partial(rereading.stubs, self._query, access, *told), access)
        if not self._trigger.fork:
            self._read_models()
        self._read_extras()

    def _read_extras(self) -> None:
        """What decides nothing. Lead times need what they lead to."""
        query, access, memory, models = self._query, self._access, self._memory, self._models.value
        ships = models.records if models is not None else ()
        if self._drift.planned:
            self._drift.read(partial(extras.drift, query, access, ships, self._named), access)
        if self._inventory.planned:
            self._inventory.read(partial(extras.inventory, query, access, memory.inventory), access)
        if self._commits.planned and self._code.value is not None:
            self._commits.read(partial(extras.commits, query, access, self._deploys, memory.commits), access)
        else:
            self._commits.skip()
        if self._training.planned and models is not None:
            self._training.read(partial(extras.training, query, access, ships, memory.training_runs), access)
        else:
            self._training.skip()

    def read_incidents(self) -> None:
        """Every incident source, one after the other."""
        for name, step in self._incidents.items():
            step.read(partial(_counted, INCIDENT_SOURCES[name], self._query, self._access), self._access)

    def collected(self) -> Harvest:
        """One look at each step: what a source that was given up still delivers must not count."""
        code, pull, stubs, models = self._code.outcome, self._pull.outcome, self._stubs.outcome, self._models.outcome
        incidents = [step.outcome for step in self._incidents.values()]
        recalled, ledger_said = self._ledger.outcome
        commits, training, inventory = self._commits.outcome, self._training.outcome, self._inventory.outcome
        drift, drift_said = self._drift.outcome
        if drift_said.state is CoverageState.FAILED:
            reason = f"{drift_said.reason} ({drift_said.hint})" if drift_said.hint else f"{drift_said.reason}"
            drift = drift_samples.unread(self._query, reason)
        beside = [
            said
            for said in (commits[1], training[1], inventory[1], drift_said)
            if said.state is not CoverageState.NOT_CONFIGURED
        ]
        coverage = [ledger_said, code[1], stubs[1], models[1], *beside, *(said for _, said in incidents)]
        if self._trigger.pull_request is not None:
            coverage.append(pull[1])
        if not incidents:
            coverage.append(Coverage(source="incidents", state=CoverageState.NOT_CONFIGURED, required=False))
        parsed = models[0]
        memory = recalled.memory
        return Harvest(
            # A source that failed decides nothing; what is remembered of it must not be lost for the next run.
            code=code[0].records if code[0] is not None else memory.code,
            code_total=code[0].total if code[0] is not None else None,
            models=parsed.records if parsed else memory.models,
            models_aside=parsed.aside if parsed else (),
            incidents=tuple(record for records, _ in incidents for record in records),
            coverage=tuple(sorted(coverage, key=lambda item: item.source)),
            stubs=stubs[0] if stubs[1].state is not CoverageState.FAILED else memory.stubs,
            pull=pull[0],
            versions=parsed.versions if parsed else None,
            unknown_models=parsed.unknown if parsed else {},
            memory=memory,
            looks=parsed.looks if parsed else (),
            commits={**memory.commits, **commits[0]},
            training_runs={**memory.training_runs, **training[0]},
            unshipped=_unshipped(parsed) if parsed else (),
            inventory=inventory[0],
            drift=drift,
            may_remember=not recalled.newer,
            confirmed=recalled.whole and ledger_said.state is not CoverageState.FAILED,
        )

    @property
    def _memory(self) -> Memory:
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
            self._pull.value,
            since=min(self._query.since, self._query.as_of - timedelta(days=RATE_DAYS, hours=settings.sla_hours)),
            path=settings.model_stub,
        )
        self._named = frozenset((*must, *may))
        query = replace(self._query, models=must, candidates=may, looks=self._memory.looks)
        if must or may or query.settings.model_source == "file":
            asked = partial(rereading.models, query, self._access, self._model_source, self._memory)
            self._models.read(asked, self._access)
        else:
            self._models.skip(required=False)


def _counted(source: Source[Record], query: Query, access: Access) -> Read[tuple[Record, ...]]:
    parsed: Parsed[Record] = source.parse(source.fetch(query, access), query)
    return parsed.records, len(parsed.records), parsed.notes


def _unshipped(parsed: Parsed[ModelRecord]) -> tuple[ModelVersion, ...]:
    """The registered versions that could ship and never did; a file tells only of ships."""
    shipped = {(record.name, record.version) for record in parsed.records}
    return tuple(
        version
        for version in parsed.versions
        if version.ready and version.registered_at is not None and (version.name, version.version) not in shipped
    )
