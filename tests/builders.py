"""Records around one fixed Monday. A builder names only what the test is about; the rest is ordinary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flowjoy.actions.context import ActionsContext, read_context
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.analysis.promise import model_stub
from flowjoy.config.settings import Settings, read_settings
from flowjoy.domain import (
    CodeRecord,
    Coverage,
    CoverageState,
    FileAtCommit,
    Incident,
    ModelRecord,
    Obligation,
    Outcome,
    Status,
    StubFile,
)
from flowjoy.domain.bundle import Bundle, RunParameters
from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.domain.timestamps import iso
from flowjoy.sources.base import HarvestQuery

T0 = datetime(2024, 6, 3, 9, tzinfo=UTC)
"""A Monday morning: the first of the seed weeks."""

SERVICE, MODEL = "shop", "recommender"


def at(hours: float = 0, **more: float) -> datetime:
    """The instant so many hours (and minutes, seconds, microseconds …) after T0."""
    return T0 + timedelta(hours=hours, **more)


def epoch_ms(instant: datetime) -> int:
    """Whole milliseconds since the epoch, as MLflow writes timestamps."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def a_deploy(hours: float = 0, sha: str | None = "", **changes: Any) -> CodeRecord:
    """A deployment `hours` after T0, of a sha of its own unless one is given; None: the source knows no sha."""
    shipped_at = at(hours)
    own = f"sha-{iso(shipped_at)}" if sha == "" else sha
    ordinary = CodeRecord(
        id=f"deployment:{own}@{iso(shipped_at)}",
        service=SERVICE,
        environment="production",
        sha=own,
        shipped_at=shipped_at,
    )
    return replace(ordinary, **changes)


def a_provisional_deploy(hours: float = 0, **changes: Any) -> CodeRecord:
    """The release that this very run belongs to."""
    return a_deploy(hours, outcome=Outcome.PROVISIONAL, **changes)


def a_stub_file(text: str | None = None, problem: str | None = None, *, commit_is_gone: bool = False) -> StubFile:
    """The stub of a commit, as it was read; without an argument the commit has none."""
    return model_stub.read(FileAtCommit(text=text, problem=problem, commit_is_gone=commit_is_gone))


def a_ship(hours: float = 0, version: str | None = "", model: str = MODEL, **changes: Any) -> ModelRecord:
    """A version shipped `hours` after T0, numbered by its hour unless one is given; None: the source knows none."""
    shipped_at = at(hours)
    own = str(1000 + int(hours)) if version == "" else version
    ordinary = ModelRecord(id=f"model:{model}/{own}@{iso(shipped_at)}", name=model, version=own, shipped_at=shipped_at)
    return replace(ordinary, **changes)


def an_incident(start_hours: float = 0, *, hours: float | None = 1, **changes: Any) -> Incident:
    """An incident that began `start_hours` after T0 and took `hours`; None: it is open."""
    start = at(start_hours)
    end = None if hours is None else start + timedelta(hours=hours)
    ordinary = Incident(id=f"incident:file:{iso(start)}", source="file", service=SERVICE, start=start, end=end)
    return replace(ordinary, **changes)


def spans(incidents: Sequence[Incident]) -> list[tuple[float, float | None]]:
    """Start and end of each, in hours after T0."""
    hour = timedelta(hours=1)
    return sorted(((i.start - T0) / hour, None if i.end is None else (i.end - T0) / hour) for i in incidents)


def an_obligation(hours: float = 0, *, status: Status = Status.MET, **changes: Any) -> Obligation:
    """What a deploy `hours` after T0 owes the model."""
    start = at(hours)
    code_id = f"deployment:{iso(start)}"
    ordinary = Obligation(
        id=f"{code_id}/{MODEL}",
        code_id=code_id,
        sha=f"sha-{iso(start)}",
        model=MODEL,
        requires="any",
        start=start,
        deadline=start + timedelta(hours=48),
        status=status,
    )
    return replace(ordinary, **changes)


def a_coverage(
    source: str = "code", state: CoverageState = CoverageState.COMPLETE, *, required: bool = True, **changes: Any
) -> Coverage:
    """A source that was read to its end, unless told otherwise."""
    return replace(Coverage(source=source, state=state, required=required), **changes)


def a_bundle(
    code: Sequence[CodeRecord] = (),
    models: Sequence[ModelRecord] = (),
    incidents: Sequence[Incident] = (),
    *,
    until: datetime | None = None,
    weeks: int = 4,
    terms: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Bundle:
    """Everything one run read, three weeks after T0, with every source complete."""
    as_of = until if until is not None else at(3 * 7 * 24)
    ordinary = Bundle(
        service=SERVICE,
        repository="acme/shop",
        generated_at=as_of,
        window=window_of(as_of, weeks=weeks, timezone="UTC"),
        terms=replace(_TERMS, **(terms or {})),
        coverage=(a_coverage("code"), a_coverage("models")),
        code=tuple(code),
        models=tuple(models),
        incidents=tuple(incidents),
    )
    return replace(ordinary, **changes)


_TERMS = RunParameters(
    models=(MODEL,),
    model_stub="flowjoy.json",
    model_signal="registered",
    sla_hours=48.0,
    sla_since=None,
    sla_target=95.0,
    enforce=True,
    incident_match_hours=24.0,
    divergence_percent=50.0,
)


def an_environment(workspace: Path, **inputs: str) -> dict[str, str]:
    """What the runner hands over: `sla_hours="24"` becomes `INPUT_SLA-HOURS`; the smallest complete step else."""
    given = {"github_token": "ghs_of_this_job", **inputs}
    return {
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_WORKSPACE": str(workspace),
        **{f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()},
    }


def some_settings(workspace: Path, argv: Sequence[str] = (), /, **inputs: str) -> Settings:
    """The settings of a step with these inputs."""
    return read_settings(an_environment(workspace, **inputs), argv, a_runner(workspace))


def a_runner(workspace: Path, **variables: str) -> ActionsContext:
    """The runner of a job in acme/shop."""
    return read_context({**an_environment(workspace), **variables})


def a_query(workspace: Path, models: tuple[str, ...] = (MODEL,), /, **inputs: str) -> HarvestQuery:
    """The question of a run three weeks after T0."""
    now = at(3 * 7 * 24)
    return HarvestQuery(
        settings=some_settings(workspace, **inputs),
        as_of=now,
        now=now,
        since=window_of(now, weeks=12, timezone="UTC").since,
        models=models,
        repository="acme/shop",
    )


def a_drift_check(hours: float = 0, *, over: bool = False, sample: str = "", **changes: Any) -> DriftCheck:
    """A check of one feature `hours` after T0, of rows of its own unless a sample is named."""
    status = DriftStatus.OVER if over else DriftStatus.OK
    feature = FeatureDrift(
        name="age",
        status=status,
        kl_nats=0.25 if over else 0.01,
        psi=0.5 if over else 0.02,
        reference_n=2000,
        live_n=200,
        reference_shares=(0.5, 0.5),
        live_shares=(0.85, 0.15) if over else (0.45, 0.55),
    )
    ordinary = DriftCheck(
        model=MODEL,
        at=at(hours),
        status=status,
        threshold=0.1,
        min_samples=200,
        features=(feature,),
        sample=sample or f"rows of {hours}",
        reference="train.csv",
    )
    return replace(ordinary, **changes)
