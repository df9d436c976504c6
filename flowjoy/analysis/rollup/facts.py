"""`facts(bundle)`: what the roll-up of many services counts, decided by the analysis of each one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from flowjoy.analysis.bundle_analyses import BundleAnalyses
from flowjoy.analysis.event_columns import END, ID, KIND, NAME, SHA, START, TS, TYPE, VERSION
from flowjoy.analysis.flow.dora import ChangeStarts, first_week, fixes, lead_times
from flowjoy.analysis.flow.incidents import AMBIGUOUS, CAUSE_ID, CAUSE_TYPE, UNATTRIBUTED
from flowjoy.analysis.flow.weeks import monday_of
from flowjoy.analysis.promise.compliance import in_scope
from flowjoy.analysis.source_coverage import failures_are_known, is_complete, observed_since
from flowjoy.analysis.timeline import deploys_and_ships, known_text, without_provisional
from flowjoy.domain import EventType, Kind, Obligation, SourceKind, Status
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.facts import BundleFact, EventFact, Fact, IncidentFact, LeadFact, ObligationFact, WeekFact
from flowjoy.domain.timestamps import EARLIEST, LATEST


def facts(bundle: Bundle) -> tuple[Fact, ...]:
    """Return the facts of one bundle; the first is the `BundleFact`. They cover all that the bundle remembers."""
    return tuple(_BundleFacts(bundle))


class _BundleFacts:
    """The facts of one bundle, one kind after the other."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._analyses = bundle, BundleAnalyses(bundle)
        self._zone = ZoneInfo(bundle.window.timezone)
        self._events = self._analyses.events
        self._happened = without_provisional(self._events)
        self._failures_known = failures_are_known(bundle)
        self._type_and_model = {
            name: (kind, known_text(model))
            for name, kind, model in zip(self._events[ID], self._events[TYPE], self._events[NAME], strict=True)
        }

    def __iter__(self) -> Iterator[Fact]:
        yield self._of_bundle()
        yield from self._of_events()
        yield from self._of_leads()
        yield from self._of_obligations()
        yield from self._of_incidents()
        yield from self._of_weeks()

    def _of_bundle(self) -> BundleFact:
        bundle = self._bundle
        since = max((observed_since(bundle) or {}).values(), default=None)
        code, model = (kind.value for kind in EventType)
        written = bundle.written_by
        return BundleFact(
            repository=bundle.repository.lower(),
            service=bundle.service,
            generated_at=bundle.generated_at,
            version=None if written is None else written.version,
            timezone=bundle.window.timezone,
            running_week=self._week(bundle.generated_at),
            sla_status=self._analyses.sla_status,
            code_since=self._first_week([code], None),
            models_since=self._first_week([model], since),
            both_since=self._first_week([code, model], since),
            code_known=is_complete(bundle, SourceKind.CODE),
            models_known=is_complete(bundle, SourceKind.MODELS),
            incidents_known=is_complete(bundle, SourceKind.INCIDENTS),
            failures_known=self._failures_known,
        )

    def _of_events(self) -> Iterator[EventFact]:
        happened, matched = self._happened, self._analyses.incidents
        counted = frozenset(deploys_and_ships(happened)[ID])
        alone, either = (
            frozenset(matched.loc[matched[CAUSE_TYPE].isin(kinds), CAUSE_ID])
            for kinds in ([*EventType], [*EventType, AMBIGUOUS])
        )
        fixed = frozenset(happened.loc[fixes(happened, matched), ID]) if self._failures_known else frozenset()
        columns = (happened[name] for name in (ID, TYPE, KIND, NAME, VERSION, SHA, TS))
        for name, kind_of, kind, model, version, sha, at in zip(*columns, strict=True):
            yield EventFact(
                event_id=name,
                event_type=str(kind_of),
                kind=str(kind),
                model=known_text(model),
                version=known_text(version),
                sha=known_text(sha),
                happened_at=at.to_pydatetime(),
                week=self._week(at),
                cadence=name in counted,
                failed=name in alone,
                maybe_failed=name in either,
                rework=kind == Kind.ROLLBACK or name in fixed,
            )

    def _of_leads(self) -> Iterator[LeadFact]:
        bundle = self._bundle
        starts = ChangeStarts.of(bundle.commits, bundle.models, bundle.training_runs)
        week = {name: self._week(at) for name, at in zip(self._happened[ID], self._happened[TS], strict=True)}
        for name, lead in lead_times(self._happened, starts):
            kind, model = self._type_and_model[name]
            yield LeadFact(event_id=name, event_type=kind, model=model, week=week[name], seconds=_seconds(lead))

    def _of_obligations(self) -> Iterator[ObligationFact]:
        owed, as_of = self._analyses.obligations, self._bundle.generated_at
        unsettled = frozenset(item.id for item in in_scope(owed, LATEST, as_of))
        for item in in_scope(owed, EARLIEST, as_of):
            yield ObligationFact(
                obligation_id=item.id,
                event_id=item.code_id,
                sha=item.sha,
                model=item.model,
                status=item.status.value,
                met=item.status is Status.MET,
                missed=item.is_missed,
                running=item.is_running,
                unsettled=item.id in unsettled,
                started_at=item.start,
                week=self._week(item.start),
                deadline=item.deadline,
                due_week=self._week(item.deadline),
                excused_until=item.waiver.until if item.is_excused and item.waiver is not None else None,
                shipped_at=item.shipped_at,
                late_seconds=_late_seconds(item, as_of),
            )

    def _of_incidents(self) -> Iterator[IncidentFact]:
        matched = self._analyses.incidents
        columns = (matched[name] for name in (ID, START, END, CAUSE_TYPE, CAUSE_ID))
        for name, start, end, cause_type, cause_id in zip(*columns, strict=True):
            is_over = not pd.isna(end)
            known = isinstance(cause_type, str) and cause_type != UNATTRIBUTED
            yield IncidentFact(
                incident_id=name,
                started_at=start.to_pydatetime(),
                ended_at=end.to_pydatetime() if is_over else None,
                week=self._week(start),
                seconds=_seconds(end - start) if is_over else None,
                cause_type=known_text(cause_type),
                event_id=known_text(cause_id),
                model=self._type_and_model[cause_id][1] if known and cause_type == EventType.MODEL else None,
            )

    def _of_weeks(self) -> Iterator[WeekFact]:
        for week in self._analyses.weeks_of(self._analyses.history):
            furthest = week.lagging or week.furthest
            yield WeekFact(
                week=week.week,
                code_deploys=week.code_deploys if week.code_known else None,
                model_deploys=week.model_deploys if week.ships_known else None,
                gap=week.lag if week.counted else None,
                model=None if furthest is None or not week.counted else furthest.model,
                incidents=week.incidents,
                diverges=week.diverges,
            )

    def _first_week(self, kinds: list[str], since: datetime | None) -> date | None:
        """Return the first week whose deploys of these kinds count, in all that is remembered."""
        first = first_week(self._events, kinds, self._analyses.history, since)
        return None if first is None else self._week(first)

    def _week(self, at: datetime) -> date:
        """Return the local Monday of a timestamp."""
        return monday_of(at.astimezone(self._zone).date())


def _late_seconds(item: Obligation, as_of: datetime) -> int:
    """Return how long a missed obligation was late, or is so far."""
    end = item.shipped_at or item.closed_at or as_of
    return _seconds(max(timedelta(), end - item.deadline)) if item.is_missed else 0


def _seconds(span: timedelta) -> int:
    """Return whole seconds, rounded down."""
    return span // timedelta(seconds=1)
