"""The results of doctor's checks as text, and the problems that only doctor looks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.analysis.promise.model_stub import DEFAULT_NAME, Stub, parse
from flowjoy.config.settings import Settings
from flowjoy.domain import CodeRecord, ModelRecord, Outcome, Rule, StubFile
from flowjoy.errors import HarvestError, StubError
from flowjoy.report.escaping import clean
from flowjoy.report.text import plural
from flowjoy.sources import github_model_stubs
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult

_FORMER_NAME = "models.json"


def timeline_text(parsed: SourceResult[CodeRecord], query: HarvestQuery) -> str:
    """Return how many deploys the source of code has, and its notes."""
    if not parsed.records:
        named = f": a job with environment: {query.settings.environments} makes the first"
        return "there are none yet" + (named if query.settings.code_source == "deployments" else "")
    live = sum(record.outcome is Outcome.SUCCESS for record in parsed.records)
    text = f"{plural(live, 'deploy')} went live, {len(parsed.records) - live} never did or not yet"
    return "; ".join((text, *parsed.notes))


def _read_stub(file: StubFile, path: str) -> Stub | None:
    """Return the stub, None if the file does not exist. Raise HarvestError if it is not a stub."""
    if file.problem is not None:
        raise HarvestError(file.problem, hint=f"put a readable {path} on the default branch, or none")
    try:
        return None if file.text is None else parse(file.text, path)
    except StubError as problem:
        raise HarvestError(str(problem), hint="fix it on the default branch") from None


def stub_text(file: StubFile, path: str) -> str:
    """Return which models the stub names. Raise HarvestError if it is not a stub."""
    stub = _read_stub(file, path)
    if stub is None:
        return "there is none on the default branch"
    named = ", ".join(f"{clean(item.model)} ({item})" for item in stub.requirements)
    return f"valid, names {named or 'no model'}"


def former_stub_text(access: Clients) -> str:
    """Return the cure for a stub under its former default name; empty for a foreign file of that name."""
    former = github_model_stubs.read(access.to_github, _FORMER_NAME, {HEAD})[HEAD]
    try:
        is_stub = _read_stub(former, _FORMER_NAME) is not None
    except HarvestError:
        return ""
    cure = f"rename it to {DEFAULT_NAME}, or set `model-stub` to {_FORMER_NAME}"
    return f"; {_FORMER_NAME} there is a valid stub: {cure}" if is_stub else ""


def models_in(file: StubFile, path: str) -> Iterable[str]:
    """Return the models that the stub requires; nothing if it cannot be read, which its own check reports."""
    try:
        stub = _read_stub(file, path)
    except HarvestError:
        return ()
    return () if stub is None else [item.model for item in stub.requirements if item.rule is not Rule.NONE]


def model_text(name: str, parsed: SourceResult[ModelRecord], query: HarvestQuery) -> str:
    """Return how many versions a model has, how many shipped, and which one an alias or stage names now."""
    signal = query.settings.model_signal
    shipped = {record.version or record.id for record in parsed.records if record.name == name}
    if query.settings.model_source == "file":
        return f"{clean(name)} shipped {plural(len(shipped), 'version')}"
    versions = [version for version in parsed.versions if version.name == name]
    text = f"{plural(len(versions), 'version')}, {sum(version.ready for version in versions)} READY"
    named = [f"{signal} names {item.version or 'none'} now" for item in parsed.observations if item.model == name]
    return ", ".join((text, f"{len(shipped)} shipped by {signal}", *named))


def refuse_missing_database(settings: Settings) -> None:
    """Raise HarvestError for a missing database, which MLflow would create and report as empty."""
    path = (settings.mlflow_tracking_uri or "").partition("sqlite:///")[2]
    if settings.model_source == "mlflow" and path and not Path(path).exists():
        raise HarvestError(f"the database {path} does not exist", hint="check mlflow-tracking-uri")


def silent_services(raw: Iterable[Any], settings: Settings) -> list[str]:
    """Return the services without any incident: they are quiet, or their ids are wrong."""
    heard = {incident.service.id for incident in raw if incident.service is not None}
    return [service for service in settings.pagerduty_services if service not in heard]
