"""The results of doctor's checks as text, and the problems that only doctor looks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.analysis.promise.model_stub import DEFAULT_NAME
from flowjoy.clients import github_pulls
from flowjoy.config.settings import Settings
from flowjoy.domain import AbsentStub, CodeRecord, Incident, ModelRecord, Outcome, ParsedStub, StubFile, UnreadableStub
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError
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


def hotfix_text(label: str, access: Clients) -> tuple[None, str]:
    """Return whether the label exists by which observed failures know a hotfix. Raise HarvestError."""
    if github_pulls.has_label(access.to_github, label):
        return None, f"the label {label!r} exists"
    return None, f"the repository has no label {label!r}, so no hotfix is seen"


def stub_text(stub: StubFile, path: str, access: Clients) -> str:
    """Return which models the stub names. Raise HarvestError if it cannot be read."""
    if isinstance(stub, UnreadableStub):
        missing = f"put a readable {path} on the default branch, or none"
        hint = missing if stub.line is None else "fix it on the default branch"
        raise HarvestError(stub.problem_at(path), hint=hint)
    if isinstance(stub, AbsentStub):
        return "there is none on the default branch" + (_former_stub_text(access) if path == DEFAULT_NAME else "")
    named = ", ".join(f"{clean(item.model)} ({item})" for item in stub.requirements)
    return f"valid, names {named or 'no model'}"


def _former_stub_text(access: Clients) -> str:
    """Return the cure for a stub under its former default name; empty for a foreign file of that name."""
    former = github_model_stubs.read(access.to_github, _FORMER_NAME, {HEAD})[HEAD]
    cure = f"rename it to {DEFAULT_NAME}, or set `model-stub` to {_FORMER_NAME}"
    return f"; {_FORMER_NAME} there is a valid stub: {cure}" if isinstance(former, ParsedStub) else ""


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


def cure_of_release(stub: StubFile) -> str:
    """Return the cure for an unreadable stub at a release; empty if the problem names it."""
    return "" if stub.file.commit_is_gone else "deploy a commit whose stub is valid, or set sla-since to a later day"


def incidents_text(asked: Iterable[Any] | None, parsed: SourceResult[Incident], query: HarvestQuery) -> str:
    """Return how many incidents a source has, and its notes. `asked`: the answers for services that are named."""
    text = f"{plural(len(parsed.records), 'incident')} since {iso(query.since)}"
    silent = _silent_services(asked, query.settings) if asked is not None else ()
    none_of = f"none of {', '.join(silent)} (is the id right?)" if silent else ""
    return "; ".join(filter(None, (text, none_of, *parsed.notes)))


def _silent_services(raw: Iterable[Any], settings: Settings) -> list[str]:
    """Return the services without any incident: they are quiet, or their ids are wrong."""
    heard = {incident.service.id for incident in raw if incident.service is not None}
    return [service for service in settings.pagerduty_services if service not in heard]
