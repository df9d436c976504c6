"""The alerts that ring, for page and summary: what, since when, whose move it is, and who was told. Knows findings."""

from __future__ import annotations

from dataclasses import dataclass

from flowjoy.analysis.alerts.alert import Alert, AlertKind
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.results import Results
from flowjoy.report.blocks import MOST_ROWS, Cell, Section, Table, more
from flowjoy.report.content.alert_text import AlertText, alert_text
from flowjoy.report.text import code, moment, table

SHOWN = 10
_UNTOLD = "not sent"
_NAMES = {
    AlertKind.BREACH: "promise broken",
    AlertKind.DRIFT: "data drift",
    AlertKind.DIVERGENCE: "models lag",
    AlertKind.MTTR_SPIKE: "MTTR spike",
    AlertKind.AT_RISK: "clock at risk",
}
_SINKS = {"slack": "Slack", "pagerduty": "PagerDuty"}


@dataclass(frozen=True, kw_only=True)
class FiringAlert:
    """One alert in plain words. `told`: who was told when, or empty."""

    kind: AlertKind
    said: AlertText
    told: str


def ringing(findings: Results) -> list[FiringAlert]:
    """Every alert that rings, the most urgent first."""
    return [
        FiringAlert(
            kind=alert.kind,
            said=alert_text(Notification(alert=alert, step=AlertStep.NEW), findings),
            told=_told(alert, findings),
        )
        for alert in findings.scene.ringing
    ]


def section(findings: Results) -> Section | None:
    """The section of the page; None where nothing rings."""
    found = ringing(findings)
    if not found:
        return None
    rows = [
        (
            Cell(text=_NAMES[item.kind], mark="wait" if item.kind is AlertKind.AT_RISK else "bad"),
            *(Cell(text=text) for text in (_what(item), item.said.since, item.said.move, item.told or _UNTOLD)),
        )
        for item in found[:MOST_ROWS]
    ]
    table_of = Table(
        caption="Alerts that ring",
        header=("alert", "what happened", "since when", "whose move", "told"),
        rows=rows,
        more=more(len(found)),
    )
    return Section(id="alerts", title="Alerts", tables=(table_of,))


def markdown(findings: Results) -> str:
    """The same for the summary; empty where nothing rings."""
    found = ringing(findings)
    if not found:
        return ""
    rows = [
        (
            f"{item.said.icon} {_NAMES[item.kind]}: {code(_what(item), 250)}",
            code(item.said.move, 200),
            code(item.told) if item.told else _UNTOLD,
        )
        for item in found[:SHOWN]
    ]
    rest = f"\n\n… and {len(found) - SHOWN} more, in the page." if len(found) > SHOWN else ""
    return f"### Alerts\n\n{table(('alert', 'whose move', 'told'), rows)}{rest}"


def _what(item: FiringAlert) -> str:
    # Of a clock the title says only what stands above, with a time that does not count down here.
    lead = "" if item.kind in (AlertKind.BREACH, AlertKind.AT_RISK) else f"{item.said.title}. "
    return f"{lead}{item.said.what}"


def _told(alert: Alert, findings: Results) -> str:
    if alert.old:
        return "not sent: older than the first trusted run or `sla-since`"
    first: dict[str, str] = {}
    zone = findings.bundle.window.timezone
    for state in sorted(findings.bundle.alerts, key=lambda state: state.at):
        if state.key == alert.key and state.sink in _SINKS:
            first.setdefault(_SINKS[state.sink], f"{_SINKS[state.sink]} {moment(state.at, zone)}")
    return ", ".join(first.values())
