"""The steps of collecting: what each run may read, and which of it this run plans and requires."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flowjoy.actions.event import RunEvent
from flowjoy.domain import CodeRecord, Incident, Inventory, ModelRecord, Proposal, SourceKind, StubFile
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.drift import DriftCheck
from flowjoy.domain.records import Records
from flowjoy.pipeline import proposal as proposals
from flowjoy.pipeline.recalled_ledgers import LedgerState
from flowjoy.pipeline.step import CollectStep
from flowjoy.sources import CODE_SOURCES, INCIDENT_SOURCES, MODEL_SOURCES
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.github_commits import Commits


class CollectSteps:
    """The steps of one run: ledger, code, stubs at its commits, the models they name, lead times; and incidents."""

    def __init__(self, query: HarvestQuery, access: Clients, trigger: RunEvent, terms: RunParameters) -> None:
        self._declare_required(query, access, trigger, terms)
        self._declare_optional(query, access, judged=not trigger.fork)

    def _declare_required(self, query: HarvestQuery, access: Clients, trigger: RunEvent, terms: RunParameters) -> None:
        """Declare the steps that the verdict needs, and the ledger that completes them."""
        settings = query.settings
        judged = not trigger.fork
        reads_stubs = settings.reads_github or trigger.proposes or may_be_own_proposal(query, access, trigger)
        on_github = access.github is not None and reads_stubs
        # Records of files are not remembered, but the alerts and events that were sent about them are.
        sends = settings.sends_alerts or settings.cdevents_url is not None
        remembered = bool(terms.code_source or terms.model_source or sends or settings.drift_live)
        # The inputs of a proposal are always compared with those in the ledger.
        compared = trigger.proposes or (trigger.may_be_off_branch and query.live and access.github is not None)
        remembers = judged and access.github is not None and (remembered or compared)
        self.ledger = CollectStep[LedgerState](
            SourceKind.LEDGER,
            LedgerState(),
            label=f"artifact {settings.artifact_name}",
            required=False,
            planned=remembers,
        )
        self.other_terms = CollectStep[tuple[RunParameters, ...]](
            SourceKind.OTHER_LEDGERS, (), required=False, planned=False
        )
        self.code = CollectStep[SourceResult[CodeRecord] | None](
            SourceKind.CODE, None, label=CODE_SOURCES[settings.code_source].label, required=judged, planned=judged
        )
        self.proposal = CollectStep[Proposal | None](
            proposals.kind_of(trigger),
            None,
            required=compared,
            planned=compared,
        )
        self.stubs = CollectStep[Mapping[str, StubFile]](
            SourceKind.STUBS, {}, label=settings.model_stub, required=on_github, planned=on_github
        )
        self.other_stubs = CollectStep[Mapping[str, Mapping[str, StubFile]]](
            SourceKind.OTHER_STUBS, {}, required=True, planned=False
        )
        self.models = CollectStep[SourceResult[ModelRecord] | None](
            SourceKind.MODELS, None, label=MODEL_SOURCES[settings.model_source].label, required=judged, planned=judged
        )

    def _declare_optional(self, query: HarvestQuery, access: Clients, *, judged: bool) -> None:
        """Declare the steps without which a verdict can still be reached."""
        settings = query.settings
        self.commits = CollectStep[Commits](
            SourceKind.CODE_LEAD_TIME,
            Commits(),
            label="GitHub commits",
            required=False,
            planned=judged and access.github is not None and settings.reads_github,
        )
        self.training = CollectStep[Mapping[str, datetime | None]](
            SourceKind.MODEL_LEAD_TIME,
            {},
            label="MLflow runs",
            required=False,
            planned=judged and settings.model_source == "mlflow" and settings.mlflow_tracking_uri is not None,
        )
        self.inventory = CollectStep[Inventory | None](
            SourceKind.INVENTORY,
            None,
            label="GitHub",
            required=False,
            planned=judged and access.github is not None and query.live,
        )
        self.drift = CollectStep[DriftCheck | None](
            SourceKind.DRIFT,
            None,
            label=f"{settings.drift_model}",
            required=False,
            planned=judged and settings.drift_live is not None,
        )
        self.incidents = {
            name: CollectStep[tuple[Incident, ...]](SourceKind.INCIDENTS, (), label=source.label, required=False)
            for name, source in INCIDENT_SOURCES.items()
            if judged and getattr(settings, name) is not None
        }

    @property
    def memory(self) -> Records:
        """The records that the ledgers remember."""
        return self.ledger.value.memory

    @property
    def deploys(self) -> tuple[CodeRecord, ...]:
        """The deployments that were read."""
        return self.code.value.records if self.code.value is not None else ()


def may_be_own_proposal(query: HarvestQuery, access: Clients, trigger: RunEvent) -> bool:
    """Return whether the run's own commit is judged before its deployment: not with `as-of` or `ship`."""
    own = not (trigger.proposes or trigger.fork) and trigger.sha is not None
    return own and query.live and query.settings.ship is None and access.github is not None
