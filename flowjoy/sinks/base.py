"""What every sink shares: the run it reports, and the door to GitHub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowjoy.actions.event import RunEvent
from flowjoy.analysis.alerts.lifecycle import Notification
from flowjoy.analysis.results import Results
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import AlertState
from flowjoy.report.content.alert_messages import AlertMessage, Receipt


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is to be published. `lines`: the line of each model in the stub at the run's own commit.

    `artifact_url`: where the report can be downloaded, None where it was not uploaded. `deployed`: the commits that the
    run made live, where they are not its own.
    """

    settings: Settings
    trigger: RunEvent
    findings: Results
    lines: Mapping[str, int]
    details_url: str | None
    redact: Callable[[str], str]
    artifact_url: str | None = None
    deployed: tuple[str, ...] = ()
    warn: Callable[[str], None]


class Sink(Protocol):
    """One destination. `publish` raises HarvestError with what to do; a sink never decides."""

    @property
    def label(self) -> str:
        """What people call it."""

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Deliver; gives the outputs that it knows."""


@dataclass(frozen=True, kw_only=True)
class AlertContext:
    """What a destination of alerts works with. `now`: when the run began; `chart` draws the picture as PNG."""

    settings: Settings
    transport: Transport
    now: datetime
    chart: Callable[[], bytes]
    warn: Callable[[str], None]
    log: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ReleaseChange:
    """A deploy or a ship, for those who look for what changed. `key` names it in the ledger."""

    key: str
    at: datetime
    summary: str
    details: Mapping[str, str]


class AlertSink(Protocol):
    """One destination of alerts. Its methods raise HarvestError with what to do; a sink never decides."""

    @property
    def name(self) -> str:
        """How the ledger calls it."""

    @property
    def label(self) -> str:
        """What people call it."""

    @property
    def folds(self) -> bool:
        """Whether it makes one of what it is told twice; else whoever tells must know what was told."""

    def takes(self, notice: Notification) -> bool:
        """Return whether a notice is for this destination."""

    @property
    def recalls(self) -> bool:
        """Whether it can say what it was told."""

    def recall(self, names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return what it was sent of the keys and releases with these digests (digest → name)."""

    def tell(self, letter: AlertMessage) -> Receipt:
        """Send one letter."""
