"""Incidents from PagerDuty's REST API. Merged incidents count as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from flowjoy.clients.pagerduty import PagerDutyClient, PagerDutyIncident
from flowjoy.domain import Incident, Note, NoteLevel
from flowjoy.domain.deduplication import unique
from flowjoy.domain.hosts import https_only
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult, stamp_of

LONGEST_RANGE = timedelta(days=170)
"""PagerDuty answers for at most six months."""


class PagerDutyIncidents:
    """`pagerduty-token`."""

    label = "PagerDuty"

    def fetch(self, query: HarvestQuery, access: Clients) -> list[PagerDutyIncident]:
        """Return every incident of the services that began in the window, with its parents and its end."""
        settings = query.settings
        if settings.pagerduty_token is None:
            raise HarvestError("PagerDuty cannot be read without a token", hint="set pagerduty-token")
        pagerduty = PagerDutyClient(
            token=settings.pagerduty_token,
            address=settings.pagerduty_api_url,
            services=settings.pagerduty_services,
            transport=access.transport,
        )
        incidents: dict[str, PagerDutyIncident] = {}
        since = query.since
        until = min(query.as_of, query.now) + timedelta(seconds=1)
        while since < until:
            edge = min(since + LONGEST_RANGE, until)
            incidents |= pagerduty.incidents(since, edge)
            access.progress(f"PagerDuty: {plural(len(incidents), 'incident')} up to {iso(edge)}")
            since = edge
        incidents |= _parents(incidents, pagerduty)
        return [_with_end(incident, pagerduty) for incident in incidents.values()]

    def parse(self, raw: list[PagerDutyIncident], query: HarvestQuery) -> SourceResult[Incident]:
        """Return one record per incident; one that was merged into another, or is its child, is part of that one."""
        by_id = {incident.id: _incident(incident, query) for incident in raw}
        parents = {incident.id: incident.parent for incident in raw}
        merged = dict(by_id)
        for child, part in by_id.items():
            top = _top(child, parents)
            if top != child:
                merged[top] = _joined(merged[top], part)
                del merged[child]
        folded = len(by_id) - len(merged)
        low = [name for name, item in merged.items() if item.urgency == "low"]
        if query.settings.pagerduty_urgency == "high":
            merged = {name: item for name, item in merged.items() if name not in low}
        valid = [item for item in merged.values() if item.end is None or item.end >= item.start]
        backwards = sorted({item.id for item in merged.values()} - {item.id for item in valid})
        notes: list[str] = [Note(f"{name} ends before it starts: dropped", NoteLevel.WARNING) for name in backwards]
        if low and query.settings.pagerduty_urgency == "high":
            notes += [f"incidents left out: {len(low)} of low urgency (see `pagerduty-urgency`)"]
        notes += [f"{plural(folded, 'incident')} merged into another one: counted with it"] if folded else []
        alone = sum(parent is not None and parent not in parents for parent in parents.values())
        notes += (
            [f"{plural(alone, 'incident')} merged into one that this token does not see: counted alone"]
            if alone
            else []
        )
        return SourceResult(records=unique(valid), notes=tuple(notes))


def _joined(top: Incident, part: Incident) -> Incident:
    """Return an incident with another merged into it: the earliest start and the highest urgency of both."""
    urgency = "high" if "high" in (top.urgency, part.urgency) else top.urgency
    return replace(top, start=min(top.start, part.start), urgency=urgency)


def _parents(incidents: Mapping[str, PagerDutyIncident], pagerduty: PagerDutyClient) -> dict[str, PagerDutyIncident]:
    """Return the parents that are not among the incidents: they began earlier, or are of another service.

    Without its parent, an incident would end at the merge, minutes after its start. Parents that the token does not see
    are left out.
    """
    parents: dict[str, PagerDutyIncident] = {}
    asked = set(incidents)
    ahead = list(incidents.values())
    while ahead:
        parent = ahead.pop().parent
        if parent is None or parent in asked:
            continue
        asked.add(parent)
        try:
            parents[parent] = pagerduty.incident(parent)
        except HarvestError as problem:
            # A token need not see every incident that others were merged into.
            if problem.kind not in (FaultKind.PERMISSION, FaultKind.MISSING):
                raise
            continue
        ahead.append(parents[parent])
    return parents


def _with_end(incident: PagerDutyIncident, pagerduty: PagerDutyClient) -> PagerDutyIncident:
    """Return a resolved incident with its end, from its log if it does not carry one."""
    if incident.status != "resolved" or incident.resolved_at is not None:
        return incident
    end = pagerduty.resolved_at(incident.id) or incident.last_status_change_at
    return incident.model_copy(update={"resolved_at": end})


def _top(child: str, parents: Mapping[str, str | None]) -> str:
    """Return the last known incident up the chain; in a cycle, the incident itself."""
    seen, at = {child}, child
    while (parent := parents.get(at)) is not None and parent in parents:
        if parent in seen:
            return child
        seen.add(parent)
        at = parent
    return at


def _incident(item: PagerDutyIncident, query: HarvestQuery) -> Incident:
    name = f"PagerDuty incident {item.id}"
    end = item.resolved_at if item.status == "resolved" else None
    if item.status == "resolved" and end is None:
        raise HarvestError(f"{name} does not say when it was resolved")
    address = item.html_url or ""
    return Incident(
        id=f"incident:pagerduty:{item.id}",
        source="pagerduty",
        service=(item.service.summary if item.service is not None else None) or query.settings.service,
        start=stamp_of(item.created_at, name, query),
        end=None if end is None else stamp_of(end, name, query),
        title=item.title or None,
        urgency=item.urgency or None,
        url=https_only(address),
    )
