"""The stubs that a run must be able to read at the known releases, and the models that its registry must have."""

from __future__ import annotations

from collections.abc import Mapping

from flowjoy.analysis.bundle_analyses import BundleAnalyses
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.analysis.promise import compliance
from flowjoy.analysis.promise.dependencies import HEAD, required_by, required_models
from flowjoy.cli.doctor_deployments import Deployments
from flowjoy.domain import AbsentStub, Outcome, Status, StubFile
from flowjoy.domain.bundle import Bundle, RunParameters
from flowjoy.domain.promise import UNREADABLE
from flowjoy.sources.base import HarvestQuery


def commits(code: Deployments | None, query: HarvestQuery) -> set[str]:
    """Return the commits whose stub decides, and those of the newest entries. Those of a file may be of elsewhere."""
    if code is None or not query.settings.reads_github:
        return set()
    listed = {entry.sha for entry in code.entries if entry.is_ours}
    deployed = {record.sha for record in code.records if record.outcome is not Outcome.FAILED}
    return {sha for sha in listed | deployed if sha is not None}


def unjudged(
    code: Deployments | None, stubs: Mapping[str, StubFile], query: HarvestQuery, terms: RunParameters
) -> dict[str, str]:
    """Return why the stub at a commit ends a run with exit code 2, by commit, the newest release first."""
    settings = query.settings
    bundle = Bundle(
        service=settings.service,
        repository=query.repository,
        generated_at=query.as_of,
        window=window_of(query.as_of, weeks=settings.weeks, timezone=settings.timezone),
        terms=terms,
        code=code.records if code is not None else (),
        stubs=stubs,
    )
    newest_first = reversed(BundleAnalyses(bundle).scope)
    unknown = (item for item in newest_first if item.model == UNREADABLE and item.status is Status.UNKNOWN)
    return {item.sha or "": item.reason or "" for item in unknown}


def models(code: Deployments | None, stubs: Mapping[str, StubFile], query: HarvestQuery) -> list[str]:
    """Return the models that the registry must know: of `models`, of the releases that are judged, and of the head."""
    settings = query.settings
    since = compliance.judged_since(query.as_of, settings.sla_hours)
    must, _ = required_models(settings.models, code.records if code is not None else (), stubs, None, since=since)
    return sorted({*must, *required_by(stubs.get(HEAD, AbsentStub()))})
