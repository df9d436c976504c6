"""Reads every source side by side, within the budget, and says of each how completely. Knows no analysis."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from flowjoy.errors import HarvestError
from flowjoy.model import CodeRecord, Coverage, CoverageState, Incident, ModelRecord, Outcome
from flowjoy.sources import CODE_SOURCES, INCIDENT_SOURCES, MODEL_SOURCES
from flowjoy.sources.base import Access, Query, Record, Source

_GRACE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """Everything that was read, and how completely."""

    code: tuple[CodeRecord, ...]
    models: tuple[ModelRecord, ...]
    incidents: tuple[Incident, ...]
    coverage: tuple[Coverage, ...]


def harvest(query: Query, access: Access) -> Harvest:
    """Read code, models and incidents at the same time. Never raises: what failed is named in `coverage`."""
    settings = query.settings
    code = _Reading(CODE_SOURCES[settings.code_source], "code", query, access, required=True)
    asked = bool(query.models) or settings.model_source == "file"
    models = _Reading(MODEL_SOURCES[settings.model_source], "models", query, access, required=bool(query.models))
    incidents = [
        _Reading(source, "incidents", query, access, required=False)
        for name, source in INCIDENT_SOURCES.items()
        if getattr(settings, name) is not None
    ]
    readings: list[_AnyReading] = [code, *incidents]
    _read_all([*readings, models] if asked else readings, access)
    # One look each: what a source that was given up still delivers must not count.
    (code_records, code_coverage), (model_records, model_coverage) = code.outcome, models.outcome
    incident_outcomes = [reading.outcome for reading in incidents]
    coverage = [code_coverage, model_coverage, *(said for _, said in incident_outcomes)]
    if not incidents:
        coverage.append(Coverage(source="incidents", state=CoverageState.NOT_CONFIGURED, required=False))
    return Harvest(
        code=code_records,
        models=model_records,
        incidents=tuple(record for records, _ in incident_outcomes for record in records),
        coverage=tuple(sorted(coverage, key=lambda item: item.source)),
    )


class _Reading(Generic[Record]):
    """One source being read, in a thread of its own. `outcome` changes in one assignment, so a look never tears it."""

    def __init__(self, source: Source[Record], role: str, query: Query, access: Access, *, required: bool) -> None:
        self._source, self._query, self._access, self._required = source, query, access, required
        self._name = f"{role} ({source.label})"
        self.outcome: tuple[tuple[Record, ...], Coverage] = ((), self._said(CoverageState.NOT_CONFIGURED))

    def expect(self) -> None:
        """From now on, no answer means that the source was not read in time."""
        self.outcome = ((), self._said(CoverageState.FAILED, reason="not read in time", hint="raise timeout-seconds"))

    def read(self) -> None:
        """Fetch and parse; every failure ends as coverage."""
        try:
            parsed = self._source.parse(self._source.fetch(self._query, self._access), self._query)
        except HarvestError as problem:
            coverage = self._said(CoverageState.FAILED, reason=str(problem), hint=problem.hint)
            self.outcome = ((), coverage)
        except Exception as problem:  # noqa: BLE001  (a bug in one source must not take the others, or read as empty)
            reason = f"{type(problem).__name__} while reading"
            coverage = self._said(CoverageState.FAILED, reason=reason, hint="please report this")
            self.outcome = ((), coverage)
        else:
            notes = (*parsed.notes, *_failed_deploys(parsed.records))
            coverage = self._said(CoverageState.COMPLETE, records=len(parsed.records), notes=notes)
            self.outcome = (parsed.records, coverage)
        self._access.progress(f"{self._name}: {coverage.reason or f'{coverage.records} records, complete'}")

    def _said(
        self,
        state: CoverageState,
        *,
        records: int = 0,
        reason: str | None = None,
        hint: str = "",
        notes: tuple[str, ...] = (),
    ) -> Coverage:
        return Coverage(
            source=self._name,
            state=state,
            required=self._required,
            records=records,
            reason=reason,
            hint=hint or None,
            notes=notes,
        )


def _read_all(readings: Sequence[_AnyReading], access: Access) -> None:
    threads = [threading.Thread(target=reading.read, daemon=True) for reading in readings]
    for reading, thread in zip(readings, threads, strict=True):
        reading.expect()
        thread.start()
    for thread in threads:
        thread.join(access.transport.budget.left() + _GRACE_SECONDS)


def _failed_deploys(records: Sequence[CodeRecord | ModelRecord | Incident]) -> tuple[str, ...]:
    failed = [record for record in records if isinstance(record, CodeRecord) and record.outcome is Outcome.FAILED]
    return (f"{len(failed)} deployments never succeeded and are no events",) if failed else ()


_AnyReading = _Reading[CodeRecord] | _Reading[ModelRecord] | _Reading[Incident]
