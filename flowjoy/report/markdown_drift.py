"""The drift check in the job summary and in the log. All external text is literal."""

from __future__ import annotations

from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, SourceKind
from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.content.drift_text import SHOWN, broken, scope, sentence, uncompared, unjudged
from flowjoy.report.escaping import code
from flowjoy.report.text import table

_SIGNS = {DriftStatus.OK: "✅", DriftStatus.OVER: "⚠️", DriftStatus.DRIFT: "❌", DriftStatus.ERROR: "⚠️"}
_HEADER = ("feature", "KL (nats)", "PSI", "rows in training", "live rows", "status")


def drift(check: DriftCheck | None) -> str:
    """Return the drift status and the features that differ the most; empty if no check was configured."""
    if check is None:
        return ""
    shown = [*check.judged[:SHOWN], *broken(check)[:SHOWN]]
    rest = len(check.features) - len(shown)
    more = f"… and {rest} more, on the page." if rest and shown else ""
    status = f"{_SIGNS.get(check.status, '')} **{check.status.value}**: {code(sentence(check), 600)}".strip()
    parts = [
        "### Drift",
        f"{status}<br>{code(scope(check), 300)}",
        f"⚠️ {code(unjudged(check), 1000)}" if check.judged and unjudged(check) else "",
        table(_HEADER, [_row(item) for item in shown]) if shown else "",
        more,
    ]
    return "\n\n".join(part for part in parts if part)


def faults(results: Results) -> tuple[str, ...]:
    """Return warnings about features that could not be compared or judged.

    A source that could not be read at all is reported as a failed source, not here.
    """
    check = results.drift
    unread = any(
        item.kind is SourceKind.DRIFT and item.state is CoverageState.FAILED for item in results.bundle.coverage
    )
    if check is None or unread:
        return ()
    sentences = (uncompared(check) if broken(check) else "", unjudged(check))
    return tuple(f"drift ({check.model}): {sentence}" for sentence in sentences if sentence)


def _row(item: FeatureDrift) -> tuple[str, ...]:
    is_judged = item.kl_nats is not None and item.psi is not None
    return (
        code(item.name, 80),
        f"{item.kl_nats:.4f}" if is_judged else "",
        f"{item.psi:.4f}" if is_judged else "",
        f"{item.reference_n:,}" if item.reference_n else "",
        f"{item.live_n:,}" if item.live_n else "",
        f"{item.status.value}: {item.problem}" if item.problem else item.status.value,
    )
