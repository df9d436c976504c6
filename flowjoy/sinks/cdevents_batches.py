"""Posts CDEvents to `cdevents-url` as batches of CloudEvents over HTTP. As ids are stable, a batch may be repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from flowjoy.clients import http
from flowjoy.clients.faults import Service
from flowjoy.domain.secret import Secret
from flowjoy.errors import FaultKind
from flowjoy.report.cdevents import CDEvent, cloud_events
from flowjoy.sinks.base import AlertContext

BATCH = 100
_HEADERS = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
_REFUSED = "check cdevents-url: it must take batches of CloudEvents (application/cloudevents-batch+json)"
_RECEIVER = Service(
    name="the receiver of CDEvents",
    hints=dict.fromkeys((FaultKind.AUTH, FaultKind.PERMISSION, FaultKind.MISSING, FaultKind.REFUSED), _REFUSED),
)


def post(url: Secret, events: Sequence[CDEvent], context: AlertContext) -> Iterator[tuple[str, ...]]:
    """Post the events, and yield the ids of each batch that was accepted. Raise HarvestError where one was not."""
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        context.transport.call("CDEvents", partial(_post, url, cloud_events(batch)), _RECEIVER.explain)
        context.log(f"CDEvents: posted {len(batch)}")
        yield tuple(event.id for event in batch)


def _post(url: Secret, body: Sequence[object]) -> None:
    http.request("POST", url.reveal(), expected=http.SUCCESS, json=body, headers=_HEADERS)
