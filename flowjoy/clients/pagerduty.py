"""PagerDuty's REST API: lists that are verified to be complete, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import model_validator

from flowjoy.clients import http
from flowjoy.clients.faults import MalformedAnswerError, Service
from flowjoy.clients.responses import Count, Instant, Many, Response, Text, read, reader, refusal
from flowjoy.clients.transport import Transport
from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind, HarvestError

MAX_LISTED = 10_000
"""PagerDuty lists no more per query, so a fuller range is split."""

STATUS_PAGE = "see status.pagerduty.com"
_INPUTS = "check pagerduty-services and pagerduty-api-url"
_PAGERDUTY = Service(
    name="PagerDuty",
    hints={
        FaultKind.AUTH: "check pagerduty-token: a REST API key (read-only is enough), of the region of "
        "pagerduty-api-url",
        FaultKind.PERMISSION: "use a key that may read every service",
        FaultKind.MISSING: _INPUTS,
        FaultKind.REFUSED: _INPUTS,
        FaultKind.OUTAGE: STATUS_PAGE,
    },
)
_PAGE = 100
_T = TypeVar("_T")


class Reference(Response):
    """A service or incident that an incident refers to."""

    id: Text
    summary: str | None = None


class _Reason(Response):
    incident: Reference | None = None  # only a merge names one


class PagerDutyIncident(Response):
    """One incident. Some answers omit the optional fields."""

    id: Text
    created_at: Instant
    status: Literal["triggered", "acknowledged", "resolved"]
    service: Reference | None = None
    title: str | None = None
    html_url: str | None = None
    urgency: str | None = None
    resolved_at: Instant | None = None
    last_status_change_at: Instant | None = None
    resolve_reason: _Reason | None = None
    parent_incident: Reference | None = None

    @property
    def parent(self) -> str | None:
        """The incident that this one was merged into, or is a child of."""
        merged = None if self.resolve_reason is None else self.resolve_reason.incident
        above = merged or self.parent_incident
        return None if above is None else above.id


class _Page(Response):
    incidents: Many[PagerDutyIncident]
    more: bool
    total: Count

    @model_validator(mode="after")
    def _can_go_on(self) -> Self:
        if self.more and not self.incidents:
            raise refusal("shows none of the incidents that it counts")
        return self


class _One(Response):
    incident: PagerDutyIncident


class _Entry(Response):
    type: Text
    created_at: Instant


class _Log(Response):
    log_entries: Many[_Entry]
    more: bool

    @model_validator(mode="after")
    def _can_go_on(self) -> Self:
        if self.more and not self.log_entries:
            raise refusal("shows none of the entries that follow")
        return self


class PagerDutyClient:
    """The incidents of some services, or of all that the token may read."""

    def __init__(self, *, token: Secret, address: str, services: Iterable[str], transport: Transport) -> None:
        self._token, self._address, self._services, self._transport = token, address, tuple(services), transport

    def incidents(self, since: datetime, until: datetime) -> dict[str, PagerDutyIncident]:
        """Return every incident that began in [since, until), by id."""
        asked = {"since": iso(since), "until": iso(until), "time_zone": "UTC", "total": "true"}
        asked |= {"sort_by": "created_at:asc"}
        by_id: dict[str, PagerDutyIncident] = {}
        offset, total = 0, 0
        while True:
            page = self._page({**asked, "offset": str(offset)})
            total = max(total, page.total)
            if total > MAX_LISTED - _PAGE:
                return self._halves(since, until)
            known = len(by_id)
            by_id |= {incident.id: incident for incident in page.incidents}
            offset += _PAGE
            if not page.more:
                break
            if len(by_id) == known:
                raise HarvestError("PagerDuty: the list of incidents repeats itself without an end", hint="run again")
        if len(by_id) < total:
            raise HarvestError(f"PagerDuty: the list of incidents ends after {len(by_id)} of {total}", hint="run again")
        return by_id

    def _halves(self, since: datetime, until: datetime) -> dict[str, PagerDutyIncident]:
        middle = (since + (until - since) / 2).replace(microsecond=0)
        if not since < middle < until:
            raise HarvestError(f"PagerDuty: more than {MAX_LISTED} incidents in one second cannot be listed")
        return self.incidents(since, middle) | self.incidents(middle, until)

    def _page(self, asked: Mapping[str, str]) -> _Page:
        services = [("service_ids[]", service) for service in self._services]
        return self._get("/incidents", [*asked.items(), ("limit", str(_PAGE)), *services], reader(_Page))

    def incident(self, number: str) -> PagerDutyIncident:
        """Return one incident, whenever it began. Raise HarvestError."""

        def check(answer: Any) -> PagerDutyIncident:
            incident = read(_One, answer).incident
            if incident.id != number:
                raise MalformedAnswerError("the answer is not the incident that was asked for")
            return incident

        return self._get(f"/incidents/{quote(number, safe='')}", [], check)

    def resolved_at(self, number: str) -> datetime | None:
        """Return when an incident was last resolved according to its log; None if the log does not say."""
        stamps: list[datetime] = []
        path = f"/incidents/{quote(number, safe='')}/log_entries"
        for offset in range(0, MAX_LISTED, _PAGE):
            asked = [("is_overview", "true"), ("limit", str(_PAGE)), ("offset", str(offset)), ("time_zone", "UTC")]
            log = self._get(path, asked, reader(_Log))
            stamps += [entry.created_at for entry in log.log_entries if entry.type == "resolve_log_entry"]
            if not log.more:
                return max(stamps, default=None)
        raise HarvestError(f"PagerDuty: the log of incident {number} has no end", hint="run again")

    def _get(
        self,
        path: str,
        parameters: Iterable[tuple[str, str]],
        check: Callable[[Any], _T],
    ) -> _T:
        headers = {
            "Authorization": f"Token token={self._token.reveal()}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }

        def request() -> _T:
            answer = http.request("GET", f"{self._address}{path}", params=list(parameters), headers=headers)
            return check(answer.json())

        return self._transport.call(f"PagerDuty {path}", request, _PAGERDUTY.explain)
