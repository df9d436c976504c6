"""The timeline of the window as CDEvents 0.5: deployments, model versions, incidents and obligations.

Every id is computed from the repository, the service and what happened, so that two runs name one event alike and a
receiver can drop what it has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

import pandas as pd

from flowjoy.analysis import event_columns
from flowjoy.analysis.flow import incidents
from flowjoy.analysis.results import Results
from flowjoy.analysis.source_coverage import states
from flowjoy.analysis.timeline import known_text, without_provisional
from flowjoy.domain import CoverageState, EventType, Kind, Obligation, SourceKind, Status
from flowjoy.domain.deduplication import DELETED, without_half_pairs
from flowjoy.domain.timestamps import iso, iso_or_none
from flowjoy.report.escaping import clean

SPEC_VERSION = "0.5.0"
NAMESPACE = UUID("8b02045a-84ca-54ab-8ef5-70f3bf348ed1")
"""The namespace of all ids. It never changes: a receiver knows an event by its id."""

_VERSIONS = {
    "service.deployed": "dev.cdevents.service.deployed.0.3.0",
    "service.upgraded": "dev.cdevents.service.upgraded.0.3.0",
    "service.rolledback": "dev.cdevents.service.rolledback.0.3.0",
    "artifact.published": "dev.cdevents.artifact.published.0.3.0",
    "incident.detected": "dev.cdevents.incident.detected.0.3.0",
    "incident.resolved": "dev.cdevents.incident.resolved.0.3.0",
}
_OBLIGATION = "dev.cdeventsx.flowjoy-obligation.{}.0.1.0"
_DEFAULT_ENVIRONMENT = "production"
_LONGEST_TITLE = 1000


@dataclass(frozen=True, kw_only=True)
class CDEvent:
    """One event. `type`: with its version; `content` and `data` hold text from outside."""

    id: str
    type: str
    at: datetime
    source: str
    subject: str
    content: Mapping[str, object]
    data: Mapping[str, object]

    def as_json(self) -> dict[str, Any]:
        """Return the event as the specification writes it."""
        context = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "timestamp": iso(self.at),
        }
        subject = {"id": self.subject, "source": self.source, "content": self.content}
        return {"context": context, "subject": subject, "customData": dict(self.data)}


def cdevents(results: Results, redact: Callable[[str], str] = str) -> tuple[CDEvent, ...]:
    """Return the events of the window, oldest first; of one moment, causes first.

    The release of this very run has not happened yet.
    """
    writer = _Writer(results, redact)
    since = results.bundle.window.since
    every = (*writer.releases(), *writer.incidents(), *writer.obligations())
    return tuple(sorted((event for event in every if event.at >= since), key=lambda event: event.at))


def jsonl(events: Iterable[CDEvent]) -> bytes:
    """Return `cdevents.jsonl`: one event a line; the same bytes for the same records."""
    return "".join(json.dumps(event.as_json(), sort_keys=True) + "\n" for event in events).encode()


def cloud_events(events: Sequence[CDEvent]) -> list[dict[str, Any]]:
    """Return the events as one batch of CloudEvents 1.0, by CDEvents' binding."""
    return [
        {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject,
            "time": iso(event.at),
            "datacontenttype": "application/json",
            "data": event.as_json(),
        }
        for event in events
    ]


class _Writer:
    """Writes the events of one bundle, without secrets."""

    def __init__(self, results: Results, redact: Callable[[str], str]) -> None:
        self._results, self._redact = results, redact
        bundle = results.bundle
        self._service, self._home = bundle.service, f"{bundle.repository}/{bundle.service}"
        self._source = "/" + _quoted(self._home, safe="/")
        self._environments = {record.id: record.environment for record in bundle.code}
        happened = without_provisional(results.events)
        self._rows: Sequence[dict[Hashable, Any]] = happened.to_dict("records")
        self._artifacts = {row[event_columns.ID]: self._artifact(row) for row in self._rows}
        code = [row[event_columns.ID] for row in self._rows if row[event_columns.TYPE] == EventType.CODE]
        self._first = code[0] if code else None
        self._environment = (self._environments.get(code[-1]) if code else None) or _DEFAULT_ENVIRONMENT

    def releases(self) -> Iterator[CDEvent]:
        """Yield what went live: code by its kind, each model version once, and a model that was moved back."""
        published: set[str] = set()
        for row in self._rows:
            if row[event_columns.TYPE] == EventType.MODEL and not self._is_confirmed(row):
                continue
            number, kind = row[event_columns.ID], row[event_columns.KIND]
            data: dict[str, object] = {"kind": kind, "precision": row[event_columns.PRECISION], "record": number}
            if row[event_columns.TYPE] == EventType.CODE or kind == Kind.ROLLBACK:
                environment = self._environments.get(number, self._environment) or _DEFAULT_ENVIRONMENT
                content = {"environment": {"id": environment}, "artifactId": self._artifacts[number]}
                yield self._event(self._predicate(number, kind), number, row[event_columns.TS], content, data)
                continue
            purl, is_new = self._artifacts[number], self._artifacts[number] not in published
            published.add(purl)
            # When a version shipped that was live before the first observation is not known.
            if is_new and pd.isna(row[event_columns.OLD_SINCE]):
                data |= {"model": row[event_columns.NAME], "version": known_text(row[event_columns.VERSION])}
                yield self._event("artifact.published", number, row[event_columns.TS], {}, data, subject=purl)

    def _is_confirmed(self, row: Mapping[Hashable, Any]) -> bool:
        """Return whether a ship is known from more than the ledger: models were read, and it has the name it had there.

        A version that only the ledger remembers under another name was published under its own.
        """
        was_read = CoverageState.FAILED not in states(self._results.bundle, SourceKind.MODELS)
        return was_read and not str(row[event_columns.VERSION]).endswith(DELETED)

    def _predicate(self, number: str, kind: str) -> str:
        if kind == Kind.ROLLBACK:
            return "service.rolledback"
        return "service.upgraded" if kind == Kind.DEPLOY and number != self._first else "service.deployed"

    def incidents(self) -> Iterator[CDEvent]:
        """Yield when each incident was detected and resolved. Its artifact is the cause, where that is known."""
        for row in self._results.incidents.to_dict("records"):
            number, title = row[event_columns.ID], known_text(row[event_columns.TITLE])
            has_cause = row[incidents.CAUSE_TYPE] in tuple(EventType)
            content = {
                "environment": {"id": self._environment},
                "service": {"id": self._service},
                "description": clean(title, _LONGEST_TITLE) if title else None,
                "artifactId": self._artifacts.get(row[incidents.CAUSE_ID]) if has_cause else None,
            }
            data = {"record": number, "cause": known_text(row[incidents.CAUSE_TYPE])}
            yield self._event("incident.detected", number, row[event_columns.START], content, data, subject=number)
            if not pd.isna(row[event_columns.END]):
                yield self._event("incident.resolved", number, row[event_columns.END], content, data, subject=number)

    def obligations(self) -> Iterator[CDEvent]:
        """Yield when each obligation was opened, and when it was settled or broken. What is unknown has no event."""
        for item in self._results.obligations:
            if item.provisional or item.status in (Status.UNKNOWN, Status.NOT_REQUIRED, Status.UNDECLARED):
                continue
            yield self._obligation(item, "opened", item.start)
            if item.status is Status.LATE:
                yield self._obligation(item, Status.BREACHED.value, item.deadline)
            # A model that shipped before the code settles the obligation when it begins.
            settled_at = item.deadline if item.closed_at is None else max(item.closed_at, item.start)
            if not item.is_running and settled_at <= self._results.bundle.generated_at:
                yield self._obligation(item, item.status.value, settled_at)

    def _obligation(self, item: Obligation, state: str, at: datetime) -> CDEvent:
        settled = state == item.status.value
        content = {
            "service": self._service,
            "deployment": self._id(item.code_id, "release"),
            "artifactId": self._code_artifact(item.sha),
            "model": item.model,
            "requires": item.requires,
            "deadline": iso(item.deadline),
            "version": item.version if settled else None,
            "shippedAt": iso_or_none(item.shipped_at) if settled else None,
        }
        return self._event(_OBLIGATION.format(state), item.id, at, content, {"record": item.id}, subject=item.id)

    def _event(
        self,
        name: str,
        number: str,
        at: datetime,
        content: Mapping[str, object],
        data: Mapping[str, object],
        *,
        subject: str = "",
    ) -> CDEvent:
        kind = _VERSIONS.get(name, name)
        what = "release" if name.startswith("service.") else kind.rpartition(".0.")[0]
        return CDEvent(
            id=self._id(number, what),
            type=kind,
            at=pd.Timestamp(at).to_pydatetime(),
            source=self._redact(self._source),
            subject=self._redacted(subject or self._service),
            content=self._redacted(content),
            data=self._redacted(data),
        )

    def _id(self, number: str, what: str) -> str:
        """Return the id of what happened. A release keeps its id, be it named deployed, upgraded or rolled back."""
        return str(uuid5(NAMESPACE, f"{self._home}\n{what}\n{number}"))

    def _artifact(self, row: Mapping[Hashable, Any]) -> str:
        """Return the package URL of a commit or a model version."""
        if row[event_columns.TYPE] == EventType.CODE:
            return self._code_artifact(known_text(row[event_columns.SHA]))
        version = known_text(row[event_columns.VERSION])
        return f"pkg:mlflow/{_quoted(row[event_columns.NAME])}" + (f"@{_quoted(version)}" if version else "")

    def _code_artifact(self, sha: str | None) -> str:
        home = _quoted(self._results.bundle.repository.lower(), safe="/")
        package = f"pkg:github/{home}" if home else f"pkg:generic/{_quoted(self._service)}"
        return package + (f"@{_quoted(sha)}" if sha else "")

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._redacted(item) for key, item in value.items() if item is not None}
        return self._redact(without_half_pairs(value)) if isinstance(value, str) else value


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=safe, errors="replace")
