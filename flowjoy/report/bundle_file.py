"""The bundle as a run writes it. Pure; knows what of the findings goes in, judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from flowjoy.analysis import timeline
from flowjoy.analysis.flow import incidents
from flowjoy.analysis.flow.weeks import week_of
from flowjoy.analysis.results import Results
from flowjoy.domain import Action
from flowjoy.domain import bundle as bundles


def bundle_bytes(findings: Results, redact: Callable[[str], str] = str) -> bytes:
    """Return the bundle as it is written: the records, what became of each obligation, and every figure."""
    matches = findings.incidents[[timeline.ID, *incidents.MATCH_COLUMNS]]
    figures: Mapping[str, object] = {
        "weeks": findings.weeks,
        "recoveries": findings.recoveries,
        "dora": findings.dora,
        "drift_lag": findings.drift_lag,
        "spikes": findings.spikes,
        "advice": findings.advice,
        "retrospective": findings.retro,
        "alerts": findings.scene.ringing,
        "drift_status": findings.drift.status if findings.drift is not None else None,
        "drift_healed": findings.drift_healed,
        "unified_tag": findings.unified_tag,
        "rollback_target": findings.rollback_target,
        "matches": matches.where(matches.notna(), None).to_dict("records"),
    }
    told = replace(findings.bundle, obligations=findings.obligations, actions=_actions(findings))
    judged = {} if findings.gate is None else {"gate": findings.gate}
    return bundles.to_json(told, {"pairs": findings.pairs, "figures": figures, **judged}, redact)


def _actions(findings: Results) -> tuple[Action, ...]:
    """What earlier runs proposed, and what this one does; the first of a week stands for it."""
    past, bundle, row = findings.bundle.actions, findings.bundle, findings.retro.action
    week = week_of(bundle.generated_at, bundle.window.timezone)
    if row is None or any(action.week == week for action in past):
        return past
    return (*past, Action(week=week, key=row.key, do=row.do, measure=row.measure, value=row.value))
