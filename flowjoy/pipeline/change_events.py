"""Sends deploys and ships to PagerDuty as change events, each once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from flowjoy.analysis import event_columns
from flowjoy.analysis.results import Results, with_alerts
from flowjoy.domain import AlertState, EventType
from flowjoy.errors import HarvestError
from flowjoy.report.escaping import clean
from flowjoy.sinks.base import AlertContext, ReleaseChange
from flowjoy.sinks.pagerduty_events import PagerDutyEvents

CHANGED = "change"
"""The step under which the ledger keeps a change event that was sent."""

CHANGES_WITHIN = timedelta(days=7)
MAX_CHANGES = 20
_MAX_EVENTS = 200
_KEPT = timedelta(days=9)


def key_prefix(service: str) -> str:
    """Return the common start of the ledger's keys for the change events of a service."""
    return f"{service}/{CHANGED}/"


def send_changes(
    sink: PagerDutyEvents, results: Results, context: AlertContext, links: Mapping[str, str], *, complete: bool
) -> Results:
    """Send the deploys and ships of the last week that the ledger does not know, and note them.

    The first run with a pager, or without a `complete` ledger, cannot know which are new: it only notes them.
    """
    if not complete:
        return results
    bundle = results.bundle
    prefix = key_prefix(bundle.service)
    known = {state.key for state in bundle.alerts if state.step == CHANGED}
    new = [change for change in changes(results) if change.key not in known]
    noted = [] if prefix in known else new
    for change in new[-MAX_CHANGES:] if prefix in known else ():
        try:
            sink.send_change(change, links)
        except HarvestError as problem:
            context.warn(problem.advised)
            break
        noted.append(change)
    now = bundle.generated_at
    keys = [prefix, *(change.key for change in noted)]
    states = (AlertState(key=key, step=CHANGED, at=now, sink=sink.name) for key in keys)
    kept = (s for s in bundle.alerts if s.step != CHANGED or (s.at >= now - _KEPT and s.key != prefix))
    return with_alerts(results, (*kept, *states))


def changes(results: Results) -> Sequence[ReleaseChange]:
    """Return the events of the last days, oldest first."""
    events = results.events
    recent = events[events[event_columns.TS] >= pd.Timestamp(results.bundle.generated_at - CHANGES_WITHIN)]
    return [_change(row, results.bundle.service) for row in recent.tail(_MAX_EVENTS).to_dict("records")]


def _change(row: Mapping[Hashable, Any], service: str) -> ReleaseChange:
    sha, version = row[event_columns.SHA], row[event_columns.VERSION]
    if row[event_columns.TYPE] == EventType.CODE:
        what = sha[:12] if isinstance(sha, str) else "an unknown commit"
        what += " (in progress)" if row[event_columns.PROVISIONAL] else ""
    else:
        what = row[event_columns.NAME] + (f" v{version}" if isinstance(version, str) else "")
    return ReleaseChange(
        key=f"{key_prefix(service)}{row[event_columns.ID]}",
        at=row[event_columns.TS].to_pydatetime(),
        summary=f"{service}: {row[event_columns.TYPE].lower()} {row[event_columns.KIND]}: {clean(what)}",
        details={"type": row[event_columns.TYPE], "kind": row[event_columns.KIND], "what": what},
    )
