"""Incidents from PagerDuty's REST API. Merged incidents are one; an open one has no end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from flowjoy.clients.pagerduty import PagerDutyClient, PagerDutyIncident
from flowjoy.domain import Incident, Note, NoteLevel
from flowjoy.domain.deduplication import unique
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult, stamp_of

LONGEST_RANGE = timedelta(days=170)
"""PagerDuty answers for six months at most."""


class PagerDutyIncidents:
    """`pagerduty-token`."""

    label = "PagerDuty"

    def fetch(self, query: HarvestQuery, access: Clients) -> list[PagerDutyIncident]:
        """Every incident of the services that began in the window, with what it was merged into and its end."""
        settings = query.settings
        if settings.pagerduty_token is None:
            raise HarvestError("PagerDuty cannot be asked without a token", hint="set pagerduty-token")
        pagerduty = PagerDutyClient(
            token=settings.pagerduty_token,
            address=settings.pagerduty_api_url,
            services=settings.pagerduty_services,
            transport=access.transport,
        )
        found: dict[str, PagerDutyIncident] = {}
        since = query.since
        until = min(query.as_of, query.now) + timedelta(seconds=1)
        while since < until:
            edge = min(since + LONGEST_RANGE, until)
            found |= pagerduty.incidents(since, edge)
            access.progress(f"PagerDuty: {plural(len(found), 'incident')} up to {iso(edge)}")
            since = edge
        found |= _parents(found, pagerduty)
        return [_with_end(incident, pagerduty) for incident in found.values()]

    def parse(self, raw: list[PagerDutyIncident], query: HarvestQuery) -> SourceResult[Incident]:
        """One record an incident; what was merged into another, or is the child of another, is part of that one."""
        by_id = {incident.id: _incident(incident, query) for incident in raw}
        parents = {incident.id: incident.parent for incident in raw}
        whole = dict(by_id)
        for child, part in by_id.items():
            top = _top(child, parents)
            if top != child:
                whole[top] = _joined(whole[top], part)
                del whole[child]
        folded = len(by_id) - len(whole)
        low = [name for name, item in whole.items() if item.urgency == "low"]
        if query.settings.pagerduty_urgency == "high":
            whole = {name: item for name, item in whole.items() if name not in low}
        sound = [item for item in whole.values() if item.end is None or item.end >= item.start]
        backwards = sorted({item.id for item in whole.values()} - {item.id for item in sound})
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
        return SourceResult(records=unique(sound), notes=tuple(notes))


def _joined(top: Incident, part: Incident) -> Incident:
    """Return the incident that others were merged into: from the first start, and of the highest urgency, of all."""
    urgency = "high" if "high" in (top.urgency, part.urgency) else top.urgency
    return replace(top, start=min(top.start, part.start), urgency=urgency)


def _parents(found: Mapping[str, PagerDutyIncident], pagerduty: PagerDutyClient) -> dict[str, PagerDutyIncident]:
    """What incidents were merged into that is not among them: it began before the window, or is of another service.

    Without it the end of such an incident would be the merge, minutes after its start. One that the token does not
    see is left out.
    """
    parents: dict[str, PagerDutyIncident] = {}
    asked = set(found)
    ahead = list(found.values())
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
    """A resolved incident with its end, from its log where it does not say."""
    if incident.status != "resolved" or incident.resolved_at is not None:
        return incident
    end = pagerduty.resolved_at(incident.id) or incident.last_status_change_at
    return incident.model_copy(update={"resolved_at": end})


def _top(child: str, parents: Mapping[str, str | None]) -> str:
    """The last incident up the chain that is known; one that goes in a circle stays where it is."""
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
        url=address if address.startswith("https://") else None,
    )
