"""Incidents from PagerDuty's REST API. Merged incidents are one; an open one has no end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flowjoy.errors import HarvestError
from flowjoy.instants import iso
from flowjoy.model import Incident
from flowjoy.records import unique
from flowjoy.signed_address import plain_session
from flowjoy.sources.base import Access, Parsed, Query, stamp_of
from flowjoy.transport import Fault, MalformedAnswerError, Transport

LONGEST_RANGE = timedelta(days=170)
"""PagerDuty answers for six months at most."""

MOST_LISTED = 10_000
"""PagerDuty lists no more of one question: a fuller range is split."""

_PAGE = 100
_T = TypeVar("_T")
_STATES = {"triggered", "acknowledged", "resolved"}


class PagerDutyIncidents:
    """`pagerduty-token`."""

    label = "PagerDuty"
    changes_for = None  # an incident may be resolved or merged at any time

    def fetch(self, query: Query, access: Access) -> list[dict[str, Any]]:
        """Every incident of the services that began in the window, each resolved one with its end."""
        door = _Door(query, access.transport)
        found: dict[str, dict[str, Any]] = {}
        since = query.since
        until = min(query.as_of, query.now) + timedelta(seconds=1)
        while since < until:
            edge = min(since + LONGEST_RANGE, until)
            found |= door.incidents(since, edge)
            access.progress(f"PagerDuty: {len(found)} incidents up to {iso(edge)}")
            since = edge
        for incident in found.values():
            if incident["status"] == "resolved" and not incident.get("resolved_at"):
                incident["resolved_at"] = door.resolved_at(incident["id"]) or incident.get("last_status_change_at")
        return list(found.values())

    def parse(self, raw: list[dict[str, Any]], query: Query) -> Parsed[Incident]:
        """One record an incident; what was merged into another, or is the child of another, is part of that one."""
        by_id = {incident["id"]: _incident(incident, query) for incident in raw}
        parents = {incident["id"]: _parent(incident) for incident in raw}
        whole = dict(by_id)
        for child, part in by_id.items():
            top = _top(child, parents)
            if top != child:
                whole[top] = replace(whole[top], start=min(whole[top].start, part.start))
                del whole[child]
        sound = [item for item in whole.values() if item.end is None or item.end >= item.start]
        backwards = sorted({item.id for item in whole.values()} - {item.id for item in sound})
        notes = [f"{name} ends before it starts: dropped" for name in backwards]
        folded = len(by_id) - len(whole)
        notes += [f"{folded} merged incidents are counted with the one they were merged into"] if folded else []
        return Parsed(records=unique(sound), notes=tuple(notes))


class _Door:
    """PagerDuty's REST API, one request at a time."""

    def __init__(self, query: Query, transport: Transport) -> None:
        settings = query.settings
        if settings.pagerduty_token is None:
            raise HarvestError("PagerDuty cannot be asked without a token", hint="set pagerduty-token")
        self._token, self._address = settings.pagerduty_token, settings.pagerduty_api_url
        self._services, self._transport = settings.pagerduty_services, transport

    def incidents(self, since: datetime, until: datetime) -> dict[str, dict[str, Any]]:
        """Every incident that began in [since, until), by id."""
        asked = {"since": iso(since), "until": iso(until), "time_zone": "UTC", "total": "true"}
        asked |= {"sort_by": "created_at:asc"}
        found: dict[str, dict[str, Any]] = {}
        offset, total = 0, 0
        while True:
            page, counted, more = self._page({**asked, "offset": str(offset)})
            total = max(total, counted)
            if total > MOST_LISTED - _PAGE:
                return self._halves(since, until)
            known = len(found)
            found |= page
            offset += _PAGE
            if not more:
                break
            if len(found) == known:
                raise HarvestError("PagerDuty: the list of incidents repeats itself without an end", hint="run again")
        if len(found) < total:
            raise HarvestError(f"PagerDuty: the list ends after {len(found)} of {total} incidents", hint="run again")
        return found

    def _halves(self, since: datetime, until: datetime) -> dict[str, dict[str, Any]]:
        middle = (since + (until - since) / 2).replace(microsecond=0)
        if not since < middle < until:
            raise HarvestError(f"PagerDuty: more than {MOST_LISTED} incidents in one second cannot be listed")
        return self.incidents(since, middle) | self.incidents(middle, until)

    def _page(self, asked: Mapping[str, str]) -> tuple[dict[str, dict[str, Any]], int, bool]:
        def check(answer: Any) -> tuple[dict[str, dict[str, Any]], int, bool]:
            items = answer.get("incidents") if isinstance(answer, dict) else None
            more, total = (answer.get("more"), answer.get("total")) if isinstance(answer, dict) else (None, None)
            if not isinstance(items, list) or not isinstance(more, bool) or type(total) is not int:
                raise MalformedAnswerError("the answer is not a list of incidents with its total")
            if not all(_has_shape(item) for item in items) or (more and not items):
                raise MalformedAnswerError("an incident has no id, no start or no known status")
            return {item["id"]: item for item in items}, total, more

        services = [("service_ids[]", service) for service in self._services]
        return self._get("/incidents", [*asked.items(), ("limit", str(_PAGE)), *services], check)

    def resolved_at(self, number: str) -> str | None:
        """When the log says that an incident was resolved; None when it does not say."""

        def check(answer: Any) -> str | None:
            entries = answer.get("log_entries") if isinstance(answer, dict) else None
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise MalformedAnswerError("the answer is not a list of log entries")
            stamps = [str(e.get("created_at")) for e in entries if e.get("type") == "resolve_log_entry"]
            return max(stamps, default=None)

        asked = [("is_overview", "true"), ("limit", str(_PAGE)), ("time_zone", "UTC")]
        return self._get(f"/incidents/{number}/log_entries", asked, check)

    def _get(self, path: str, parameters: Iterable[tuple[str, str]], check: Callable[[Any], _T]) -> _T:
        headers = {
            "Authorization": f"Token token={self._token.reveal()}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }

        def request() -> _T:
            with plain_session() as session:
                answer = session.get(
                    f"{self._address}{path}",
                    params=list(parameters),
                    headers=headers,
                    allow_redirects=False,
                    timeout=(4, 8),
                )
            if answer.status_code != 200:
                raise PagerDutyRefusalError(answer.status_code, answer.headers)
            return check(answer.json())

        return self._transport.call(f"PagerDuty {path}", request, explain)


class PagerDutyRefusalError(Exception):
    """PagerDuty answered with another status than 200."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.wait_seconds = _seconds(headers.get("ratelimit-reset") or headers.get("Retry-After"))
        super().__init__(f"PagerDuty answered {status}")


def explain(problem: Exception) -> Fault | None:
    """What a refusal means to a user."""
    if not isinstance(problem, PagerDutyRefusalError):
        return None
    if problem.status == 401:
        hint = "check pagerduty-token: a REST API key (read-only is enough), of the region of pagerduty-api-url"
        return Fault(problem="PagerDuty refused the token (401)", hint=hint)
    if problem.status == 403:
        return Fault(problem="the token may not read incidents (403)", hint="use a key that may read every service")
    if problem.status == 429:
        wait = problem.wait_seconds
        return Fault(problem="PagerDuty limits the rate (429)", hint="run again later", passing=True, wait_seconds=wait)
    if problem.status in (400, 404):
        return Fault(problem=str(problem), hint="check pagerduty-services and pagerduty-api-url")
    return Fault(problem=str(problem), hint="see status.pagerduty.com", passing=problem.status >= 500)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None


def _has_shape(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("id"), str)
        and isinstance(item.get("created_at"), str)
        and item.get("status") in _STATES
    )


def _parent(incident: Mapping[str, Any]) -> str | None:
    """The incident that this one was merged into, or is a child of."""
    reason = incident.get("resolve_reason")
    merged = reason.get("incident") if isinstance(reason, dict) else None
    held = merged or incident.get("parent_incident")
    return held["id"] if isinstance(held, dict) and isinstance(held.get("id"), str) else None


def _top(child: str, parents: Mapping[str, str | None]) -> str:
    """The last incident up the chain that is known; one that goes in a circle stays where it is."""
    seen, at = {child}, child
    while (parent := parents.get(at)) is not None and parent in parents:
        if parent in seen:
            return child
        seen.add(parent)
        at = parent
    return at


def _incident(item: Mapping[str, Any], query: Query) -> Incident:
    name = f"PagerDuty incident {item['id']}"
    end = stamp_of(item.get("resolved_at"), name, query) if item["status"] == "resolved" else None
    service = item.get("service")
    held = service.get("summary") if isinstance(service, dict) else None
    address = str(item.get("html_url") or "")
    return Incident(
        id=f"incident:pagerduty:{item['id']}",
        source="pagerduty",
        service=str(held or query.settings.service),
        start=stamp_of(item["created_at"], name, query),
        end=end,
        title=str(item.get("title") or "") or None,
        urgency=str(item.get("urgency") or "") or None,
        url=address if address.startswith("https://") else None,
    )
