"""The inputs that decide what records mean, as a bundle keeps them; and those of the base branch's workflow files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flowjoy.analysis.promise import workflow_edits
from flowjoy.analysis.promise.workflow_file import TermsStep
from flowjoy.config.inputs import declared
from flowjoy.config.settings import Settings
from flowjoy.domain import Proposal
from flowjoy.domain.bundle import RunParameters

_OF_SOURCES = frozenset(
    {
        "code-source",
        "environment",
        "workflow",
        "branch",
        "deploy-job",
        "release-tags",
        "model-source",
        "mlflow-tracking-uri",
    }
)
_OF_THE_GATE = frozenset(
    {
        "enforce",
        "flag-label",
        "flag-paths",
        "model-signal",
        "model-stub",
        "model-validated-tag",
        "models",
        "sla-hours",
        "sla-since",
    }
)
_EXPRESSION = "${{"
_REGISTRY = "mlflow-tracking-uri"
_CHECK_NAME = "check-name"
_COMPARED = _OF_SOURCES | _OF_THE_GATE


@dataclass(frozen=True, kw_only=True)
class BaseParameters:
    """The parameters of each step that runs FlowJoy on the base branch; `expressions`: inputs without a value there.

    `check_names`: those that the steps of this service give their checks. `locations`: file and job of each step.
    """

    steps: tuple[RunParameters, ...] = ()
    locations: tuple[str, ...] = ()
    check_names: frozenset[str] = frozenset()
    expressions: frozenset[str] = frozenset()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about what could not be compared."""
        if not self.expressions:
            return ()
        named = ", ".join(sorted(self.expressions))
        return (f"not compared, because the base branch's workflow file does not say its value: {named}. Review it",)


def terms_of(settings: Settings, default_branch: str | None) -> RunParameters:
    """Return the inputs that decide what records mean."""
    zone, since = ZoneInfo(settings.timezone), settings.sla_since
    return RunParameters(
        models=settings.models,
        model_stub=settings.model_stub,
        model_signal=settings.model_signal,
        sla_hours=settings.sla_hours,
        sla_since=None if since is None else datetime.combine(since, time.min, tzinfo=zone).astimezone(UTC),
        sla_target=settings.sla_target,
        enforce=settings.enforce,
        incident_match_hours=settings.incident_match_hours,
        divergence_percent=settings.divergence_percent,
        mttr_spike_factor=settings.mttr_spike_factor,
        flag_label=settings.flag_label,
        flag_paths=settings.flag_paths,
        model_validated_tag=settings.model_validated_tag,
        check_name=settings.check_name,
        code_source=_code_source(settings, default_branch),
        model_source=_model_source(settings),
    )


def of_base_workflows(
    proposal: Proposal | None, settings: Settings, repository: str, default_branch: str | None, *, ledger: bool
) -> BaseParameters:
    """Return the parameters that the base versions of the workflow files give: of this service, if any.

    A step that ships a model judges no proposal. `ledger`: the terms of a trusted run are known.
    """
    at_base = [item for item in workflow_edits.steps_at(proposal, base=True) if not item[1].inputs.get("ship")]
    at_head = [step.inputs for _, step in workflow_edits.steps_at(proposal, base=False)]
    # A call gives what it passes on; the called file decides about the rest, unless it is not among the base's files.
    defaults = _COMPARED.intersection(name for inputs in at_head for name in inputs)
    if not ledger and not any(step.is_direct for _, step in at_base):
        defaults = _COMPARED | {_CHECK_NAME}
    every = [(f"{path} (job {step.job})", _given(step, defaults)) for path, step in at_base]
    default = repository.rpartition("/")[2]
    own = [item for item in every if item[1].get("service", default) == settings.service]
    names = {inputs[_CHECK_NAME] for _, inputs in own if _CHECK_NAME in inputs}
    if own and settings.check_name not in names:
        # The name is that of another service's check, whose terms then apply as well.
        others = [item for item in every if item[1].get(_CHECK_NAME) == settings.check_name]
        own += others
        names |= {settings.check_name} if others else set()
    # Without the input the registry's address is a variable's, which no file shows; one that is added overrides it.
    unseen = {} if any(_REGISTRY in inputs for inputs in at_head) else {_REGISTRY: _EXPRESSION}
    steps = [{**inputs, **unseen} if not inputs.get(_REGISTRY) else inputs for _, inputs in own or every]
    return BaseParameters(
        check_names=frozenset(name for name in names if _EXPRESSION not in name),
        locations=tuple(dict.fromkeys(location for location, _ in own or every)),
        steps=tuple(terms_of(_with_inputs(settings, inputs), default_branch) for inputs in steps),
        expressions=frozenset(
            name for inputs in steps for name, text in inputs.items() if name in _COMPARED and _EXPRESSION in text
        ),
    )


def _given(step: TermsStep, defaults: frozenset[str]) -> dict[str, str]:
    """Return the inputs of a step, with the default of each that it lacks; for a call, only those of `defaults`."""
    wanted = _COMPARED | {_CHECK_NAME} if step.is_direct else defaults
    return {item.name: item.default for item in declared(Path()) if item.name in wanted} | dict(step.inputs)


def _with_inputs(settings: Settings, inputs: Mapping[str, str]) -> Settings:
    """Return the settings with the literal inputs of a workflow step. One that cannot be read stays as it is."""
    values: dict[str, Any] = {}
    for item in declared(Path()):
        text = inputs.get(item.name, _EXPRESSION).strip()
        if item.name not in _COMPARED or _EXPRESSION in text:
            continue
        try:
            values[item.field] = item.parse(text) if text else item.empty
        except ValueError:
            continue
    return replace(settings, **values)


def _code_source(settings: Settings, default_branch: str | None) -> str:
    """Return a name of the code that is read, to recognise a ledger of the same; empty for a file, read completely."""
    if not settings.reads_github:
        return ""
    runs = f"{settings.workflow} on {settings.branch or default_branch}" if settings.workflow else ""
    # An input that is set makes another name; one that is not set must keep the name that older ledgers have.
    more = [text for text in ("\n".join(settings.deploy_job), "\n".join(settings.release_tags)) if text]
    if settings.deploy_job and settings.branch:
        more.append("no other branch")
    return _mark(settings.code_source, settings.environments, runs, *more)


def _model_source(settings: Settings) -> str:
    """Return the same for the registry."""
    if settings.model_source != "mlflow" or settings.mlflow_tracking_uri is None:
        return ""
    registry = settings.registry
    inside = () if registry.workspace is None else (registry.workspace,)
    return _mark("mlflow", settings.mlflow_tracking_uri, registry.databricks_host or "", *inside)


def _mark(kind: str, *parts: str) -> str:
    """Return a mark that shows no address, and no text that redaction could change."""
    return sha256(chr(0).join((kind, *parts)).encode()).hexdigest()[:16]
