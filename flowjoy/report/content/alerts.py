"""The section on firing alerts: what happened, since when, and where it was sent."""

from __future__ import annotations

from dataclasses import dataclass

from flowjoy.analysis.alerts.alert import Alert
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.results import Results
from flowjoy.domain.alerts import AlertKind
from flowjoy.report.blocks import ROW_LIMIT, Cell, Mark, Section, Table
from flowjoy.report.content.alert_parts import AlertText
from flowjoy.report.content.alert_text import alert_text
from flowjoy.report.prose import Name, Text, own, prose
from flowjoy.report.text import moment

SHOWN, _UNFOLDED = 10, 4
_NOT_SENT = "not sent"
_NAMES = {
    AlertKind.BREACH: "promise broken",
    AlertKind.DRIFT: "data drift",
    AlertKind.DIVERGENCE: "models lag",
    AlertKind.MTTR_SPIKE: "MTTR spike",
    AlertKind.AT_RISK: "deadline at risk",
}
_RED = (AlertKind.BREACH, AlertKind.DRIFT)
OF_OBLIGATIONS = frozenset({AlertKind.BREACH, AlertKind.AT_RISK})
_SINKS = {"slack": "Slack", "pagerduty": "PagerDuty"}


@dataclass(frozen=True, kw_only=True)
class FiringAlert:
    """One alert in plain text. `sent`: where and when it was sent, or empty."""

    kind: AlertKind
    text: AlertText
    sent: str

    @property
    def mark(self) -> Mark:
        """Red for what is broken, otherwise what will break if it goes on."""
        return Mark.BAD if self.kind in _RED else Mark.WAIT

    @property
    def title(self) -> str:
        """The model or measure, and its state: `recommender · 2 h 5 m overdue`."""
        return self.text.title

    @property
    def facts(self) -> str:
        """The facts: what happened, since when, to which releases."""
        return self.text.facts

    @property
    def next_step(self) -> str:
        """The next step in the imperative, after the actor: `Ranking team: ship a new version of recommender`."""
        return self.text.next_step

    @property
    def emergency(self) -> str:
        """The way out if the next step takes too long; empty if there is none."""
        return self.text.emergency

    @property
    def owner(self) -> str:
        """The actor of the next step in plain text: the model's owner by name, or a team."""
        return self.text.actor


def firing_alerts(results: Results) -> list[FiringAlert]:
    """Return every firing alert, most urgent first."""
    return [
        FiringAlert(
            kind=alert.kind,
            text=alert_text(Notification(alert=alert, step=AlertStep.NEW), results),
            sent=_sent(alert, results),
        )
        for alert in results.alerts.firing
    ]


def section(results: Results) -> Section | None:
    """Return the firing alerts, whose moves are in the banner; None if no alert is firing."""
    alerts = firing_alerts(results)
    if not alerts:
        return None
    rows = [
        (
            Cell(text=_NAMES[item.kind], mark=item.mark),
            Cell(text=_what(item), wide=True),
            Cell(text=item.text.since, wide=True),
            Cell(text=own(item.sent or _NOT_SENT), wide=True),
        )
        for item in alerts[:ROW_LIMIT]
    ]
    header = ("alert", "what happened", "since", "sent")
    table = Table(caption="Firing alerts", header=header, rows=rows, total=len(alerts), shown=_UNFOLDED, cap=SHOWN)
    return Section(id="alerts", title="Alerts", tables=(table,))


def _what(item: FiringAlert) -> Text:
    # The banner and the table of releases have the facts of an obligation.
    if item.kind not in OF_OBLIGATIONS:
        return item.facts
    return prose(
        "{} {}", Name(item.text.subject), "did not ship in time" if item.kind in _RED else "has not shipped yet"
    )


def _sent(alert: Alert, results: Results) -> str:
    if alert.old:
        return "not sent: it began before the first run of FlowJoy, or before `sla-since`"
    first: dict[str, str] = {}
    zone, now = results.bundle.window.timezone, results.bundle.generated_at
    for state in sorted(results.bundle.alerts, key=lambda state: state.at):
        if state.key == alert.key and state.sink in _SINKS:
            first.setdefault(_SINKS[state.sink], f"{_SINKS[state.sink]} {moment(state.at, zone, now)}")
    return ", ".join(first.values())
