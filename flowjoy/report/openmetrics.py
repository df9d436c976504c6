"""The figures of a report as OpenMetrics text, which Prometheus reads. What is unknown has no sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowjoy.analysis import event_columns
from flowjoy.analysis.flow.incidents import ALL
from flowjoy.analysis.results import Results
from flowjoy.analysis.source_coverage import is_complete
from flowjoy.analysis.timeline import happened_since
from flowjoy.domain import Decision, EventType, Kind, SourceKind, Status
from flowjoy.domain.drift import DriftStatus
from flowjoy.domain.rates import per
from flowjoy.report.escaping import clean

MAX_MODELS = 50
"""The most overdue models that have a series of their own."""

_SECONDS_AN_HOUR = 3600
_KINDS = {
    EventType.CODE: (Kind.DEPLOY, Kind.REDEPLOY, Kind.ROLLBACK),
    EventType.MODEL: (Kind.SHIP, Kind.COPY, Kind.REDEPLOY, Kind.ROLLBACK),
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One value with its labels besides those of every sample, `repository` and `service`."""

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A metric and its samples. Every figure is a gauge: it describes the window, which moves."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def gauges(results: Results) -> tuple[Gauge, ...]:
    """Return the metrics that have a sample."""
    every = (*_report(results), *_promise(results), *_flow(results), *_incidents(results), *_drift(results))
    return tuple(gauge for gauge in every if gauge.samples)


def text(results: Results, redact: Callable[[str], str] = str) -> bytes:
    """Return `flowjoy.prom`. A sample has no timestamp: it is that of `flowjoy_last_report_timestamp_seconds`."""
    return rendered(
        gauges(results), {"repository": results.bundle.repository, "service": results.bundle.service}, redact
    )


def rendered(every: Iterable[Gauge], common: Mapping[str, str], redact: Callable[[str], str] = str) -> bytes:
    """Return metrics as OpenMetrics text. `common`: the labels of every sample."""
    lines: list[str] = []
    for gauge in every:
        lines += [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
        # Of two models with one name after redaction, the first counts: a series must not occur twice.
        values = {_labels({**common, **item.labels}, redact): item.value for item in reversed(gauge.samples)}
        lines += [f"{gauge.name}{labels} {value!r}" for labels, value in reversed(values.items())]
    return ("\n".join([*lines, "# EOF"]) + "\n").encode()


def _labels(labels: Mapping[str, str], redact: Callable[[str], str]) -> str:
    pairs = (f'{name}="{_escaped(redact(clean(value)))}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _gauge(name: str, about: str, *samples: float | None, **labels: str) -> Gauge:
    """Return a metric with at most one sample: none for None."""
    known = tuple(Sample(value=value, labels=labels) for value in samples if value is not None)
    return Gauge(name=f"flowjoy_{name}", help=about, samples=known)


def _by(name: str, about: str, label: str, values: Mapping[str, float]) -> Gauge:
    """Return a metric with a sample for each value of one label."""
    samples = tuple(Sample(value=value, labels={label: key}) for key, value in values.items())
    return Gauge(name=f"flowjoy_{name}", help=about, samples=samples)


def _report(results: Results) -> Iterator[Gauge]:
    stamp = results.bundle.generated_at.timestamp()
    yield _gauge("last_report_timestamp_seconds", "When the report was made.", stamp)
    decided = {item.value: int(item is results.verdict.decision) for item in Decision}
    yield _by("verdict", "1 for the verdict of the report, 0 for the others.", "verdict", decided)


def _promise(results: Results) -> Iterator[Gauge]:
    if not results.judges_promise:
        return
    rate = results.rate
    about = "Share of obligations due in the last 28 days that were kept."
    yield _gauge("promise_ratio", about, per(rate.met, rate.n))
    yield _gauge("promise_judged_obligations", "Obligations behind the ratio.", rate.n or None)
    counts = {status: results.known_count(status) for status in Status}
    by_status = {status.value: count for status, count in counts.items() if count is not None}
    yield _by("obligations", "Obligations of the window and open ones, by status.", "status", by_status)
    about = "Obligations past their deadline that are not shipped."
    yield _gauge("open_breaches", about, counts[Status.BREACHED])
    overdue = _overdue(results)
    worst = dict(sorted(overdue.items(), key=lambda item: (-item[1], item[0]))[:MAX_MODELS])
    about = f"Seconds since the earliest missed deadline of a model, of the {MAX_MODELS} most overdue."
    yield _by("overdue_seconds", about, "model", worst)


def _overdue(results: Results) -> dict[str, float]:
    overdue: dict[str, float] = {}
    for item in results.scope:
        if item.status is Status.BREACHED:
            seconds = (results.bundle.generated_at - item.deadline).total_seconds()
            overdue[clean(item.subject)] = max(seconds, overdue.get(clean(item.subject), 0.0))
    return overdue


def _flow(results: Results) -> Iterator[Gauge]:
    inside = happened_since(results.events, results.bundle.window.since)
    counts = Counter(zip(inside[event_columns.TYPE], inside[event_columns.KIND], strict=True))
    known = {EventType.CODE} if is_complete(results.bundle, SourceKind.CODE) else set()
    if is_complete(results.bundle, SourceKind.MODELS) and all(week.ships_known for week in results.weeks):
        known.add(EventType.MODEL)
    samples = [
        Sample(value=counts[kind.value, what.value], labels={"type": kind.value, "kind": what.value})
        for kind, kinds in _KINDS.items()
        if kind in known
        for what in kinds
    ]
    about = "Code deployments and model ships of the window, by type and kind."
    yield Gauge(name="flowjoy_deploys", help=about, samples=tuple(samples))


def _incidents(results: Results) -> Iterator[Gauge]:
    total = next((item for item in results.recoveries if item.cause == ALL), None)
    if total is None or not results.incidents_are_known:
        return
    spent = 0.0 if total.mean_hours is None else total.mean_hours * total.resolved * _SECONDS_AN_HOUR
    yield _gauge("resolved_incidents", "Resolved incidents that started in the window.", total.resolved)
    yield _gauge(
        "recovery_seconds", "Duration of all resolved incidents; the unified MTTR is this by their number.", spent
    )
    yield _gauge("open_incidents", "Incidents that are open.", total.open)


def _drift(results: Results) -> Iterator[Gauge]:
    check = results.drift
    if check is None or not check.judged:
        return
    worst, over = check.judged[0].kl_nats, int(check.status in (DriftStatus.OVER, DriftStatus.DRIFT))
    yield _gauge(
        "drift_kl_nats", "KL divergence of live from training data, of the worst feature.", worst, model=check.model
    )
    yield _gauge("drift_over_threshold", "1 if the last drift check was over its threshold.", over, model=check.model)
