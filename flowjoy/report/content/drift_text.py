"""The result of the drift check in sentences."""

from __future__ import annotations

from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, SourceKind
from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.escaping import clean
from flowjoy.report.text import plural

SHOWN = 5


def broken(check: DriftCheck) -> tuple[FeatureDrift, ...]:
    """Return the features that exist in only one of the two data sets."""
    return tuple(item for item in check.features if item.status is DriftStatus.ERROR)


def sentence(check: DriftCheck) -> str:
    """Return the result in one sentence. It may name features, which are external text."""
    if check.status is DriftStatus.ERROR:
        return f"Could not be checked: {check.problem or uncompared(check)}."
    if not check.judged:
        few = next((item.problem for item in check.features if item.problem), "")
        return f"Too few rows to judge any feature: {few}."
    worst = check.judged[0]
    figure = f"{clean(worst.name, 60)} diverges from training by {worst.kl_nats:.4f} nats"
    if check.status is DriftStatus.DRIFT:
        return f"{figure}, over {check.threshold:g} in two consecutive checks: live data has drifted."
    if check.status is DriftStatus.OVER:
        return f"{figure}, over {check.threshold:g}: drift if the next check of new rows is also over it."
    return f"{figure}, the largest of {plural(len(check.judged), 'feature')}; up to {check.threshold:g} is ok."


def uncompared(check: DriftCheck) -> str:
    """Return which features cannot be compared, and why."""
    features = broken(check)
    named = "; ".join(f"{clean(item.name, 60)}: {item.problem}" for item in features[:SHOWN])
    more = f"; and {len(features) - SHOWN} more" if len(features) > SHOWN else ""
    return f"{plural(len(features), 'feature')} cannot be compared ({named}{more})"


def unjudged(check: DriftCheck) -> str:
    """Return which features could not be judged, and why; empty if all were. An unjudged feature must not look ok."""
    features = tuple(item for item in check.features if item.status is DriftStatus.TOO_FEW)
    if not features:
        return ""
    named = "; ".join(f"{clean(item.name, 60)}: {item.problem}" for item in features[:SHOWN])
    more = f"; and {len(features) - SHOWN} more" if len(features) > SHOWN else ""
    return f"{plural(len(features), 'feature')} {'was' if len(features) == 1 else 'were'} not judged: {named}{more}"


def result(check: DriftCheck) -> str:
    """Return the result as one log line. It may name features, which are external text."""
    lead = f"drift ({clean(check.model)}): {check.status.value}"
    if not check.judged:
        return f"{lead}: no feature was judged"
    worst = check.judged[0]
    return f"{lead}: {clean(worst.name, 60)} {worst.kl_nats:.4f} nats (threshold {check.threshold:g})"


def scope(check: DriftCheck) -> str:
    """Return what was compared: model, version, and origin of the reference."""
    version = f" v{check.version}" if check.version else ""
    against = f", against {check.reference}" if check.reference else ""
    return f"{check.model}{version}{against}"


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


READING = (
    "KL: divergence of live from training data, in nats. PSI: population stability index. Numeric features have ten "
    "bins with equal shares of the training data, and a bin of its own for a value on several bin edges; other "
    "features have one bin per category. Each bin count is increased by one half. No value of the data is stored."
)
