"""`rollup.prom`: the figures of all services as OpenMetrics text, by the names of `flowjoy.prom`; none if unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flowjoy.domain.rates import per
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import UNKNOWN, ModelRow, ServiceRow
from flowjoy.report.openmetrics import MAX_MODELS, Gauge, Sample, rendered

_Value = Callable[[ServiceRow], float | None]
_OF_SERVICES: tuple[tuple[str, str, _Value], ...] = (
    (
        "last_report_timestamp_seconds",
        "When the newest report was made.",
        lambda row: None if row.reported_at is None else row.reported_at.timestamp(),
    ),
    (
        "promise_ratio",
        "Share of obligations due in the last 28 days that were kept.",
        lambda row: per(row.due_met, row.due_met + row.due_missed),
    ),
    (
        "promise_judged_obligations",
        "Obligations behind the ratio.",
        lambda row: (row.due_met + row.due_missed) or None,
    ),
    (
        "open_breaches",
        "Obligations past their deadline that are not shipped.",
        lambda row: row.breached if row.promise != UNKNOWN else None,
    ),
    ("resolved_incidents", "Resolved incidents that started in the window.", lambda row: row.resolved),
    (
        "recovery_seconds",
        "Duration of all resolved incidents; the unified MTTR is this by their number.",
        lambda row: None if row.resolved is None else row.resolved_seconds or 0,
    ),
)
_OF_MODELS: tuple[tuple[str, str, Callable[[ModelRow], int]], ...] = (
    ("model_unshipped_obligations", "Obligations of all services that wait for a model.", lambda row: row.unshipped),
    ("model_breached_obligations", "Those of them that are past their deadline.", lambda row: row.breached),
    ("model_late_seconds", "How late the model was or is, over all missed obligations.", lambda row: row.late_seconds),
)


def text(rollup: RollUp) -> bytes:
    """Return the metrics of services, and of the models that most obligations wait for."""
    services, worst = rollup.services, rollup.models_by_wait[:MAX_MODELS]
    gauges = (
        Gauge(
            name="flowjoy_service_state",
            help="1 for what is known of the service: reporting, silent, refused or never reported.",
            samples=tuple(_sample(row, 1, state=row.voice) for row in services),
        ),
        Gauge(
            name="flowjoy_service_promise",
            help="1 for the promise of the service in one word.",
            samples=tuple(_sample(row, 1, promise=row.promise) for row in services),
        ),
        *(
            Gauge(name=f"flowjoy_{name}", help=about, samples=_known(services, value))
            for name, about, value in _OF_SERVICES
        ),
        *(
            Gauge(
                name=f"flowjoy_{name}",
                help=about,
                samples=tuple(Sample(value=value(row), labels={"model": row.model}) for row in worst),
            )
            for name, about, value in _OF_MODELS
        ),
    )
    return rendered((gauge for gauge in gauges if gauge.samples), {})


def _known(services: Iterable[ServiceRow], value: _Value) -> tuple[Sample, ...]:
    pairs = ((row, value(row)) for row in services)
    return tuple(_sample(row, known) for row, known in pairs if known is not None)


def _sample(row: ServiceRow, value: float, **labels: str) -> Sample:
    return Sample(value=value, labels={"repository": row.repository, "service": row.service, **labels})
