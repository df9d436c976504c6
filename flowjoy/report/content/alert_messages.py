"""One notice as it is sent: title, words and links. Knows findings, no channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowjoy.analysis.alerts.alert import WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.results import Results
from flowjoy.domain.drift import DriftCheck
from flowjoy.report.content.alert_text import AlertText, alert_text


@dataclass(frozen=True, kw_only=True)
class AlertMessage:
    """One message. `links`: words to addresses of ours.

    `text` says this step; `state` says the alert as it is now, with every release, for who keeps only the last of it.
    """

    notification: Notification
    text: AlertText
    state: AlertText
    links: Mapping[str, str]

    @property
    def title(self) -> str:
        """Return the title with its icon."""
        return f"{self.text.icon} {self.text.title}"

    @property
    def step(self) -> AlertStep:
        """Return the step that it is about."""
        return self.notification.step

    @property
    def ref(self) -> str:
        """Return where the first message can be answered."""
        return self.notification.ref

    @property
    def quiet(self) -> bool:
        """Return whether there is nothing to read."""
        return self.notification.quiet


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a destination took. `sent`: False where there was nothing to send; `ref`: where it can be answered.

    `releases`: those that the message names, which may be fewer where another run was first.
    """

    sent: bool = True
    ref: str = ""
    releases: tuple[str, ...] = ()


def alert_message(notification: Notification, results: Results, links: Mapping[str, str]) -> AlertMessage:
    """Return the message of a notice."""
    state = replace(notification, step=AlertStep.NEW) if notification.step is AlertStep.UPDATE else notification
    return AlertMessage(
        notification=notification, text=alert_text(notification, results), state=alert_text(state, results), links=links
    )


def alert_subject(notification: Notification) -> str:
    """Return what an alert is about: the model, else the alert itself."""
    about = notification.alert.about
    return about.model if isinstance(about, WaitingReleases | DriftCheck) else notification.alert.key
