"""PagerDuty's REST API on loopback: incidents and their log, paged, limited and refused as the real one does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.http_base import Answer, Request, StandIn

TOKEN = "canary-token-of-pagerduty"
LONGEST_RANGE = timedelta(days=184)
MOST_LISTED = 10_000


def stamp(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(kw_only=True)
class Entry:
    """One incident as PagerDuty tells it, and its log."""

    body: dict[str, Any]
    log: list[dict[str, Any]] = field(default_factory=list)


class PagerDutyStandIn(StandIn):
    """Holds incidents, oldest first; refuses every token but TOKEN."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        super().__init__()

    def add(
        self,
        start: datetime,
        end: datetime | None = None,
        *,
        title: str = "Checkout is down",
        service: str = "PSHOP",
        merged_into: str | None = None,
        says_resolved_at: bool = True,
        logged_at: datetime | None = None,
        changed_at: datetime | None = None,
        **more: Any,
    ) -> str:
        """An incident; returns its id. Without `end` it is open; `logged_at`: its resolve entry in the log."""
        number = len(self.entries) + 1
        reason = {"type": "merge_resolve_reason", "incident": {"id": merged_into}} if merged_into else None
        body = {
            "id": f"Q{number:04d}",
            "type": "incident",
            "incident_number": number,
            "title": title,
            "summary": f"[#{number}] {title}",
            "status": "triggered" if end is None else "resolved",
            "urgency": "high",
            "created_at": stamp(start),
            "resolved_at": stamp(end) if says_resolved_at else None,
            "last_status_change_at": stamp(changed_at or end or start),
            "resolve_reason": reason,
            "service": {"id": service, "type": "service_reference", "summary": f"Service {service}"},
            "html_url": f"https://acme.pagerduty.com/incidents/Q{number:04d}",
            **more,
        }
        log = [{"id": "R1", "type": "trigger_log_entry", "created_at": stamp(start)}]
        log += [{"id": "R2", "type": "resolve_log_entry", "created_at": stamp(logged_at)}] if logged_at else []
        self.entries.append(Entry(body=body, log=log))
        return str(body["id"])

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Token token={TOKEN}":
            return Answer(401, {"error": {"message": "Account not found", "code": 2010}})
        if "version=2" not in request.headers.get("accept", ""):
            return Answer(400, {"error": {"message": "Unknown version"}})
        if request.path == "/incidents":
            return self._list(request)
        parts = request.path.split("/")
        result = [entry for entry in self.entries if entry.body["id"] == parts[2]]
        if len(parts) == 3 and result:
            return Answer(200, {"incident": result[0].body})
        if len(parts) == 4 and parts[3] == "log_entries" and result:
            limit, offset = int(request.query.get("limit", 25)), int(request.query.get("offset", 0))
            log = result[0].log
            paging = {"more": offset + limit < len(log), "limit": limit, "offset": offset, "total": None}
            return Answer(200, {"log_entries": log[offset : offset + limit], **paging})
        return Answer(404, {"error": {"message": "Not Found", "code": 2100}})

    def _list(self, request: Request) -> Answer:
        query = request.query
        since, until = (datetime.fromisoformat(query[key]) for key in ("since", "until"))
        limit, offset = int(query.get("limit", 25)), int(query.get("offset", 0))
        if until - since > LONGEST_RANGE or limit > 100 or offset + limit > MOST_LISTED:
            return Answer(400, {"error": {"message": "Invalid Input Provided", "code": 2001}})
        wanted = query.get("service_ids[]", "").split(",")
        bodies = [
            entry.body
            for entry in self.entries
            if since <= datetime.fromisoformat(entry.body["created_at"]) < until
            and (wanted == [""] or entry.body["service"]["id"] in wanted)
        ]
        bodies.sort(key=lambda body: body["created_at"])
        page = bodies[offset : offset + limit]
        total = len(bodies) if query.get("total") == "true" else None
        more = offset + limit < len(bodies)
        return Answer(200, {"incidents": page, "limit": limit, "offset": offset, "more": more, "total": total})
