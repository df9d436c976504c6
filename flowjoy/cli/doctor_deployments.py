"""Why each of the newest deployments, runs, releases or rows counted or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowjoy.analysis.event_columns import FIRST_LIVE, ID, KIND, TS
from flowjoy.analysis.promise.dependencies import dependencies_of
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import CodeRecord, Kind, Outcome, StubFile
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.timestamps import iso
from flowjoy.report.escaping import clean
from flowjoy.sources.base import LATER, Entry, HarvestQuery, SourceResult, Survey

LISTED = 10
_MIN_OURS = 5
"""A busy preview environment must not push production out of the list."""


@dataclass(frozen=True, kw_only=True)
class Deployments:
    """The newest entries, newest first, and the records behind them.

    `complete`: False if the source could not be read to its end, so that earlier deploys are not known.
    """

    entries: tuple[Entry, ...]
    records: tuple[CodeRecord, ...]
    complete: bool


def newest(own: SourceResult[CodeRecord] | None, survey: Survey | None) -> Deployments | None:
    """Return at most ten entries, also of other environments and branches. None if nothing is known of any.

    `own`: what the source read; None if that failed, in which case the survey replaces it.
    """
    others = survey.elsewhere if survey is not None else ()
    result = own if own is not None or survey is None else survey.own
    if result is None or (own is None and not (others or result.entries)):
        return None
    own_ids = {entry.id for entry in result.entries}  # GitHub lists a deployment that moved on elsewhere
    entries = (*result.entries, *(entry for entry in others if entry.id not in own_ids))
    by_age = sorted(entries, key=lambda entry: entry.at, reverse=True)
    room_for_others = LISTED - min(_MIN_OURS, sum(entry.is_ours for entry in by_age))
    foreign = [entry for entry in by_age if not entry.is_ours][:room_for_others]
    ours = [entry for entry in by_age if entry.is_ours][:LISTED]
    listed = sorted((*ours, *foreign), key=lambda entry: entry.at, reverse=True)[:LISTED]
    return Deployments(entries=tuple(listed), records=result.records, complete=own is not None)


def lines(
    deployments: Deployments, stubs: Mapping[str, StubFile], query: HarvestQuery, parameters: RunParameters
) -> list[str]:
    """Return one line per entry: timestamp, environment, sha, and why it counted or not."""
    verdicts = _Verdicts(deployments.records, stubs, query, parameters)
    labels = [clean(entry.label, 40) for entry in deployments.entries]
    width = max(map(len, labels), default=0)
    return [
        f"{iso(entry.at):<20}  {label:<{width}}  {clean(entry.sha or '-')[:12]:<12}  {verdicts.of(entry)}"
        for entry, label in zip(deployments.entries, labels, strict=True)
    ]


class _Verdicts:
    """Says of an entry why it counted or not, given everything that went live."""

    def __init__(
        self,
        records: Sequence[CodeRecord],
        stubs: Mapping[str, StubFile],
        query: HarvestQuery,
        parameters: RunParameters,
    ) -> None:
        self._dependencies = dependencies_of(parameters.models, stubs, parameters.model_stub)
        self._parameters = parameters
        self._records = {record.id: record for record in records}
        events = timeline(records, (), service=query.settings.service, until=query.as_of)
        timestamps = events[TS].tolist()
        rows = zip(events[ID], events[KIND], events[FIRST_LIVE], strict=True)
        self._kinds = {name: (Kind(kind), timestamps[int(first)]) for name, kind, first in rows}

    def of(self, entry: Entry) -> str:
        """Return why an entry counted or not."""
        record = self._records.get(entry.id)
        if entry.reason:
            detail = f" ({clean(entry.detail)})" if entry.detail else ""
            return f"not counted: {clean(entry.reason)}{detail}"
        if record is None:
            return "not counted: a newer commit was live already"
        if record.outcome is Outcome.PROVISIONAL:
            return "not yet counted: this very run's release"
        if record.id not in self._kinds:
            return f"not counted: {LATER}"
        kind, first_live = self._kinds[record.id]
        if kind is Kind.ROLLBACK:
            return f"rollback to a sha of {iso(first_live)}: opens no clock, ends those of what it rolled back"
        return "redeploy: this sha was live already" if kind is Kind.REDEPLOY else self._deploy(record)

    def _deploy(self, record: CodeRecord) -> str:
        since, sha = self._parameters.sla_since, record.sha or ""
        if since is not None and record.shipped_at < since:
            return "deploy: before sla-since: opens no clock"
        clock = f"deploy: opened a {self._parameters.sla_hours:g} h clock"
        if sha in self._dependencies.unreadable:
            return f"{clock}, for models that are not known: {clean(self._dependencies.unreadable[sha])}"
        models = [clean(item.model) for item in self._dependencies.of(record.sha)]
        if models:
            return f"{clock} for {', '.join(models)}"
        declared = sha in self._dependencies.by_sha or bool(self._dependencies.default)
        return f"deploy: opens no clock, {'its stub asks for no model' if declared else 'no dependence is declared'}"
