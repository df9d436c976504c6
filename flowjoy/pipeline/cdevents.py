"""Posts the CDEvents that no earlier run posted, and records them in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError
from flowjoy.report.cdevents import cdevents
from flowjoy.sinks import cdevents_batches
from flowjoy.sinks.base import AlertContext


def post_new(
    results: Results, url: Secret, context: AlertContext, redact: Callable[[str], str], *, complete: bool
) -> Results:
    """Post the events that are new to the ledger; return the results with what was posted. Never raise.

    Without a `complete` ledger, every run would post all events of the window again.
    """
    if not complete:
        context.warn("CDEvents: nothing is posted, because the ledger, which records what was, cannot be read or kept")
        return results
    posted = set(results.bundle.cdevents)
    try:
        every = cdevents(results, redact)
        # An event of a source that failed is missing for now; what left the window does not return.
        if all(item.state is not CoverageState.FAILED for item in results.bundle.coverage):
            posted &= {event.id for event in every}
        new = [event for event in every if event.id not in posted]
        for ids in cdevents_batches.post(url, new, context):
            posted.update(ids)
    except HarvestError as problem:
        context.warn(f"{problem.advised}. The next run posts what was not accepted")
    except Exception as problem:  # noqa: BLE001  (what was posted before must be recorded)
        context.warn(f"CDEvents: failed ({type(problem).__name__}); please report this")
    return replace(results, bundle=replace(results.bundle, cdevents=tuple(sorted(posted))))
