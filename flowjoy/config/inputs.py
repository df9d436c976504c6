"""The inputs of the step, each declared once: its type, default, parser and meaning.

action.yml and docs/reference.md are generated from these declarations; the command line takes the same names as flags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flowjoy.config import parsers
from flowjoy.domain.secret import Secret

_Parser = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the step: its name, default as users see it, parser, and meaning."""

    name: str
    default: str
    parse: _Parser
    meaning: str

    @property
    def field(self) -> str:
        """The name of its field in `Settings`."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable by which the Actions runner passes it: hyphens are kept."""
        return f"INPUT_{self.name.upper()}"

    @property
    def empty(self) -> tuple[()] | None:
        """The value of the input where it is not given and has no default."""
        return () if self.parse in parsers.LISTS else None

    @property
    def is_secret(self) -> bool:
        """Whether the value is a credential."""
        return self.parse in parsers.SECRETS


def option(default: str, parse: _Parser, meaning: str) -> Any:
    """Declare a field of `Inputs` as an input."""
    return field(metadata={"default": default, "parse": parse, "meaning": meaning})


def path_option(default: str, meaning: str) -> Any:
    """Declare a field of `Inputs` as an input that is a path in the workspace."""
    return field(metadata={"default": default, "parse": None, "meaning": meaning})


def declared(workspace: Path) -> tuple[Input, ...]:
    """Return every input, in the order of action.yml; paths are resolved in the workspace."""
    return tuple(
        Input(
            name=item.name.replace("_", "-"),
            default=item.metadata["default"],
            parse=item.metadata["parse"] or parsers.inside(workspace),
            meaning=item.metadata["meaning"],
        )
        for item in fields(Inputs)
    )


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The value of every input. An input that is not given and has no default is None, or empty where it is a list."""

    github_token: Secret | None = option("${{ github.token }}", parsers.secret, "reads deployments, runs and releases")
    service: str = option("", parsers.text, "the application whose code ships; empty: the repository name")
    code_source: str = option(
        "deployments",
        parsers.choice("deployments", "workflow-runs", "releases", "file"),
        "where code deployments are read: `deployments`, `workflow-runs`, `releases` or `file`",
    )
    environment: tuple[str, ...] = option(
        "production",
        parsers.patterns,
        "the deployment environments that are production: names or globs, one a line or comma-separated",
    )
    workflow: str | None = option("", parsers.workflow_file, "file name of the release workflow, for `workflow-runs`")
    branch: str | None = option(
        "", parsers.text, "branch of the release workflow, for `workflow-runs`; empty: the default branch"
    )
    deploy_job: tuple[str, ...] = option(
        "",
        parsers.pattern_lines,
        "for `workflow-runs`: the job that deploys, a name or glob a line; a run counts from that job's success",
    )
    release_tags: tuple[str, ...] = option(
        "", parsers.patterns, "for `releases`: globs such as `shop-v*` of the tags that count; empty: every tag"
    )
    code_file: Path | None = path_option(
        "", "JSON lines, JSON or CSV of code deploys (`ts`, and if known `sha,environment,url,id,service,status`)"
    )
    models: tuple[str, ...] = option(
        "", parsers.names, "registered models that the service depends on, one a line or comma-separated"
    )
    model_source: str = option(
        "mlflow", parsers.choice("mlflow", "file"), "where model versions are read: `mlflow` or `file`"
    )
    mlflow_tracking_uri: str | None = option(
        "",
        parsers.tracking_uri,
        "the registry: http(s), `databricks`, `databricks-uc`, `uc:http(s)://…` or, with full MLflow, `sqlite:///…`",
    )
    mlflow_allow_http: bool = option(
        "false",
        parsers.boolean,
        "`true`: send credentials to an `http:` registry, readable on the way (an internal address)",
    )
    model_signal: str = option(
        "registered",
        parsers.signal,
        'what "shipped" is: `registered`, `alias:<name>`, `stage:<name>`, `tag:<key>`; `flowjoy.deployed_at` wins',
    )
    model_file: Path | None = path_option(
        "", "JSON lines, JSON or CSV of model deploys (`ts`, and if known `name,version,run_id,source,status`)"
    )
    model_stub: str = option(
        "flowjoy.json", parsers.repository_path, "the file that says which models this code depends on"
    )
    ship: tuple[str, str] | None = option(
        "", parsers.shipment, "`recommender=12`: stamp that version as shipped now, then run as usual"
    )
    pagerduty_token: Secret | None = option(
        "", parsers.secret, "reads incidents: a REST API key of PagerDuty, read-only is enough"
    )
    pagerduty_services: tuple[str, ...] = option(
        "", parsers.identifiers, "service ids such as PIJ90N7; empty: all that the token sees"
    )
    pagerduty_api_url: str = option(
        "https://api.pagerduty.com", parsers.base_url, "PagerDuty's REST API; in the EU `https://api.eu.pagerduty.com`"
    )
    pagerduty_urgency: str = option(
        "all",
        parsers.choice("all", "high"),
        "`high`: only incidents of high urgency count, of PagerDuty and of its export in `incident-file`",
    )
    incident_label: str | None = option(
        "", parsers.text, "GitHub issues with this label are incidents, from opened to closed"
    )
    incident_file: Path | None = path_option(
        "", "CSV or JSON of incidents: `start,end` with offsets (or see `timezone`), `id,title,service,type,status`"
    )
    incident_match_hours: float = option(
        "24", parsers.number(0, 8760), "how long after a deploy an incident may be put down to it"
    )
    sla_hours: float = option("48", parsers.number(0, 8760), "the promise: hours from a code deploy to its models")
    sla_since: date | None = option(
        "", parsers.day, "ISO date on which the promise began; earlier deploys open no clock"
    )
    sla_target: float = option("95", parsers.number(0, 100), "percent of promises to keep")
    enforce: bool = option("true", parsers.boolean, "`false`: report, never fail on a breach")
    flag_label: str = option("feature-flag", parsers.text, "pull requests with it must touch the stub")
    flag_paths: tuple[str, ...] = option(
        "", parsers.globs, "globs of feature-flag files, one a line or comma-separated: same rule"
    )
    model_validated_tag: str | None = option(
        "",
        parsers.key_value,
        "`key=value` that the newest version that fits a pin, `>=` or `any` must carry (tests passed)",
    )
    weeks: int = option("12", parsers.integer(1, 104), "the window: the running week and the ones before it")
    timeout_seconds: int = option(
        "120", parsers.integer(10, 3600), "the whole run; what is not read by then has failed"
    )
    timezone: str = option(
        "UTC",
        parsers.zone,
        "IANA zone of week edges and labels; other than `UTC`, also of incident times without offset",
    )
    as_of: datetime | None = option(
        "", parsers.instant, "ISO timestamp: a dry run as of then; nothing is written outside the job"
    )
    divergence_percent: float = option("50", parsers.number(0, 100), "models this much behind code make a week diverge")
    mttr_spike_factor: float = option("2", parsers.number(1, 100), "an MTTR so many times the usual one is a spike")
    drift_reference: Path | None = path_option(
        "", "training data: CSV, Parquet (with pyarrow) or `reference.json`; empty: the live version's, in MLflow"
    )
    drift_live: Path | None = path_option("", "sample of the live data, CSV or Parquet; turns the drift check on")
    drift_model: str | None = option(
        "", parsers.model_name, "the model that the samples belong to; empty: the only one in `models`"
    )
    drift_threshold: float = option("0.1", parsers.number(0, 100), "nats of KL divergence of the worst feature")
    drift_min_samples: int = option(
        "200", parsers.integer(1, 1_000_000), "rows on each side below which nothing is judged"
    )
    slack_token: Secret | None = option(
        "", parsers.secret, "bot token (`xoxb-…`): alerts in `slack-channel`, their end in the thread"
    )
    slack_channel: str | None = option("", parsers.slack_channel, "id of the channel (`C…`), or its name")
    slack_webhook_url: Secret | None = option(
        "", parsers.slack_webhook, "incoming webhook instead of the bot: no thread, no chart"
    )
    pagerduty_routing_key: Secret | None = option(
        "", parsers.secret, "Events API v2 integration key: alerts reach the pager"
    )
    pagerduty_kinds: tuple[str, ...] = option(
        "breach,drift,at-risk,mttr-spike",
        parsers.alert_kinds,
        "which alerts reach the pager: of `breach`, `drift`, `at-risk`, `mttr-spike`, `divergence`",
    )
    pagerduty_events_url: str = option(
        "https://events.pagerduty.com",
        parsers.base_url,
        "PagerDuty's Events API; in the EU `https://events.eu.pagerduty.com`",
    )
    slack_api_url: str = option("https://slack.com/api/", parsers.base_url, "Slack's Web API")
    incident_titles: str = option(
        "auto",
        parsers.choice("auto", "always", "never"),
        "incident titles in files: `auto` is not in public repositories; `always`; `never`",
    )
    check_name: str = option("FlowJoy", parsers.text, "prefix of the two checks")
    comment: str = option(
        "changes",
        parsers.choice("changes", "always", "off"),
        "sticky pull-request comment: `changes` (when something runs, is broken or healed), `always`, `off`",
    )
    artifact_name: str = option(
        "",
        parsers.artifact_name,
        "the uploaded report, by which the next run remembers; one a service; empty: `flowjoy-<service>`",
    )
    retention_days: int = option(
        "90", parsers.integer(1, 400), "how long the artifact, and with it the memory, is kept"
    )
    output_dir: Path = path_option("flowjoy-report", "folder in the workspace for the files")

    @property
    def reads_github(self) -> bool:
        """Whether code deployments come from GitHub."""
        return self.code_source != "file"

    @property
    def shares_file(self) -> bool:
        """Whether one file lists both the deployments and the ships."""
        return self.code_source == self.model_source == "file" and self.code_file == self.model_file

    @property
    def environments(self) -> str:
        """The production environments as one text, for messages and to tell ledgers apart."""
        return ",".join(self.environment)

    @property
    def sends_alerts(self) -> bool:
        """Whether alerts have a destination."""
        return any((self.slack_token, self.slack_webhook_url, self.pagerduty_routing_key))

    @property
    def registry_uri(self) -> str | None:
        """The address of the registry that model versions are read from; None where they come from a file."""
        return self.mlflow_tracking_uri if self.model_source == "mlflow" else None
