"""The inputs, as one frozen value. The only reader of the environment; knows no service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flowjoy.actions.own_source import own_text
from flowjoy.actions.redaction import Redactor
from flowjoy.config import given_inputs as given
from flowjoy.config import parsers, registry_address, secret_variables
from flowjoy.config.inputs import Input, declared
from flowjoy.config.registry_address import RegistryVariables, travels_in_the_clear
from flowjoy.domain.name_patterns import any_match
from flowjoy.domain.secret import Secret
from flowjoy.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every input, read and checked. An input that was not given and has no default is None."""

    github_token: Secret | None
    service: str
    code_source: str
    environment: tuple[str, ...]
    workflow: str | None
    branch: str | None
    deploy_job: tuple[str, ...]
    release_tags: tuple[str, ...]
    code_file: Path | None
    models: tuple[str, ...]
    model_source: str
    mlflow_tracking_uri: str | None
    mlflow_allow_http: bool
    model_signal: str
    model_file: Path | None
    model_stub: str
    ship: tuple[str, str] | None
    pagerduty_token: Secret | None
    pagerduty_services: tuple[str, ...]
    pagerduty_api_url: str
    pagerduty_urgency: str
    incident_label: str | None
    incident_file: Path | None
    incident_match_hours: float
    sla_hours: float
    sla_since: date | None
    sla_target: float
    enforce: bool
    flag_label: str
    flag_paths: tuple[str, ...]
    model_validated_tag: str | None
    weeks: int
    timeout_seconds: int
    timezone: str
    as_of: datetime | None
    divergence_percent: float
    mttr_spike_factor: float
    drift_reference: Path | None
    drift_live: Path | None
    drift_model: str | None
    drift_threshold: float
    drift_min_samples: int
    slack_token: Secret | None
    slack_channel: str | None
    slack_webhook_url: Secret | None
    pagerduty_routing_key: Secret | None
    pagerduty_kinds: tuple[str, ...]
    pagerduty_events_url: str
    slack_api_url: str
    incident_titles: str
    check_name: str
    comment: str
    artifact_name: str
    retention_days: int
    output_dir: Path

    @property
    def reads_github(self) -> bool:
        """Whether code deployments come from GitHub."""
        return self.code_source != "file"

    @property
    def shares_file(self) -> bool:
        """Whether one file names both the deploys and the ships."""
        return self.code_source == self.model_source == "file" and self.code_file == self.model_file

    @property
    def environments(self) -> str:
        """The production environments as one text, for people and for telling ledgers apart."""
        return ",".join(self.environment)

    @property
    def tells_alerts(self) -> bool:
        """Whether anybody is told of alerts."""
        return any((self.slack_token, self.slack_webhook_url, self.pagerduty_routing_key))

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every credential among the inputs."""
        return tuple(value for value in vars(self).values() if isinstance(value, Secret))

    @property
    def public(self) -> tuple[str, ...]:
        """What the workflow says for everybody to read; addresses may hold a credential, and are left out."""
        lists = [value for value in vars(self).values() if isinstance(value, tuple)]
        texts = [*vars(self).values(), *(item for values in lists for item in values)]
        return tuple(str(text) for text in texts if isinstance(text, str | Path) and "://" not in str(text))


_LISTS = (parsers.names, parsers.globs, parsers.identifiers, parsers.patterns, parsers.pattern_lines)


@dataclass(frozen=True, kw_only=True)
class ActionsContext:
    """What the Actions runner sets beside the inputs. `on_actions` is False on a laptop."""

    on_actions: bool
    workspace: Path
    repository: str
    api_url: str
    graphql_url: str
    server_url: str
    sha: str | None
    ref: str | None
    event_name: str
    event: Mapping[str, Any]
    run_id: str | None
    workflow: str | None
    job: str | None
    output: Path | None
    summary: Path | None
    debug: bool
    mlflow_credentials: tuple[Secret, ...]
    secrets: tuple[Secret, ...]
    user_names: tuple[Secret, ...]
    databricks_host: str | None
    registry: RegistryVariables
    results_url: str | None
    runtime_token: Secret | None
    most_retention_days: int | None


def on_actions(environ: Mapping[str, str]) -> bool:
    """Whether a runner started this process: it says so, or at least names an event."""
    return environ.get("GITHUB_ACTIONS", "true" if environ.get("GITHUB_EVENT_NAME") else "") == "true"


def read_context(environ: Mapping[str, str]) -> ActionsContext:
    """The runner's own variables. Raises InputError for an address that cannot be one."""
    problems: list[str] = []

    def address(name: str, default: str) -> str:
        try:
            return parsers.base_url(environ.get(name) or default)
        except ValueError as right:
            problems.append(f"{name}: expected {right}")
            return default

    api_url = address("GITHUB_API_URL", "https://api.github.com")
    graphql = re.sub(r"/v3$", "", api_url) + "/graphql"
    repository = environ.get("GITHUB_REPOSITORY", "")
    if repository and not re.fullmatch(r"[\w.-]{1,100}/[\w.-]{1,100}", repository, re.ASCII):
        problems.append("GITHUB_REPOSITORY: expected owner/name")
    runner = ActionsContext(
        on_actions=on_actions(environ),
        workspace=Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()),
        repository=repository,
        api_url=api_url,
        graphql_url=address("GITHUB_GRAPHQL_URL", graphql),
        server_url=address("GITHUB_SERVER_URL", "https://github.com"),
        sha=environ.get("GITHUB_SHA") or None,
        ref=environ.get("GITHUB_REF") or None,
        event_name=environ.get("GITHUB_EVENT_NAME", ""),
        event=read_event(environ.get("GITHUB_EVENT_PATH")),
        run_id=environ.get("GITHUB_RUN_ID") or None,
        # acme/shop/.github/workflows/release.yml@refs/heads/main
        workflow=environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].rpartition("/")[2] or None,
        job=environ.get("GITHUB_JOB") or None,
        output=_path(environ.get("GITHUB_OUTPUT")),
        summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
        debug=environ.get("RUNNER_DEBUG") == "1",
        mlflow_credentials=secret_variables.of_the_registry(environ),
        secrets=secret_variables.secrets_in(environ),
        user_names=secret_variables.user_names_in(environ),
        databricks_host=environ.get("DATABRICKS_HOST") or None,
        registry=registry_address.variables_in(environ),
        # Not on GitHub Enterprise Server, nor on a laptop.
        results_url=environ.get("ACTIONS_RESULTS_URL") or None,
        runtime_token=Secret(environ["ACTIONS_RUNTIME_TOKEN"]) if environ.get("ACTIONS_RUNTIME_TOKEN") else None,
        most_retention_days=_days(environ.get("GITHUB_RETENTION_DAYS", "")),
    )
    if problems:
        raise InputError(*problems)
    return runner


def read_settings(environ: Mapping[str, str], argv: Sequence[str], runner: ActionsContext) -> Settings:
    """The inputs: flags first, then `INPUT_…`, then defaults. Raises InputError with every mistake at once."""
    known = declared(runner.workspace)
    flags, problems = given.flags(argv, known)
    problems += given.unknown_variables(environ, known)
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for item in known:
        flag, variable = (str(value or "").strip() for value in (flags.get(item.field), environ.get(item.variable)))
        text = flag or variable or _fallback(item, environ, runner, values)
        try:
            values[item.field] = item.parse(text) if text else () if item.parse in _LISTS else None
        except ValueError as right:
            problems.append(f"{item.name}{_shown(item, text)}: expected {right}")
            values[item.field] = None
            wrong.add(item.name)
    settings = Settings(**values)
    # What is wrong by itself is said once: beside other inputs it only looks as if it were not given.
    problems += [problem for problem in _together(settings, runner) if re.split("[ :]", problem)[0] not in wrong]
    if problems:
        raise InputError(*problems)
    return settings


def redactor(runner: ActionsContext, settings: Settings | None = None, given: Iterable[str] = ()) -> Redactor:
    """Return what hides every credential of the variables, of the inputs and of those `given`."""
    secrets = runner.secrets if settings is None else (*runner.secrets, *settings.secrets)
    return Redactor(
        (*(secret.reveal() for secret in secrets), *given),
        names=[name.reveal() for name in runner.user_names],
        public=[own_text(), runner.repository, *(() if settings is None else settings.public)],
    )


def credentials(environ: Mapping[str, str]) -> list[str]:
    """Return the text of every credential among the inputs, to be hidden before anything is read."""
    secrets = (parsers.secret, parsers.secret_url)
    names = [item.variable for item in declared(Path()) if item.parse in secrets]
    return [environ[name].strip() for name in (*names, "GITHUB_TOKEN") if environ.get(name)]


def _shown(item: Input, given: str) -> str:
    """Return a wrong value as it may be shown: no credential, and of an address neither login nor query."""
    if item.parse in (parsers.secret, parsers.secret_url, parsers.slack_webhook):
        return ""
    if item.parse is parsers.tracking_uri:
        given = given.partition("?")[0]
    return f" {re.sub(r'^.*@', '***@', given, flags=re.DOTALL)[:80]!r}"


def artifact_name(service: str) -> str:
    """The name where none is given: `flowjoy-<service>`, without what GitHub forbids in one."""
    return re.sub(r"[^\w.-]+", "-", f"flowjoy-{service}")[:200]


def _fallback(item: Input, environ: Mapping[str, str], runner: ActionsContext, values: Mapping[str, Any]) -> str:
    """What serves where an input was not given."""
    if item.name == "service":
        return runner.repository.rpartition("/")[2]
    if item.name == "artifact-name":
        return artifact_name(values.get("service") or "")
    if item.name == "drift-model" and len(values.get("models") or ()) == 1:
        return str(values["models"][0])
    if item.name == "mlflow-tracking-uri":
        return environ.get("MLFLOW_TRACKING_URI", "")
    if item.name == "github-token":
        return environ.get("GITHUB_TOKEN", "")
    return item.default


def _together(settings: Settings, runner: ActionsContext) -> list[str]:
    """What two inputs say together."""
    problems = []
    if not settings.service:
        problems.append("service: expected a name (GITHUB_REPOSITORY, which would give one, is not set)")
    if settings.reads_github and not runner.repository:
        problems.append(f"code-source {settings.code_source!r}: expected GITHUB_REPOSITORY to name owner/name")
    if settings.reads_github and settings.github_token is None:
        problems.append("github-token: expected a token that reads the repository; ${{ github.token }} serves")
    problems += _code(settings) + _own_workflow(settings, runner)
    problems += _files(settings)
    if settings.incident_label is not None and (settings.github_token is None or not runner.repository):
        problems.append("incident-label: expected github-token and GITHUB_REPOSITORY beside it")
    problems += _alerts(settings)
    problems += _output_dir(settings)
    if settings.ship is not None and settings.as_of is not None:
        problems.append("ship: expected no as-of beside it, because a dry look writes nothing")
    if settings.ship is not None and settings.model_source != "mlflow":
        problems.append("ship: expected model-source mlflow, because only a registry can be stamped")
    return problems + _registry(settings, runner)


def _files(settings: Settings) -> list[str]:
    """What files need beside other inputs."""
    problems = []
    for name, source, path in (
        ("code-file", settings.code_source, settings.code_file),
        ("model-file", settings.model_source, settings.model_file),
    ):
        if source == "file" and path is None:
            problems.append(f"{name}: expected the path of a file, because {name[:-5]}-source is file")
        if path is not None and path == settings.incident_file:
            problems.append(f"incident-file: expected another file than that of {name}")
    if settings.model_source == "file" and settings.model_signal not in (None, "registered"):
        problems.append(
            f"model-signal: expected model-source mlflow beside {settings.model_signal!r}, because a file has no "
            "aliases, stages or tags: its `ts` says when a version shipped"
        )
    return problems


def _code(settings: Settings) -> list[str]:
    """What the sources of code need beside each other."""
    problems = []
    if settings.code_source == "workflow-runs" and settings.workflow is None:
        problems.append("workflow: expected the file name of the release workflow, such as release.yml")
    for name, value, source in (
        ("deploy-job", settings.deploy_job, "workflow-runs"),
        ("release-tags", settings.release_tags, "releases"),
    ):
        if value and settings.code_source != source:
            problems.append(f"{name}: expected code-source {source}, the only one that it narrows")
    return problems


def _own_workflow(settings: Settings, runner: ActionsContext) -> list[str]:
    """Return the problem where this run decides whether its own workflow run counts as a release.

    A red FlowJoy would make the run a failure: the release would be none, and its breach would vanish. A run that only
    judges a proposal, or looks at the past, belongs to no release.
    """
    proposes = runner.event_name.startswith("pull_request") or runner.event_name == "merge_group"
    is_own = settings.code_source == "workflow-runs" and settings.workflow is not None
    if not is_own or settings.workflow != runner.workflow or proposes or settings.as_of is not None:
        return []
    problem = ""
    if not settings.deploy_job:
        problem = f"expected the job that deploys, because {settings.workflow} runs FlowJoy too"
    elif runner.job is not None and any_match(runner.job, settings.deploy_job):
        problem = f"expected a job other than {runner.job!r}, because that one runs FlowJoy"
    cure = "a red FlowJoy would hide the release. Keep FlowJoy in a job of its own"
    return [f"deploy-job: {problem}: {cure}"] if problem else []


def _alerts(settings: Settings) -> list[str]:
    """What the drift check and the destinations of alerts need beside each other."""
    problems = []
    if settings.drift_reference is not None and settings.drift_live is None:
        problems.append("drift-live: expected the sample of live data, because drift-reference is set")
    if settings.drift_live is not None and settings.drift_model is None:
        problems.append("drift-model: expected the model that the samples belong to, because `models` is not just one")
    from_registry = settings.model_source == "mlflow" and settings.mlflow_tracking_uri is not None
    if settings.drift_live is not None and settings.drift_reference is None and not from_registry:
        problems.append("drift-reference: expected a sample of the training data, because no registry is read")
    if settings.slack_token is not None and settings.slack_channel is None:
        problems.append("slack-channel: expected the channel for the bot's messages, because slack-token is set")
    if settings.slack_channel is not None and settings.slack_token is None:
        problems.append("slack-token: expected a bot token, because slack-channel is set")
    if settings.slack_token is not None and settings.slack_webhook_url is not None:
        problems.append("slack-webhook-url: expected either this or slack-token, or every alert would come twice")
    return problems


def _output_dir(settings: Settings) -> list[str]:
    """The report must overwrite nobody's file."""
    problems = []
    if settings.output_dir is None:  # a mistake of its own, said already
        return []
    for name in ("code-file", "model-file", "incident-file", "drift-reference", "drift-live"):
        path = getattr(settings, name.replace("-", "_"))
        if path is not None and path.parent == settings.output_dir:
            problems.append(f"output-dir: expected another folder than that of {name}, which must not be overwritten")
    if {".git", ".github"} & set(settings.output_dir.parts):
        problems.append("output-dir: expected a folder that is not git's or GitHub's own")
    return problems


def _registry(settings: Settings, runner: ActionsContext) -> list[str]:
    """What the registry's address needs beside it."""
    uri = settings.mlflow_tracking_uri if settings.model_source == "mlflow" else None
    problems = registry_address.certificate_problems(runner.registry, runner.workspace)
    problems += registry_address.signal_problems(uri, settings.model_signal or "", ships=settings.ship is not None)
    if uri and travels_in_the_clear(uri) and runner.mlflow_credentials and not settings.mlflow_allow_http:
        problems.append(
            "mlflow-tracking-uri: expected https, because credentials are set and http would send them readable "
            "(an internal address: set mlflow-allow-http to true)"
        )
    return problems


def _days(value: str) -> int | None:
    """A whole number of days; None where there is none, or 0, which is how some runners say so."""
    return int(value) or None if value.isdecimal() else None


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def read_event(path: str | None) -> Mapping[str, Any]:
    """The event's payload; empty where it cannot be read, and then nothing in it is trusted."""
    try:
        payload = json.loads(Path(path).read_bytes()) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
