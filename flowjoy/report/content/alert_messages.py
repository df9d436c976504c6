"""An alert notification as it is sent: text and links, independent of the channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowjoy.analysis.alerts.alert import WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.results import Results
from flowjoy.domain import commit_sha
from flowjoy.domain.drift import DriftCheck
from flowjoy.report.content.alert_parts import SEPARATOR, AlertText, origin
from flowjoy.report.content.alert_text import alert_text
from flowjoy.report.links import Links, known
from flowjoy.report.prose import Commit


@dataclass(frozen=True, kw_only=True)
class AlertMessage:
    """One message. `origin`: the repository and service that it is about. `links` maps link texts to GitHub addresses.

    `text` describes this step. `state` describes the alert as it is now, with every release, for destinations that show
    only the latest message.
    """

    notification: Notification
    origin: str
    text: AlertText
    state: AlertText
    links: Mapping[str, str]

    @property
    def title(self) -> str:
        """The title with its icon: `🔴 recommender · 2 h 5 m overdue · acme/shop`."""
        return f"{self.text.icon} {self.text.title}{SEPARATOR}{self.origin}"

    @property
    def step(self) -> AlertStep:
        """The step of the alert that the message is about."""
        return self.notification.step

    @property
    def ref(self) -> str:
        """The reference of the first message, for replies."""
        return self.notification.ref

    @property
    def quiet(self) -> bool:
        """Whether the message has nothing to read."""
        return self.notification.silent


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The result of sending a message. `sent`: False if there was nothing to send; `ref`: a reference for replies.

    `releases`: the releases that the message names; fewer than asked for if a concurrent run sent some of them first.
    """

    sent: bool = True
    ref: str = ""
    releases: tuple[str, ...] = ()


def alert_message(notification: Notification, results: Results, links: Links) -> AlertMessage:
    """Return the message of a notification."""
    state = replace(notification, step=AlertStep.NEW) if notification.step is AlertStep.UPDATE else notification
    return AlertMessage(
        notification=notification,
        origin=origin(results.bundle),
        text=alert_text(notification, results),
        state=alert_text(state, results),
        links=_links_of(notification, links),
    )


def alert_subject(notification: Notification) -> str:
    """Return the subject of an alert: its model, or else the key of the alert."""
    about = notification.alert.about
    return about.model if isinstance(about, WaitingReleases | DriftCheck) else notification.alert.key


def _links_of(notification: Notification, links: Links) -> Mapping[str, str]:
    """Return the links of one alert; where releases wait, also the first one and the stub, for a waiver."""
    about = notification.alert.about
    if not isinstance(about, WaitingReleases) or notification.step is AlertStep.RECOVERY:
        return links.of_run
    named = [item for item in about.items if item.code_id in notification.joined] or about.items
    sha = named[0].sha
    release = links.address(Commit(sha)) if sha is not None and commit_sha.is_full(sha) else None
    stub = None if notification.step is AlertStep.WAIVER else links.stub
    return {**links.of_run, **known({"Open the release": release, "Add a waiver": stub})}
