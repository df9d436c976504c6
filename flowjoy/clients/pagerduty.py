"""PagerDuty's REST API, one request at a time: lists that are proved whole, refusals in words a user can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import model_validator

from flowjoy.clients.responses import Count, Instant, Many, Response, Text, read, reader, refusal
from flowjoy.clients.signed_urls import plain_session
from flowjoy.clients.transport import Fault, MalformedAnswerError, Transport
from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError

MOST_LISTED = 10_000
"""PagerDuty lists no more of one question: a fuller range is split."""

_STATUS_PAGE = "see status.pagerduty.com"
_PAGE = 100
_T = TypeVar("_T")


class Reference(Response):
    """Something that an incident belongs to."""

    id: Text
    summary: str | None = None


class _Reason(Response):
    incident: Reference | None = None  # only a merge names one


class PagerDutyIncident(Response):
    """One incident. What is not known of most incidents is left out of some answers."""

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


class HiddenIncidentError(HarvestError):
    """PagerDuty does not know an incident, or does not show it to this token."""


class PagerDutyClient:
    """The incidents of some services (none named: of all that the token sees)."""

    def __init__(self, *, token: Secret, address: str, services: Iterable[str], transport: Transport) -> None:
        self._token, self._address, self._services, self._transport = token, address, tuple(services), transport

    def incidents(self, since: datetime, until: datetime) -> dict[str, PagerDutyIncident]:
        """Every incident that began in [since, until), by id."""
        asked = {"since": iso(since), "until": iso(until), "time_zone": "UTC", "total": "true"}
        asked |= {"sort_by": "created_at:asc"}
        found: dict[str, PagerDutyIncident] = {}
        offset, total = 0, 0
        while True:
            page = self._page({**asked, "offset": str(offset)})
            total = max(total, page.total)
            if total > MOST_LISTED - _PAGE:
                return self._halves(since, until)
            known = len(found)
            found |= {incident.id: incident for incident in page.incidents}
            offset += _PAGE
            if not page.more:
                break
            if len(found) == known:
                raise HarvestError("PagerDuty: the list of incidents repeats itself without an end", hint="run again")
        if len(found) < total:
            raise HarvestError(f"PagerDuty: the list of incidents ends after {len(found)} of {total}", hint="run again")
        return found

    def _halves(self, since: datetime, until: datetime) -> dict[str, PagerDutyIncident]:
        middle = (since + (until - since) / 2).replace(microsecond=0)
        if not since < middle < until:
            raise HarvestError(f"PagerDuty: more than {MOST_LISTED} incidents in one second cannot be listed")
        return self.incidents(since, middle) | self.incidents(middle, until)

    def _page(self, asked: Mapping[str, str]) -> _Page:
        services = [("service_ids[]", service) for service in self._services]
        return self._get("/incidents", [*asked.items(), ("limit", str(_PAGE)), *services], reader(_Page))

    def incident(self, number: str) -> PagerDutyIncident:
        """One incident, whenever it began. Raises HiddenIncidentError, HarvestError."""

        def check(answer: Any) -> PagerDutyIncident:
            found = read(_One, answer).incident
            if found.id != number:
                raise MalformedAnswerError("the answer is not the incident that was asked for")
            return found

        return self._get(f"/incidents/{quote(number, safe='')}", [], check, _explain_one)

    def resolved_at(self, number: str) -> datetime | None:
        """When the log says that an incident was last resolved; None when it does not say."""
        stamps: list[datetime] = []
        path = f"/incidents/{quote(number, safe='')}/log_entries"
        for offset in range(0, MOST_LISTED, _PAGE):
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
        said: Callable[[Exception], Fault | None] | None = None,
    ) -> _T:
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

        return self._transport.call(f"PagerDuty {path}", request, said or explain)


class PagerDutyRefusalError(Exception):
    """PagerDuty answered with another status than the one that means success."""

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
    if problem.status in (400, 404):
        return Fault(problem=str(problem), hint="check pagerduty-services and pagerduty-api-url")
    return explain_passing(problem) or Fault(problem=str(problem), hint=_STATUS_PAGE)


def explain_passing(problem: PagerDutyRefusalError) -> Fault | None:
    """What may be gone the next time, whatever was asked; None for a refusal that stays."""
    if problem.status == 429:
        wait = problem.wait_seconds
        return Fault(problem="PagerDuty limits the rate (429)", hint="run again later", passing=True, wait_seconds=wait)
    return Fault(problem=str(problem), hint=_STATUS_PAGE, passing=True) if problem.status >= 500 else None


def _explain_one(problem: Exception) -> Fault | None:
    """The same where one incident is asked for: a token need not see all that others were merged into."""
    if isinstance(problem, PagerDutyRefusalError) and problem.status in (403, 404):
        return Fault(problem=str(problem), error=HiddenIncidentError)
    return explain(problem)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
