"""The bundle: everything that one run read, and the inputs that decide what it means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowjoy.domain import Obligation, Window
from flowjoy.domain.records import Records

BUNDLE_FILE = "flowjoy-bundle.json"
REPORT_FILES = frozenset(
    {
        BUNDLE_FILE,
        "supply_chain_events.csv",
        "incidents.csv",
        "weekly_flow.csv",
        "recovery.csv",
        "dora.csv",
        "cdevents.jsonl",
        "flowjoy.prom",
        "badge.svg",
        "badge.json",
        "report.html",
        "unified_flow.png",
        "unified_flow.svg",
        "promise.png",
        "promise.svg",
        "drift.png",
        "drift.svg",
    }
)
"""All files of a report: an artifact with any other file was not written by FlowJoy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunParameters:
    """The inputs that decide what the records mean, so that a bundle can be recomputed offline.

    `code_source` and `model_source` identify the sources: records of one must not be remembered as those of another.
    The last four only serve the merge gate of a later pull request, which must not be milder.
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
    check_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenBy:
    """The run that wrote a bundle. `version` is FlowJoy's; `distrust`: why later runs do not believe it, if so."""

    version: str
    event: str
    ref: str | None
    run_id: str | None
    head_sha: str | None
    default_branch: str | None
    distrust: str = ""


@dataclass(frozen=True, kw_only=True)
class Bundle(Records):
    """One run: its records, when and of what they were read, and the inputs that decide what they mean.

    The analysis reads nothing else, and a later run finds in it what it must remember. `obligations` are computed from
    the records, for other programs: a run reads back only the breaches that its own inputs no longer show.
    `written_by`: for programs that join the bundles of many runs; None in a bundle of an older version.
    """

    service: str
    repository: str
    generated_at: datetime
    window: Window
    terms: RunParameters
    unknown_models: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    written_by: WrittenBy | None = None
