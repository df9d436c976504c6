"""The bundle: everything that one run read, and the inputs that decide what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flowjoy.domain import (
    Action,
    AlertState,
    AliasObservation,
    CodeRecord,
    Coverage,
    Incident,
    Inventory,
    ModelRecord,
    ModelVersion,
    Obligation,
    StubFile,
    Waiver,
    Window,
)
from flowjoy.domain.drift import DriftCheck, PastDriftCheck

BUNDLE_FILE = "flowjoy-bundle.json"
REPORT_FILES = frozenset(
    {
        BUNDLE_FILE,
        "supply_chain_events.csv",
        "incidents.csv",
        "weekly_flow.csv",
        "recovery.csv",
        "dora.csv",
        "report.html",
        "unified_flow.png",
        "unified_flow.svg",
        "promise.png",
        "promise.svg",
        "drift.png",
        "drift.svg",
    }
)
"""Every file of a report: an artifact that holds any other is not ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunParameters:
    """The inputs that decide what the records mean: with them a bundle can be recomputed offline.

    `code_source` and `model_source` name what was read: records of another source must not be remembered as of this.
    The last three only serve the gate of a later pull request, which must not be milder.
    """

    models: tuple[str, ...]
    model_stub: str
    model_signal: str
    sla_hours: float
    sla_since: datetime | None
    sla_target: float
    enforce: bool
    incident_match_hours: float
    divergence_percent: float
    code_source: str = ""
    model_source: str = ""
    mttr_spike_factor: float = 2.0
    flag_label: str = ""
    flag_paths: tuple[str, ...] = ()
    model_validated_tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The single source of truth of one run: everything the analysis reads, and what the next run must remember.

    `models_aside` are ships of models that this run did not ask for. `observations` are looks at aliases and stages,
    `waivers` those at the head of the default branch with the first sight of each, `ledgers` the ids of the artifacts
    whose memory is in this bundle. `commits` says by sha when the commits were committed that this deploy was the first
    to ship, `training_runs` by id when each run began (None: not known): both only serve lead times. `unshipped` are
    versions that are READY and never shipped, `inventory` what waits at GitHub (None: not read), `actions` what was
    proposed, one a week. `alerts` say which step of which alert was told to whom, `drift` is this run's comparison of
    live with training data (None: not asked for), `drift_marks` what it and earlier ones found. `models_gone` says by
    `<name>/<version>` when a run first found that the registry no longer lists a version that it had confirmed.
    `first_trusted_at`: the first trusted run of this service that a ledger remembers; None where no ledger could be
    read and kept.
    """

    service: str
    repository: str
    generated_at: datetime
    window: Window
    terms: RunParameters
    coverage: tuple[Coverage, ...]
    code: tuple[CodeRecord, ...]
    models: tuple[ModelRecord, ...]
    incidents: tuple[Incident, ...]
    stubs: Mapping[str, StubFile] = field(default_factory=dict)
    unknown_models: tuple[str, ...] = ()
    models_aside: tuple[ModelRecord, ...] = ()
    observations: tuple[AliasObservation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    ledgers: tuple[int, ...] = ()
    commits: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    training_runs: Mapping[str, datetime | None] = field(default_factory=dict)
    unshipped: tuple[ModelVersion, ...] = ()
    inventory: Inventory | None = None
    actions: tuple[Action, ...] = ()
    drift: DriftCheck | None = None
    drift_marks: tuple[PastDriftCheck, ...] = ()
    models_gone: Mapping[str, datetime] = field(default_factory=dict)
    first_trusted_at: datetime | None = None
    obligations: tuple[Obligation, ...] = field(default=())
