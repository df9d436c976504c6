"""The plain text of an alert notification: what happened, since when, who has to do what, and the way out."""

from __future__ import annotations

from dataclasses import replace

from flowjoy.analysis.alerts.alert import WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.results import Results
from flowjoy.domain import Week
from flowjoy.domain.drift import DriftCheck
from flowjoy.report.content.alert_of_drift import of_drift, of_healed
from flowjoy.report.content.alert_of_releases import of_ended, of_unknown, of_waiting, of_waived
from flowjoy.report.content.alert_of_weeks import of_divergence, of_recovered, of_spike
from flowjoy.report.content.alert_parts import AlertText


def alert_text(notification: Notification, results: Results) -> AlertText:
    """Return the text of a notification."""
    text = _text(notification, results)
    return replace(text, state=f"reminder: {text.state}") if notification.step is AlertStep.REMINDER else text


def _text(notification: Notification, results: Results) -> AlertText:
    alert, about = notification.alert, notification.alert.about
    if notification.step is AlertStep.RECOVERY:
        return _over(notification, results)
    if isinstance(about, WaitingReleases):
        if notification.step is AlertStep.WAIVER:
            return of_waived(about, notification, results)
        return of_waiting(notification, about, results)
    if isinstance(about, Spike):
        return of_spike(about)
    if isinstance(about, Week):
        return of_divergence(alert, about, results)
    if isinstance(about, DriftCheck):
        return of_drift(about, results)
    raise TypeError("a firing alert has figures")


def _over(notification: Notification, results: Results) -> AlertText:
    """Return the text for a resolved alert."""
    alert, about = notification.alert, notification.alert.about
    if isinstance(about, WaitingReleases):
        if any(item.is_excused for item in about.items):
            return of_waived(about, notification, results)
        return of_ended(alert, about, results)
    if isinstance(about, Week):
        return of_recovered(alert, about)
    if isinstance(about, DriftCheck):
        return of_healed(about, results)
    return of_unknown(alert, results)
