"""Lists the alerts that may have fired lately, for runs whose ledger does not say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from flowjoy.analysis.alerts.alert import home_of, key_of
from flowjoy.analysis.alerts.conditions import at_risk_from
from flowjoy.analysis.flow.weeks import monday_of, window_of
from flowjoy.analysis.results import Results, alerts_since
from flowjoy.domain.alerts import AlertKind

_RECALLED_WEEKS = 8


def may_have_fired(results: Results, since: datetime) -> dict[str, tuple[str, ...]]:
    """Return the keys, with their releases, of weeks that diverged or spiked and of clocks that ended `since`."""
    home, first = home_of(results.bundle.repository, results.bundle.service), alerts_since(results.bundle)
    if first is None:
        return {}
    fired: dict[str, tuple[str, ...]] = {}
    before = [week for week in results.weeks if not week.partial][:-1]
    for week in takewhile(lambda week: week.diverges, reversed(before)):
        fired[key_of(home, AlertKind.DIVERGENCE, week.week.isoformat())] = ()
    for spike in results.spikes:
        if spike.week in before[-1:]:
            fired[key_of(home, AlertKind.MTTR_SPIKE, spike.week.week.isoformat())] = ()
    for item in results.obligations:
        ended_at = item.closed_at or results.bundle.generated_at
        if first <= item.deadline < ended_at >= since:
            key = key_of(home, AlertKind.BREACH, item.model)
            fired[key] = (*fired.get(key, ()), item.code_id)
        if at_risk_from(item) >= first and min(ended_at, item.deadline) >= since:
            key = key_of(home, AlertKind.AT_RISK, item.model)
            fired[key] = (*fired.get(key, ()), item.code_id)
    return fired


def possible_keys(results: Results) -> Iterable[str]:
    """Return every key that may have been sent lately, including those of an older FlowJoy, and the releases."""
    bundle = results.bundle
    home, old_home = home_of(bundle.repository, bundle.service), bundle.service
    promise = (AlertKind.BREACH, AlertKind.AT_RISK)
    monday = window_of(bundle.generated_at, weeks=1, timezone=bundle.window.timezone).since
    days = [(monday - timedelta(weeks=n) + timedelta(hours=12)).date() for n in range(_RECALLED_WEEKS)]
    weeks = [monday_of(day) for day in days]
    shared = [(kind, week.isoformat()) for week in weeks for kind in (AlertKind.DIVERGENCE, AlertKind.MTTR_SPIKE)]
    if bundle.drift is not None:
        shared.append((AlertKind.DRIFT, bundle.drift.model))
    models = [(kind, item.model) for item in results.obligations for kind in promise]
    old_subjects = [(kind, item.id) for item in results.obligations for kind in promise]
    firing = (alert.key for alert in results.alerts.firing)
    keys = (key_of(home, kind, subject) for kind, subject in (*shared, *models))
    old_keys = (key_of(old_home, kind, subject) for kind, subject in (*shared, *old_subjects))
    return dict.fromkeys([*firing, *keys, *old_keys, *(item.code_id for item in results.obligations)])
