"""The inputs, as one frozen value. The only reader of the environment; knows no service."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flowjoy import inputs
from flowjoy.errors import InputError
from flowjoy.inputs import Secret


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the step: its name, default as users see it, how it is read, and what it means."""

    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str

    @property
    def field(self) -> str:
        """The name of its field in `Settings`."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable in which the runner hands it over: hyphens are kept."""
        return f"INPUT_{self.name.upper().replace(' ', '_')}"


def declared(workspace: Path) -> tuple[Input, ...]:
    """Every input, in the order of action.yml and README.md."""
    path = inputs.inside(workspace)
    rows: tuple[tuple[str, str, Callable[[str], Any], str], ...] = (
        ("github-token", "${{ github.token }}", inputs.secret, "reads deployments, runs and releases"),
        ("service", "", inputs.text, "the application whose code ships; empty: the repository name"),
        (
            "code-source",
            "deployments",
            inputs.choice("deployments", "workflow-runs", "releases", "file"),
            "where code deployments are read: `deployments`, `workflow-runs`, `releases` or `file`",
        ),
        ("environment", "production", inputs.text, "the deployment environment that is production"),
        ("workflow", "", inputs.text, "file name of the release workflow, for `workflow-runs`"),
        ("branch", "", inputs.text, "branch of the release workflow, for `workflow-runs`; empty: the default branch"),
        (
            "code-file",
            "",
            path,
            "JSON lines, JSON or CSV of code deploys (`ts`, and if known `sha,environment,url,id`)",
        ),
        ("models", "", inputs.names, "registered models that the service depends on, one a line or comma-separated"),
        (
            "model-source",
            "mlflow",
            inputs.choice("mlflow", "file"),
            "where model versions are read: `mlflow` or `file`",
        ),
        (
            "mlflow-tracking-uri",
            "",
            inputs.tracking_uri,
            "the registry: http(s), `databricks`, `databricks-uc` or `sqlite:///…`; empty: `MLFLOW_TRACKING_URI`",
        ),
        (
            "model-signal",
            "registered",
            inputs.signal,
            'what "shipped" is: `registered`, `alias:<name>`, `stage:<name>`, `tag:<key>`; `flowjoy.deployed_at` wins',
        ),
        ("model-file", "", path, "JSON lines, JSON or CSV of model deploys (`ts`, and if known `name,version,run_id`)"),
        (
            "model-stub",
            "models.json",
            inputs.repository_path,
            "the file that says which models this code depends on",
        ),
        ("ship", "", inputs.shipment, "`recommender=12`: stamp that version as shipped now, then run as usual"),
        ("pagerduty-token", "", inputs.secret, "reads incidents: a REST API key of PagerDuty, read-only is enough"),
        ("pagerduty-services", "", inputs.identifiers, "service ids such as PIJ90N7; empty: all that the token sees"),
        (
            "pagerduty-api-url",
            "https://api.pagerduty.com",
            inputs.base_url,
            "PagerDuty's REST API; in the EU `https://api.eu.pagerduty.com`",
        ),
        ("incident-label", "", inputs.text, "GitHub issues with this label are incidents, from opened to closed"),
        (
            "incident-file",
            "",
            path,
            "CSV of incidents: `start,end` with offsets (or see `timezone`), `id,title,service,type`",
        ),
        (
            "incident-match-hours",
            "24",
            inputs.number(0, 8760),
            "how long after a deploy an incident may be put down to it",
        ),
        ("sla-hours", "48", inputs.number(0, 8760), "the promise: hours from a code deploy to its models"),
        ("sla-since", "", inputs.day, "ISO date on which the promise began; earlier deploys open no clock"),
        ("sla-target", "95", inputs.number(0, 100), "percent of promises to keep"),
        ("enforce", "true", inputs.boolean, "`false`: report, never fail on a breach"),
        ("flag-label", "feature-flag", inputs.text, "pull requests with it must touch the stub"),
        ("flag-paths", "", inputs.globs, "globs of feature-flag files, one a line or comma-separated: same rule"),
        (
            "model-validated-tag",
            "",
            inputs.key_value,
            "`key=value` that a pinned version must carry (integration tests passed)",
        ),
        ("weeks", "12", inputs.whole(1, 104), "the window: the running week and the ones before it"),
        ("timeout-seconds", "120", inputs.whole(10, 3600), "the whole run; what is not read by then has failed"),
        (
            "timezone",
            "UTC",
            inputs.zone,
            "IANA zone of week edges and labels; other than `UTC`, also of incident times without offset",
        ),
        ("as-of", "", inputs.instant, "ISO instant: a dry look at the state then; nothing is written elsewhere"),
        ("divergence-percent", "50", inputs.number(0, 100), "models this much behind code make a week diverge"),
        ("mttr-spike-factor", "2", inputs.number(1, 100), "an MTTR so many times the usual one is a spike"),
        (
            "incident-titles",
            "auto",
            inputs.choice("auto", "always", "never"),
            "incident titles in files: `auto` is not in public repositories; `always`; `never`",
        ),
        ("check-name", "FlowJoy", inputs.text, "prefix of the two checks"),
        (
            "comment",
            "changes",
            inputs.choice("changes", "always", "off"),
            "sticky pull-request comment: `changes` (when something runs, is broken or healed), `always`, `off`",
        ),
        (
            "artifact-name",
            "",
            inputs.artifact_name,
            "the uploaded report, by which the next run remembers; one a service; empty: `flowjoy-<service>`",
        ),
        ("retention-days", "90", inputs.whole(1, 400), "how long the artifact, and with it the memory, is kept"),
        ("output-dir", "flowjoy-report", path, "folder in the workspace for the files"),
    )
    return tuple(
        Input(name=name, default=default, parse=parse, meaning=meaning) for name, default, parse, meaning in rows
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every input, read and checked. An input that was not given and has no default is None."""

    github_token: Secret | None
    service: str
    code_source: str
    environment: str
    workflow: str | None
    branch: str | None
    code_file: Path | None
    models: tuple[str, ...]
    model_source: str
    mlflow_tracking_uri: str | None
    model_signal: str
    model_file: Path | None
    model_stub: str
    ship: tuple[str, str] | None
    pagerduty_token: Secret | None
    pagerduty_services: tuple[str, ...]
    pagerduty_api_url: str
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
    def secrets(self) -> tuple[Secret, ...]:
        """Every credential among the inputs."""
        return tuple(value for value in vars(self).values() if isinstance(value, Secret))


_LISTS = (inputs.names, inputs.globs, inputs.identifiers)


@dataclass(frozen=True, kw_only=True)
class Runner:
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
    output: Path | None
    summary: Path | None
    debug: bool
    mlflow_credentials: tuple[Secret, ...]
    databricks_host: str | None
    results_url: str | None
    runtime_token: Secret | None
    most_retention_days: int | None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every credential in the runner's variables."""
        return self.mlflow_credentials if self.runtime_token is None else (*self.mlflow_credentials, self.runtime_token)


def on_actions(environ: Mapping[str, str]) -> bool:
    """Whether a runner started this process: it says so, or at least names an event."""
    return environ.get("GITHUB_ACTIONS", "true" if environ.get("GITHUB_EVENT_NAME") else "") == "true"


def read_runner(environ: Mapping[str, str]) -> Runner:
    """The runner's own variables. Raises InputError for an address that cannot be one."""
    problems: list[str] = []

    def address(name: str, default: str) -> str:
        try:
            return inputs.base_url(environ.get(name) or default)
        except ValueError as right:
            problems.append(f"{name}: expected {right}")
            return default

    api_url = address("GITHUB_API_URL", "https://api.github.com")
    graphql = re.sub(r"/v3$", "", api_url) + "/graphql"
    repository = environ.get("GITHUB_REPOSITORY", "")
    if repository and not re.fullmatch(r"[\w.-]{1,100}/[\w.-]{1,100}", repository, re.ASCII):
        problems.append("GITHUB_REPOSITORY: expected owner/name")
    runner = Runner(
        on_actions=on_actions(environ),
        workspace=Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()),
        repository=repository,
        api_url=api_url,
        graphql_url=address("GITHUB_GRAPHQL_URL", graphql),
        server_url=address("GITHUB_SERVER_URL", "https://github.com"),
        sha=environ.get("GITHUB_SHA") or None,
        ref=environ.get("GITHUB_REF") or None,
        event_name=environ.get("GITHUB_EVENT_NAME", ""),
        event=_event(environ.get("GITHUB_EVENT_PATH")),
        run_id=environ.get("GITHUB_RUN_ID") or None,
        output=_path(environ.get("GITHUB_OUTPUT")),
        summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
        debug=environ.get("RUNNER_DEBUG") == "1",
        mlflow_credentials=tuple(
            Secret(environ[name])
            for name in (
                "MLFLOW_TRACKING_USERNAME",
                "MLFLOW_TRACKING_PASSWORD",
                "MLFLOW_TRACKING_TOKEN",
                "DATABRICKS_TOKEN",
            )
            if environ.get(name)
        ),
        databricks_host=environ.get("DATABRICKS_HOST") or None,
        # Not on GitHub Enterprise Server, nor on a laptop.
        results_url=environ.get("ACTIONS_RESULTS_URL") or None,
        runtime_token=Secret(environ["ACTIONS_RUNTIME_TOKEN"]) if environ.get("ACTIONS_RUNTIME_TOKEN") else None,
        most_retention_days=_days(environ.get("GITHUB_RETENTION_DAYS", "")),
    )
    if problems:
        raise InputError(*problems)
    return runner


def read_settings(environ: Mapping[str, str], argv: Sequence[str], runner: Runner) -> Settings:
    """The inputs: flags first, then `INPUT_…`, then defaults. Raises InputError with every mistake at once."""
    known = declared(runner.workspace)
    flags = vars(command_line(known).parse_args(list(argv)))
    problems: list[str] = []
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for item in known:
        flag, variable = (str(held or "").strip() for held in (flags[item.field], environ.get(item.variable)))
        given = flag or variable or _fallback(item, environ, runner, values)
        try:
            values[item.field] = item.parse(given) if given else () if item.parse in _LISTS else None
        except ValueError as right:
            problems.append(f"{item.name}{_shown(item, given)}: expected {right}")
            values[item.field] = None
            wrong.add(item.name)
    settings = Settings(**values)
    # What is wrong by itself is said once: beside other inputs it only looks as if it were not given.
    problems += [problem for problem in _together(settings, runner) if re.split("[ :]", problem)[0] not in wrong]
    if problems:
        raise InputError(*problems)
    return settings


def _shown(item: Input, given: str) -> str:
    """A wrong value as it may be shown: no credential, nor what stands before the `@` of an address."""
    return "" if item.parse is inputs.secret else f" {re.sub(r'^.*@', '***@', given, flags=re.DOTALL)[:80]!r}"


def command_line(known: Sequence[Input]) -> argparse.ArgumentParser:
    """The same names as flags."""
    parser = argparse.ArgumentParser(prog="python -m flowjoy run", description="One run of the step, here.")
    for item in known:
        meaning = item.meaning.replace("%", "%%")
        default = f" (default {item.default})" if item.default and "${{" not in item.default else ""
        parser.add_argument(f"--{item.name}", dest=item.field, metavar="VALUE", help=meaning + default)
    return parser


def artifact_name(service: str) -> str:
    """The name where none is given: `flowjoy-<service>`, without what GitHub forbids in one."""
    return re.sub(r"[^\w.-]+", "-", f"flowjoy-{service}")[:200]


def _fallback(item: Input, environ: Mapping[str, str], runner: Runner, values: Mapping[str, Any]) -> str:
    """What serves where an input was not given."""
    if item.name == "service":
        return runner.repository.rpartition("/")[2]
    if item.name == "artifact-name":
        return artifact_name(values.get("service") or "")
    if item.name == "mlflow-tracking-uri":
        return environ.get("MLFLOW_TRACKING_URI", "")
    if item.name == "github-token":
        return environ.get("GITHUB_TOKEN", "")
    return item.default


def _together(settings: Settings, runner: Runner) -> list[str]:
    """What two inputs say together."""
    problems = []
    if not settings.service:
        problems.append("service: expected a name (GITHUB_REPOSITORY, which would give one, is not set)")
    if settings.reads_github and not runner.repository:
        problems.append(f"code-source {settings.code_source!r}: expected GITHUB_REPOSITORY to name owner/name")
    if settings.reads_github and settings.github_token is None:
        problems.append("github-token: expected a token that reads the repository; ${{ github.token }} serves")
    if settings.code_source == "workflow-runs" and settings.workflow is None:
        problems.append("workflow: expected the file name of the release workflow, such as release.yml")
    for name, source, path in (
        ("code-file", settings.code_source, settings.code_file),
        ("model-file", settings.model_source, settings.model_file),
    ):
        if source == "file" and path is None:
            problems.append(f"{name}: expected the path of a file, because {name[:-5]}-source is file")
    if settings.incident_label is not None and (settings.github_token is None or not runner.repository):
        problems.append("incident-label: expected github-token and GITHUB_REPOSITORY beside it")
    problems += _output_dir(settings)
    if settings.ship is not None and settings.as_of is not None:
        problems.append("ship: expected no as-of beside it, because a dry look writes nothing")
    if settings.ship is not None and settings.model_source != "mlflow":
        problems.append("ship: expected model-source mlflow, because only a registry can be stamped")
    return problems + _plain_http(settings.mlflow_tracking_uri, runner)


def _output_dir(settings: Settings) -> list[str]:
    """The report must overwrite nobody's file."""
    problems = []
    if settings.output_dir is None:  # a mistake of its own, said already
        return []
    for name in ("code-file", "model-file", "incident-file"):
        path = getattr(settings, name.replace("-", "_"))
        if path is not None and path.parent == settings.output_dir:
            problems.append(f"output-dir: expected another folder than that of {name}, which must not be overwritten")
    if {".git", ".github"} & set(settings.output_dir.parts):
        problems.append("output-dir: expected a folder that is not git's or GitHub's own")
    return problems


def _plain_http(uri: str | None, runner: Runner) -> list[str]:
    if uri and travels_in_the_clear(uri) and runner.mlflow_credentials:
        return ["mlflow-tracking-uri: expected https, because credentials are set and http would send them readable"]
    return []


def travels_in_the_clear(uri: str) -> bool:
    """Whether requests to this registry leave the machine unencrypted."""
    parts = urlsplit(uri)
    return parts.scheme == "http" and not inputs.is_loopback(parts.hostname)


def _days(value: str) -> int | None:
    """A whole number of days; None where there is none, or 0, which is how some runners say so."""
    return int(value) or None if value.isdecimal() else None


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _event(path: str | None) -> Mapping[str, Any]:
    """The event's payload; empty where it cannot be read, and then nothing in it is trusted."""
    try:
        payload = json.loads(Path(path).read_bytes()) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
