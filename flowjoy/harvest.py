"""Reads every source within the budget, side by side where they do not wait for each other. Knows no analysis.

What failed is named in the coverage; nothing that fails ever reads as empty.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial, reduce
from typing import Generic, TypeVar

from flowjoy import ledger, reconcile
from flowjoy.analysis.promise import RATE_DAYS
from flowjoy.bundle import Terms
from flowjoy.dependence import HEAD, required_models
from flowjoy.distribution import DriftCheck
from flowjoy.errors import HarvestError
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
    Outcome,
    PullRequest,
    StubText,
)
from flowjoy.sources import (
    CODE_SOURCES,
    INCIDENT_SOURCES,
    MODEL_SOURCES,
    drift_samples,
    github_commits,
    github_inventory,
    github_stubs,
    ledger_artifact,
    mlflow_training,
    pull_request,
)
from flowjoy.sources.base import Access, Parsed, Query, Record, Source
from flowjoy.transport import Budget, Transport
from flowjoy.trigger import Trigger

_GRACE_SECONDS = 1.0
_LEDGER_SECONDS = 25.0
_LEAD_TIME_SECONDS = 15.0
_INVENTORY_AGE = timedelta(hours=6)
"""What lies on a shelf lies there for days: hourly runs need not look each time."""

RECHECKED = 49
"""As many as fit into one query beside the head of the default branch."""

_T = TypeVar("_T")


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
    unknown_models: frozenset[str] = frozenset()
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


@dataclass(frozen=True, kw_only=True)
class _Recalled:
    """What the ledgers remember; `newer`: one was written by a newer FlowJoy; `whole`: none was left unread."""

    memory: Memory = field(default_factory=Memory)
    newer: bool = False
    whole: bool = True


class _Step(Generic[_T]):
    """One thing to read. `outcome` changes in one assignment, so that a look from another thread never tears it."""

    def __init__(self, name: str, nothing: _T, *, required: bool, planned: bool = True) -> None:
        self._name, self._nothing, self._required = name, nothing, required
        self.planned = planned
        self.outcome: tuple[_T, Coverage] = (nothing, self._late())
        if not planned:
            self.skip()

    @property
    def value(self) -> _T:
        """What was read; nothing, where it was not."""
        return self.outcome[0]

    def read(self, work: Callable[[], tuple[_T, int, tuple[str, ...]]], access: Access) -> None:
        """Do the work; every failure ends as coverage."""
        try:
            value, count, notes = work()
        except HarvestError as problem:
            self._failed(str(problem), problem.hint)
        except Exception as problem:  # noqa: BLE001  (a bug in one source must not take the others, or read as empty)
            self._failed(f"{type(problem).__name__} while reading", "please report this")
        else:
            said = replace(
                self._late(), state=CoverageState.COMPLETE, records=count, reason=None, hint=None, notes=notes
            )
            self.outcome = (value, said)
        said = self.outcome[1]
        access.progress(f"{self._name}: {said.reason or f'{said.records} records, complete'}")

    def skip(self) -> None:
        """There is nothing to read, which is no failure."""
        nothing = Coverage(source=self._name, state=CoverageState.NOT_CONFIGURED, required=self._required)
        self.outcome = (self._nothing, nothing)

    def _failed(self, reason: str, hint: str) -> None:
        self.outcome = (self._nothing, replace(self._late(), reason=reason, hint=hint or None))

    def _late(self) -> Coverage:
        return Coverage(
            source=self._name,
            state=CoverageState.FAILED,
            required=self._required,
            reason="not read in time",
            hint="raise timeout-seconds",
        )


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
        self._ledger = _Step[_Recalled](
            f"ledger (artifact {settings.artifact_name})", _Recalled(), required=False, planned=remembers
        )
        self._code = _Step[Parsed[CodeRecord] | None](
            f"code ({self._code_source.label})", None, required=judged, planned=judged
        )
        self._pull = _Step[PullRequest | None](
            "pull request", None, required=trigger.pull_request is not None, planned=trigger.pull_request is not None
        )
        self._stubs = _Step[Mapping[str, StubText]](
            f"stubs ({settings.model_stub})", {}, required=on_github, planned=on_github
        )
        self._models = _Step[Parsed[ModelRecord] | None](
            f"models ({self._model_source.label})", None, required=judged, planned=judged
        )
        self._commits = _Step[Mapping[str, tuple[datetime, ...]]](
            "lead time of code (GitHub commits)",
            {},
            required=False,
            planned=judged and access.github is not None and settings.reads_github,
        )
        self._training = _Step[Mapping[str, datetime | None]](
            "lead time of models (MLflow runs)",
            {},
            required=False,
            planned=judged and settings.model_source == "mlflow" and settings.mlflow_tracking_uri is not None,
        )
        self._inventory = _Step[Inventory | None](
            "inventory (GitHub)", None, required=False, planned=judged and access.github is not None and query.live
        )
        self._drift = _Step[DriftCheck | None](
            f"drift ({settings.drift_model})", None, required=False, planned=judged and settings.drift_live is not None
        )
        self._incidents = {
            name: _Step[tuple[Incident, ...]](f"incidents ({source.label})", (), required=False)
            for name, source in INCIDENT_SOURCES.items()
            if judged and getattr(settings, name) is not None
        }

    def read_chain(self) -> None:
        """Ledger, code and pull request, then stubs, then models: each names what the next must ask for.

        Lead times come last: what the verdict needs must not wait for them.
        """
        access = self._access
        if self._ledger.planned:
            self._ledger.read(self._read_ledger, access)
        if not self._trigger.fork:
            self._code.read(self._read_code, access)
        number = self._trigger.pull_request
        if number is not None:
            self._pull.read(lambda: (pull_request.read(access.to_github, number, self._trigger.sha), 1, ()), access)
        if self._stubs.planned:
            self._stubs.read(self._read_stubs, access)
        if not self._trigger.fork:
            self._read_models()
        if self._drift.planned:
            self._drift.read(self._read_drift, access)
        if self._inventory.planned:
            self._inventory.read(self._read_inventory, access)
        if self._commits.planned and self._code.value is not None:
            self._commits.read(self._read_commits, access)
        else:
            self._commits.skip()
        if self._training.planned and self._models.value is not None:
            self._training.read(self._read_training, access)
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
        extras = [
            said
            for said in (commits[1], training[1], inventory[1], drift_said)
            if said.state is not CoverageState.NOT_CONFIGURED
        ]
        coverage = [ledger_said, code[1], stubs[1], models[1], *extras, *(said for _, said in incidents)]
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
            unknown_models=parsed.unknown if parsed else frozenset(),
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
    def _deploys(self) -> tuple[CodeRecord, ...]:
        return self._code.value.records if self._code.value is not None else ()

    def _read_ledger(self) -> tuple[_Recalled, int, tuple[str, ...]]:
        query, access = self._query, self._access
        # It is no required source: one that stalls must leave the time for those that are.
        budget = Budget(min(_LEDGER_SECONDS, access.transport.budget.left() / 4))
        found = ledger_artifact.read(query, access.to_github.within(Transport(budget)))
        kept = [
            ledger.memory_of(bundle, self._terms, since=query.horizon, until=query.as_of, number=number)
            for number, bundle in found.ledgers
        ]
        memory = reduce(ledger.merge, kept, Memory())
        return (
            _Recalled(memory=memory, newer=found.newer, whole=found.whole),
            len(memory.code) + len(memory.models),
            found.notes,
        )

    def _read_code(self) -> tuple[Parsed[CodeRecord], int, tuple[str, ...]]:
        source, memory, query = self._code_source, self._ledger.value.memory, self._query
        # A dry look at the past asks for everything: what changed since then is not what it is about.
        if query.live:
            sla = timedelta(hours=query.settings.sla_hours)
            query = replace(query, reread_since=reconcile.reread_since(memory, source.changes_for, sla))
        query = replace(query, recheck=self._on_the_way())
        parsed: Parsed[CodeRecord] = source.parse(source.fetch(query, self._access), query)
        if query.reread_since is not None and reconcile.has_shrunk(memory, parsed.records, parsed.total):
            query = replace(query, reread_since=None)
            parsed = source.parse(source.fetch(query, self._access), query)
        known = reconcile.with_code(memory, parsed.records, None if source.changes_for is None else query.horizon)
        notes = (*parsed.notes, *_failed_deploys(known), *reconcile.gone(known))
        return replace(parsed, records=known), len(parsed.records), notes

    def _on_the_way(self) -> tuple[str, ...]:
        """Commits whose stub is asked for together with the deployments: this release's own, where it is new."""
        sha = self._trigger.sha or ""
        new = github_stubs.is_sha(sha) and sha not in self._ledger.value.memory.stubs
        return (*((sha,) if new else ()), *self._without_stub())[:RECHECKED]

    def _without_stub(self) -> tuple[str, ...]:
        """The newest commits that are remembered to have no stub: one wrong answer must not be believed for ever."""
        memory = self._ledger.value.memory
        newest = sorted(memory.code, key=lambda record: (record.shipped_at, record.id), reverse=True)
        shas = dict.fromkeys(record.sha for record in newest if record.sha is not None)
        absent = [sha for sha in shas if sha in memory.stubs and memory.stubs[sha].text is None]
        return tuple(absent[:RECHECKED])

    def _read_stubs(self) -> tuple[Mapping[str, StubText], int, tuple[str, ...]]:
        code = self._deploys
        commits = {record.sha for record in code if record.outcome is not Outcome.FAILED and record.sha}
        commits.add(HEAD)
        if self._pull.value is not None:
            commits |= {self._pull.value.head_sha, self._pull.value.base_sha}
        if not self._query.settings.reads_github:
            # Shas of a file need not be commits of this repository; `models` says what they depend on.
            commits -= {record.sha for record in code}
        # What stands in a file at a commit never changes; that there is none is looked at again.
        told = self._code.value.stubs if self._code.value is not None else {}
        again = () if told else self._without_stub()
        remembered = {**self._ledger.value.memory.stubs, **told}
        known = {sha: stub for sha, stub in remembered.items() if sha in commits and sha not in again}
        asked = commits - known.keys()
        found = known | github_stubs.read(self._access.to_github, self._query.settings.model_stub, asked)
        return found, sum(stub.text is not None for stub in found.values()), ()

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
        query = replace(self._query, models=must, candidates=may, looks=self._ledger.value.memory.looks)
        if must or may or query.settings.model_source == "file":
            self._models.read(partial(self._read_registry, query), self._access)
        else:
            nothing = Coverage(
                source=self._models.outcome[1].source, state=CoverageState.NOT_CONFIGURED, required=False
            )
            self._models.outcome = (None, nothing)

    def _read_registry(self, query: Query) -> tuple[Parsed[ModelRecord], int, tuple[str, ...]]:
        source, memory = self._model_source, self._ledger.value.memory
        parsed: Parsed[ModelRecord] = source.parse(source.fetch(query, self._access), query)
        asked = {*query.models, *query.candidates}
        known = reconcile.with_models(memory, parsed.records, asked, parsed.versions)
        notes = (*parsed.notes, *reconcile.gone(known))
        found = replace(parsed, records=known, aside=reconcile.aside(memory, asked))
        return found, len(parsed.records), notes

    def _read_drift(self) -> tuple[DriftCheck, int, tuple[str, ...]]:
        ships = self._models.value.records if self._models.value is not None else ()
        return drift_samples.read(self._query, replace(self._access, transport=self._brief()), ships)

    def _read_inventory(self) -> tuple[Inventory, int, tuple[str, ...]]:
        now, known = self._query.now, self._ledger.value.memory.inventory
        fresh = known is not None and timedelta() <= now - known.read_at < _INVENTORY_AGE
        found = known if known and fresh else github_inventory.read(self._access.to_github.within(self._brief()), now)
        return found, len(found.pulls) + len(found.branches), ()

    def _read_commits(self) -> tuple[Mapping[str, tuple[datetime, ...]], int, tuple[str, ...]]:
        """For each deploy of the window that is not remembered, the commits that it was the first to ship."""
        deployed: dict[str, datetime] = {}
        for record in self._deploys:
            if record.outcome is Outcome.SUCCESS and record.sha is not None:
                deployed[record.sha] = min(record.shipped_at, deployed.get(record.sha, record.shipped_at))
        known = self._ledger.value.memory.commits
        wanted = {sha for sha, live_at in deployed.items() if live_at >= self._query.since and sha not in known}
        found = github_commits.read(self._access.to_github.within(self._brief()), deployed, wanted)
        unknown = f"of {found.unknown} deploys it is not known which commits they were the first to ship"
        notes = (unknown if found.unknown else "", found.problem)
        return found.by_sha, sum(map(len, found.by_sha.values())), tuple(filter(None, notes))

    def _read_training(self) -> tuple[Mapping[str, datetime | None], int, tuple[str, ...]]:
        """For each ship of the window whose training run is not remembered, when that run began."""
        parsed, known = self._models.value, self._ledger.value.memory.training_runs
        ships = () if parsed is None else parsed.records
        newest = sorted(ships, key=lambda record: record.shipped_at, reverse=True)
        runs = dict.fromkeys(
            record.run_id for record in newest if record.run_id is not None and record.shipped_at >= self._query.since
        )
        wanted = [run for run in runs if run not in known]
        found = mlflow_training.read(self._query, replace(self._access, transport=self._brief()), wanted)
        return found.begun, len(found.begun), found.notes

    def _brief(self) -> Transport:
        """A budget of its own: lead times decide nothing, and must not hold up the report."""
        return Transport(Budget(min(_LEAD_TIME_SECONDS, self._access.transport.budget.left() / 3)))


def _counted(source: Source[Record], query: Query, access: Access) -> tuple[tuple[Record, ...], int, tuple[str, ...]]:
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


def _failed_deploys(records: Iterable[CodeRecord]) -> tuple[str, ...]:
    failed = sum(record.outcome is Outcome.FAILED for record in records)
    return (f"{failed} deployments never succeeded and are no events",) if failed else ()
