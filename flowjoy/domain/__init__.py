"""The nouns everything else speaks in. Frozen values; knows no frame, no file, no network.

Every instant is an aware UTC datetime; durations carry their unit in the name. Whoever speaks them imports them here.
"""

from __future__ import annotations

from flowjoy.domain.promise import ModelDependencies, Obligation, Requirement, Rule, Status, Waiver
from flowjoy.domain.records import (
    AliasObservation,
    Branch,
    CodeRecord,
    Coverage,
    CoverageState,
    EventType,
    Incident,
    Inventory,
    Kind,
    ModelRecord,
    ModelVersion,
    Note,
    NoteLevel,
    OpenPull,
    Outcome,
    Precision,
    Proposal,
    Registered,
    SourceKind,
    StubFile,
    WorkflowFile,
)
from flowjoy.domain.weeks import Action, AlertState, Decision, ModelGap, Recovery, Verdict, Week, Window

__all__ = [
    "Action",
    "AlertState",
    "AliasObservation",
    "Branch",
    "CodeRecord",
    "Coverage",
    "CoverageState",
    "Decision",
    "EventType",
    "Incident",
    "Inventory",
    "Kind",
    "ModelDependencies",
    "ModelGap",
    "ModelRecord",
    "ModelVersion",
    "Note",
    "NoteLevel",
    "Obligation",
    "OpenPull",
    "Outcome",
    "Precision",
    "Proposal",
    "Recovery",
    "Registered",
    "Requirement",
    "Rule",
    "SourceKind",
    "Status",
    "StubFile",
    "Verdict",
    "Waiver",
    "Week",
    "Window",
    "WorkflowFile",
]
