"""The step's outputs: their names, meanings and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from flowjoy.analysis.alerts.lifecycle import raised
from flowjoy.analysis.flow.dora import DORA_UNITS, Dora
from flowjoy.analysis.promise import compliance
from flowjoy.analysis.results import Results
from flowjoy.domain import Recovery, Status, Week
from flowjoy.domain.timestamps import iso

OUTPUTS: Mapping[str, str] = {
    "verdict": "`pass`, `fail` or `error`",
    "sla-status": "`unknown` (verdict `error`), `breached`, `pending`, `waived` (a waiver holds); with nothing "
    "open `met`; if nothing was met `late`, `waived`, `undetermined` or `none` (no deploy that owes a model); "
    "`undeclared` (by the live code)",
    "sla-met": "obligations in the window that were met, or empty if unknown",
    "sla-late": "obligations in the window that were shipped after their deadline, or empty if unknown",
    "sla-pending": "obligations that are running, or empty if unknown",
    "sla-breached": "obligations past their deadline that are not shipped, or empty if unknown",
    "sla-rate": "percentage kept of the last 28 days, one decimal, or empty",
    "next-deadline": "next deadline in ISO 8601, or empty",
    "code-deploys": "code deploys of the last complete week, or empty",
    "model-deploys": "model deploys of the last complete week, or empty",
    "cadence-gap": "deploys by which the model furthest behind lags in the last complete week, or empty",
    "mttr-hours": "unified MTTR of the last complete week, two decimals, or empty",
    "recovery": "unified MTTR over the window, `all` and by cause: JSON (`fromJSON(…).all.mean_hours`), or empty",
    "drift-lag-hours": "hours (at most) from the latest code deploy to the next ship of its slowest model or to now",
    "drift-status": "`ok`, `over` (the threshold), `drift` (over twice in a row), `too few`, `error`, or empty",
    "drift-worst": "KL divergence of the worst feature in nats, four decimals, or empty",
    "dora": "DORA metrics for `CODE`, `MODEL`, `both`, each with its n: JSON (`fromJSON(…).CODE.rework_rate.value`)",
    "alerts": "comma-separated keys of the alerts raised, `<owner>/<repository>/<service>/<kind>/<subject>`, or empty",
    "unified-tag": "`<service>:<git-sha12>-<model-sha12>` of the code and models that are live, or empty",
    "check-url": "URL of the `48 h SLA` check, or empty",
    "artifact-id": "id of the uploaded report, or empty",
    "artifact-url": "URL of the uploaded report, or empty",
    "bundle": "path of `flowjoy-bundle.json`, relative to the workspace",
    "events": "path of `supply_chain_events.csv`",
    "chart": "path of `unified_flow.png`",
    "report": "path of `report.html`",
}
"""Name and meaning of every output, in the order of action.yml and docs/reference.md."""


def fill(results: Results, files: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each output. `files`: paths of the written files, by name."""
    values = {
        **_promise(results),
        **_last_week(results.last_week),
        **_drift(results),
        **_recovery(results),
        "alerts": ",".join(
            # A model name may contain a comma, or characters that a shell would interpret.
            quote(key, safe="/:@+~")
            for key in raised(results.bundle.alerts, "", results.bundle.generated_at)
        ),
        "unified-tag": results.unified_tag or "",
        "check-url": files.get("check-url", ""),
        "artifact-id": files.get("artifact-id", ""),
        "artifact-url": files.get("artifact-url", ""),
        "bundle": files.get("flowjoy-bundle.json", ""),
        "events": files.get("supply_chain_events.csv", ""),
        "chart": files.get("unified_flow.png", ""),
        "report": files.get("report.html", ""),
    }
    # The verdict comes last: if the disk fills up, a pass must not remain among half of the outputs.
    return {name: values[name] for name in sorted(OUTPUTS, key="verdict".__eq__)}


_COUNTED = {
    "sla-met": (Status.MET,),
    "sla-late": (Status.LATE,),
    "sla-pending": (Status.PENDING, Status.AT_RISK),
    "sla-breached": (Status.BREACHED,),
}


def _count(known: int | None) -> str:
    return "" if known is None else str(known)


def _promise(results: Results) -> dict[str, str]:
    deadline, rate = compliance.next_deadline(results.scope), results.rate.percent
    return {
        "verdict": results.verdict.decision.value,
        "sla-status": results.sla_status,
        **{name: _count(results.known_count(*statuses)) for name, statuses in _COUNTED.items()},
        "sla-rate": "" if rate is None else f"{rate:.1f}",
        "next-deadline": "" if deadline is None else iso(deadline),
    }


def _last_week(week: Week | None) -> dict[str, str]:
    return {
        "code-deploys": "" if week is None or not week.code_known else str(week.code_deploys),
        "model-deploys": "" if week is None or not week.ships_known else str(week.model_deploys),
        "cadence-gap": "" if week is None or not week.counted else str(week.gap),
        "mttr-hours": "" if week is None or week.mttr_hours is None else f"{week.mttr_hours:.2f}",
    }


def _drift(results: Results) -> dict[str, str]:
    check = results.drift
    lag = results.drift_lag.current if results.drift_lag is not None else None
    return {
        "drift-lag-hours": "" if lag is None else f"{lag.value:.1f}",
        "drift-status": "" if check is None else check.status.value,
        "drift-worst": "" if check is None or not check.judged else f"{check.judged[0].kl_nats:.4f}",
    }


def _recovery(results: Results) -> dict[str, str]:
    by_cause = {item.cause: _hours(item) for item in results.recoveries}
    return {
        "recovery": json.dumps(by_cause) if by_cause else "",
        "dora": json.dumps({item.kind: _figures(item) for item in results.dora}),
    }


def _hours(recovery: Recovery) -> dict[str, object]:
    hours = {"mean_hours": recovery.mean_hours, "median_hours": recovery.median_hours, "p90_hours": recovery.p90_hours}
    rounded = {name: None if value is None else round(value, 4) for name, value in hours.items()}
    return {"resolved": recovery.resolved, "open": recovery.open, **rounded}


def _figures(dora: Dora) -> dict[str, object]:
    figures = {name: getattr(dora, name) for name in DORA_UNITS}
    return {
        name: {"value": None if item.value is None else round(item.value, 4), "n": item.n}
        | ({"at_most": True} if item.at_most else {})
        for name, item in figures.items()
    }
