"""The inputs of the step, each declared once: its type, default, parser and meaning.

action.yml and docs/reference.md are generated from these declarations; the command line takes the same names as flags.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path

from flowjoy.config import address_parsers, list_parsers, parsers
from flowjoy.config.option import Input, option, path_option
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.hosts import base_url
from flowjoy.domain.secret import Secret


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
    service: str = option("", parsers.text, "the application that is deployed; empty: the name of the repository")
    code_source: str = option(
        "deployments",
        parsers.choice("deployments", "workflow-runs", "releases", "file"),
        "where code deployments are read from: `deployments`, `workflow-runs`, `releases` or `file`",
    )
    environment: tuple[str, ...] = option(
        "production",
        list_parsers.patterns,
        "the deployment environments that are production: names or globs, one per line or comma-separated",
    )
    workflow: str | None = option("", parsers.workflow_file, "file name of the release workflow, for `workflow-runs`")
    branch: str | None = option(
        "",
        parsers.text,
        "for `workflow-runs`: the only branch whose runs count; empty: the default branch, with `deploy-job` every one",
    )
    deploy_job: tuple[str, ...] = option(
        "",
        list_parsers.pattern_lines,
        "for `workflow-runs`: the job that deploys, one name or glob per line; a run counts from its success",
    )
    release_tags: tuple[str, ...] = option(
        "", list_parsers.patterns, "for `releases`: globs such as `shop-v*` of the tags that count; empty: every tag"
    )
    code_file: Path | None = path_option(
        "", "JSON lines, JSON or CSV of code deployments (`ts`, and if known `sha,environment,url,id,service,status`)"
    )
    models: tuple[str, ...] = option(
        "", list_parsers.names, "registered models that the service depends on, one per line or comma-separated"
    )
    model_source: str = option(
        "mlflow", parsers.choice("mlflow", "file"), "where model versions are read from: `mlflow` or `file`"
    )
    mlflow_tracking_uri: str | None = option(
        "",
        address_parsers.tracking_uri,
        "the registry: http(s), `databricks`, `databricks-uc`, `uc:http(s)://…` or, with full MLflow, `sqlite:///…`",
    )
    mlflow_allow_http: bool = option(
        "false",
        parsers.boolean,
        "`true`: also send credentials to an `http:` registry, unencrypted (for an internal address)",
    )
    model_signal: str = option(
        "registered",
        parsers.signal,
        "when a version ships: `registered`, `alias:<name>`, `stage:<name>`, `tag:<key>`; `flowjoy.deployed_at` wins",
    )
    model_file: Path | None = path_option(
        "", "JSON lines, JSON or CSV of model ships (`ts`, and if known `name,version,run_id,source,status`)"
    )
    model_stub: str = option(
        "flowjoy.json", parsers.repository_path, "the file that declares which models a commit depends on"
    )
    ship: tuple[str, str] | None = option(
        "", list_parsers.shipment, "`recommender=12`: mark that version as shipped now, then run as usual"
    )
    pagerduty_token: Secret | None = option(
        "", parsers.secret, "reads incidents: a REST API key of PagerDuty; a read-only key is enough"
    )
    pagerduty_services: tuple[str, ...] = option(
        "", list_parsers.identifiers, "service ids such as PIJ90N7; empty: every service that the token sees"
    )
    pagerduty_api_url: str = option(
        "https://api.pagerduty.com", base_url, "PagerDuty's REST API; in the EU `https://api.eu.pagerduty.com`"
    )
    pagerduty_urgency: str = option(
        "all",
        parsers.choice("all", "high"),
        "`high`: only incidents of high urgency count, from PagerDuty and from its export in `incident-file`",
    )
    incident_label: str | None = option(
        "", parsers.text, "GitHub issues with this label are incidents, from opened to closed"
    )
    incident_file: Path | None = path_option(
        "", "CSV or JSON of incidents: `start,end` with offsets (or see `timezone`), `id,title,service,type,status`"
    )
    incident_match_hours: float = option(
        "24", parsers.number(0, 8760), "how long after a deployment an incident may be attributed to it"
    )
    sla_hours: float = option(
        "48", parsers.number(0, 8760), "the promise: hours from a code deployment to the ships of its models"
    )
    sla_since: date | None = option(
        "", parsers.day, "ISO date on which the promise began; earlier deployments open no clock"
    )
    sla_target: float = option("95", parsers.number(0, 100), "percentage of promises to keep")
    enforce: bool = option("true", parsers.boolean, "`false`: report, never fail on a breach")
    flag_label: str = option("feature-flag", parsers.text, "pull requests with this label must change the stub")
    flag_paths: tuple[str, ...] = option(
        "", list_parsers.globs, "globs of feature-flag files, one per line or comma-separated: the same rule"
    )
    hotfix_label: str = option(
        "hotfix", parsers.text, "a deployment of a merged pull request with this label corrects the one before it"
    )
    model_validated_tag: str | None = option(
        "",
        parsers.key_value,
        "`key=value` tag that the newest version for a pin, `>=` or `any` must have (its tests passed)",
    )
    weeks: int = option("12", parsers.integer(1, 104), "number of weeks in the report, including the current one")
    timeout_seconds: int = option(
        "120", parsers.integer(10, 3600), "time limit of the run; a source that is not read by then has failed"
    )
    timezone: str = option(
        "UTC",
        parsers.zone,
        "IANA time zone of weeks and labels; if not `UTC`, also of incident timestamps without an offset",
    )
    as_of: datetime | None = option(
        "", parsers.timestamp, "ISO timestamp: a dry run as of then; nothing is written outside the job"
    )
    divergence_percent: float = option(
        "50", parsers.number(0, 100), "a week diverges if model ships are this many percent behind code deployments"
    )
    mttr_spike_factor: float = option(
        "2", parsers.number(1, 100), "a weekly MTTR above this multiple of the recent median is a spike"
    )
    drift_reference: Path | None = path_option(
        "", "training data: CSV, Parquet (with pyarrow) or `reference.json`; empty: that of the live version, in MLflow"
    )
    drift_live: Path | None = path_option("", "sample of the live data, CSV or Parquet; enables the drift check")
    drift_model: str | None = option(
        "", list_parsers.model_name, "the model of the samples; empty: the only one in `models`"
    )
    drift_threshold: float = option(
        "0.1", parsers.number(0, 100), "highest allowed KL divergence of any feature, in nats"
    )
    drift_min_samples: int = option(
        "200",
        parsers.integer(1, 1_000_000),
        "minimum number of rows in each sample; a feature with fewer is not judged",
    )
    slack_token: Secret | None = option(
        "", parsers.secret, "bot token (`xoxb-…`): alerts in `slack-channel`, resolved in the thread"
    )
    slack_channel: str | None = option("", parsers.slack_channel, "id (`C…`) or name of the channel")
    slack_webhook_url: Secret | None = option(
        "", address_parsers.slack_webhook, "incoming webhook instead of the bot, without threads and charts"
    )
    teams_webhook_url: Secret | None = option(
        "", address_parsers.teams_webhook, "webhook of a Microsoft Teams workflow: alerts as Adaptive Cards"
    )
    pagerduty_routing_key: Secret | None = option(
        "", parsers.secret, "Events API v2 integration key: sends alerts to PagerDuty"
    )
    pagerduty_kinds: tuple[AlertKind, ...] = option(
        "breach,drift,at-risk,mttr-spike",
        list_parsers.alert_kinds,
        "the alerts that are sent to PagerDuty: any of `breach`, `drift`, `at-risk`, `mttr-spike`, `divergence`",
    )
    pagerduty_events_url: str = option(
        "https://events.pagerduty.com",
        base_url,
        "PagerDuty's Events API; in the EU `https://events.eu.pagerduty.com`",
    )
    cdevents_url: Secret | None = option(
        "", address_parsers.secret_url, "receives new CDEvents as batches of CloudEvents over HTTP"
    )
    slack_api_url: str = option("https://slack.com/api/", base_url, "Slack's Web API")
    incident_titles: str = option(
        "auto",
        parsers.choice("auto", "always", "never"),
        "incident titles in the report: `auto` (in private repositories only), `always` or `never`",
    )
    check_name: str = option("FlowJoy", parsers.text, "prefix of the names of the two checks")
    comment: str = option(
        "changes",
        parsers.choice("changes", "always", "off"),
        "pull request comment: `changes` (if a clock runs, something is broken or was fixed), `always` or `off`",
    )
    artifact_name: str = option(
        "",
        parsers.artifact_name,
        "name of the uploaded report, the ledger of the next run; one per service; empty: `flowjoy-<service>`",
    )
    retention_days: int = option(
        "90", parsers.integer(1, 400), "number of days for which the artifact, which is the ledger, is kept"
    )
    output_dir: Path = path_option("flowjoy-report", "folder in the workspace for the files of the report")

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
        return any((self.slack_token, self.slack_webhook_url, self.teams_webhook_url, self.pagerduty_routing_key))

    @property
    def registry_uri(self) -> str | None:
        """The address of the registry that model versions are read from; None where they come from a file."""
        return self.mlflow_tracking_uri if self.model_source == "mlflow" else None
