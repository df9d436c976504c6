"""Domain values that all layers share; most are imported from this package.

They are frozen. Every timestamp is an aware UTC datetime; durations carry their unit in the name.
"""

from __future__ import annotations

from flowjoy.domain.alerts import AlertState
from flowjoy.domain.coverage import Coverage, CoverageState, Note, NoteLevel, SourceKind
from flowjoy.domain.deployments import CodeRecord, Outcome
from flowjoy.domain.events import EventType, Kind, Precision
from flowjoy.domain.incidents import Incident, Recovery
from flowjoy.domain.inventory import Branch, Inventory, OpenPull
from flowjoy.domain.model_stubs import AbsentStub, ParsedStub, StubFile, UnreadableStub
from flowjoy.domain.model_versions import AliasObservation, ModelRecord, ModelVersion, Registered
from flowjoy.domain.promise import ModelDependencies, Obligation, Requirement, Rule, Status, Waiver
from flowjoy.domain.proposals import FileAtCommit, Proposal, WorkflowFile
from flowjoy.domain.verdict import Decision, Verdict
from flowjoy.domain.weeks import Action, ModelGap, Week, Window

__all__ = [
    "AbsentStub",
    "Action",
    "AlertState",
    "AliasObservation",
    "Branch",
    "CodeRecord",
    "Coverage",
    "CoverageState",
    "Decision",
    "EventType",
    "FileAtCommit",
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
    "ParsedStub",
    "Precision",
    "Proposal",
    "Recovery",
    "Registered",
    "Requirement",
    "Rule",
    "SourceKind",
    "Status",
    "StubFile",
    "UnreadableStub",
    "Verdict",
    "Waiver",
    "Week",
    "Window",
    "WorkflowFile",
]
