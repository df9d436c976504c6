"""The two kinds of sinks, and what a run hands to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowjoy.actions.event import RunEvent
from flowjoy.analysis.results import Results
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import AlertState
from flowjoy.domain.alerts import AlertKind
from flowjoy.report.content.alert_messages import AlertMessage, Receipt
from flowjoy.report.content.report import Report


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A run's results for publication. `lines`: the line of each model in the stub at the run's own commit.

    `report`: the same in words. `artifact_url`: where it can be downloaded, None if it was not uploaded. `deployed`:
    the commits that the run made live, apart from its own. `judged`: what its merge gate judged: pull requests, or
    `GROUP`.
    """

    settings: Settings
    trigger: RunEvent
    results: Results
    lines: Mapping[str, int]
    report: Report
    redact: Callable[[str], str]
    artifact_url: str | None = None
    deployed: tuple[str, ...] = ()
    judged: frozenset[int] = frozenset()
    warn: Callable[[str], None]


class Sink(Protocol):
    """A destination of the report. `publish` raises HarvestError with a hint; a sink never changes the verdict."""

    @property
    def label(self) -> str:
        """The name in messages."""

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Publish, and return the outputs that this gives."""


@dataclass(frozen=True, kw_only=True)
class AlertContext:
    """The surroundings of an alert sink. `now`: when the run began; `chart` draws the flow chart as PNG."""

    settings: Settings
    transport: Transport
    now: datetime
    chart: Callable[[], bytes]
    warn: Callable[[str], None]
    log: Callable[[str], None]


class AlertSink(Protocol):
    """A destination of alerts. Its methods raise HarvestError with a hint; a sink never changes the verdict."""

    @property
    def name(self) -> str:
        """The name in the ledger."""

    @property
    def label(self) -> str:
        """The name in messages."""

    @property
    def deduplicates(self) -> bool:
        """Whether sending the same step twice has no further effect."""

    @property
    def kinds(self) -> tuple[AlertKind, ...]:
        """The kinds of alerts that it is sent."""

    @property
    def can_recall(self) -> bool:
        """Whether the destination can be read."""

    def recall(self, names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return what was sent of the keys and releases with these digests (digest → name)."""

    def send(self, message: AlertMessage) -> Receipt:
        """Send one message, and return a reference for replies."""


@dataclass(frozen=True, kw_only=True)
class ReleaseChange:
    """A deploy or a ship as a change event. `key` names it in the ledger."""

    key: str
    at: datetime
    summary: str
    details: Mapping[str, str]
