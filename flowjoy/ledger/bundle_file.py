"""The bundle as written by a run: records, obligations and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from flowjoy.analysis import event_columns
from flowjoy.analysis.flow import incidents
from flowjoy.analysis.flow.weeks import week_of
from flowjoy.analysis.results import Results
from flowjoy.domain import Action
from flowjoy.ledger import bundle_format


def bundle_bytes(results: Results, redact: Callable[[str], str] = str) -> bytes:
    """Return the bundle as JSON: the records, the judged obligations and all figures."""
    matches = results.incidents[[event_columns.ID, *incidents.MATCH_COLUMNS]]
    figures: Mapping[str, object] = {
        "weeks": results.weeks,
        "recoveries": results.recoveries,
        "dora": results.dora,
        "observed_failures": results.failures,
        "drift_lag": results.drift_lag,
        "spikes": results.spikes,
        "advice": results.advice,
        "retrospective": results.retrospective,
        "alerts": results.alerts.firing,
        "drift_status": results.drift.status if results.drift is not None else None,
        "drift_healed": results.drift_healed,
        "unified_tag": results.unified_tag,
        "rollback_target": results.rollback_target,
        "matches": matches.where(matches.notna(), None).to_dict("records"),
    }
    bundle = replace(results.bundle, obligations=results.obligations, actions=_actions(results))
    gate = {} if results.gate is None else {"gate": results.gate}
    return bundle_format.to_json(bundle, {"pairs": results.pairs, "figures": figures, **gate}, redact)


def _actions(results: Results) -> tuple[Action, ...]:
    """Return the actions proposed by earlier runs and by this one; the first action of a week is kept."""
    past, bundle, row = results.bundle.actions, results.bundle, results.retrospective.action
    week = week_of(bundle.generated_at, bundle.window.timezone)
    if row is None or any(action.week == week for action in past):
        return past
    return (*past, Action(week=week, key=row.key, do=row.do, measure=row.measure, value=row.value))
