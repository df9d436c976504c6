"""Which inputs there are: name, default, how each is read, and what it means. Knows no environment and no value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowjoy.config import parsers


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
    """Every input, in the order of action.yml and docs/reference.md."""
    path = parsers.inside(workspace)
    rows: tuple[tuple[str, str, Callable[[str], Any], str], ...] = (
        ("github-token", "${{ github.token }}", parsers.secret, "reads deployments, runs and releases"),
        ("service", "", parsers.text, "the application whose code ships; empty: the repository name"),
        (
            "code-source",
            "deployments",
            parsers.choice("deployments", "workflow-runs", "releases", "file"),
            "where code deployments are read: `deployments`, `workflow-runs`, `releases` or `file`",
        ),
        (
            "environment",
            "production",
            parsers.patterns,
            "the deployment environments that are production: names or globs, one a line or comma-separated",
        ),
        ("workflow", "", parsers.workflow_file, "file name of the release workflow, for `workflow-runs`"),
        ("branch", "", parsers.text, "branch of the release workflow, for `workflow-runs`; empty: the default branch"),
        (
            "deploy-job",
            "",
            parsers.pattern_lines,
            "for `workflow-runs`: the job that deploys, a name or glob a line; a run counts from that job's success",
        ),
        (
            "release-tags",
            "",
            parsers.patterns,
            "for `releases`: globs such as `shop-v*` of the tags that count; empty: every tag",
        ),
        (
            "code-file",
            "",
            path,
            "JSON lines, JSON or CSV of code deploys (`ts`, and if known `sha,environment,url,id,service,status`)",
        ),
        ("models", "", parsers.names, "registered models that the service depends on, one a line or comma-separated"),
        (
            "model-source",
            "mlflow",
            parsers.choice("mlflow", "file"),
            "where model versions are read: `mlflow` or `file`",
        ),
        (
            "mlflow-tracking-uri",
            "",
            parsers.tracking_uri,
            "the registry: http(s), `databricks`, `databricks-uc`, `uc:http(s)://…` or, with full MLflow, `sqlite:///…`",
        ),
        (
            "mlflow-allow-http",
            "false",
            parsers.boolean,
            "`true`: send credentials to an `http:` registry, readable on the way (an internal address)",
        ),
        (
            "model-signal",
            "registered",
            parsers.signal,
            'what "shipped" is: `registered`, `alias:<name>`, `stage:<name>`, `tag:<key>`; `flowjoy.deployed_at` wins',
        ),
        (
            "model-file",
            "",
            path,
            "JSON lines, JSON or CSV of model deploys (`ts`, and if known `name,version,run_id,source,status`)",
        ),
        (
            "model-stub",
            "flowjoy.json",
            parsers.repository_path,
            "the file that says which models this code depends on",
        ),
        ("ship", "", parsers.shipment, "`recommender=12`: stamp that version as shipped now, then run as usual"),
        ("pagerduty-token", "", parsers.secret, "reads incidents: a REST API key of PagerDuty, read-only is enough"),
        ("pagerduty-services", "", parsers.identifiers, "service ids such as PIJ90N7; empty: all that the token sees"),
        (
            "pagerduty-api-url",
            "https://api.pagerduty.com",
            parsers.base_url,
            "PagerDuty's REST API; in the EU `https://api.eu.pagerduty.com`",
        ),
        (
            "pagerduty-urgency",
            "all",
            parsers.choice("all", "high"),
            "`high`: only incidents of high urgency count, of PagerDuty and of its export in `incident-file`",
        ),
        ("incident-label", "", parsers.text, "GitHub issues with this label are incidents, from opened to closed"),
        (
            "incident-file",
            "",
            path,
            "CSV or JSON of incidents: `start,end` with offsets (or see `timezone`), `id,title,service,type,status`",
        ),
        (
            "incident-match-hours",
            "24",
            parsers.number(0, 8760),
            "how long after a deploy an incident may be put down to it",
        ),
        ("sla-hours", "48", parsers.number(0, 8760), "the promise: hours from a code deploy to its models"),
        ("sla-since", "", parsers.day, "ISO date on which the promise began; earlier deploys open no clock"),
        ("sla-target", "95", parsers.number(0, 100), "percent of promises to keep"),
        ("enforce", "true", parsers.boolean, "`false`: report, never fail on a breach"),
        ("flag-label", "feature-flag", parsers.text, "pull requests with it must touch the stub"),
        ("flag-paths", "", parsers.globs, "globs of feature-flag files, one a line or comma-separated: same rule"),
        (
            "model-validated-tag",
            "",
            parsers.key_value,
            "`key=value` that the newest version that fits a pin, `>=` or `any` must carry (tests passed)",
        ),
        ("weeks", "12", parsers.whole(1, 104), "the window: the running week and the ones before it"),
        ("timeout-seconds", "120", parsers.whole(10, 3600), "the whole run; what is not read by then has failed"),
        (
            "timezone",
            "UTC",
            parsers.zone,
            "IANA zone of week edges and labels; other than `UTC`, also of incident times without offset",
        ),
        ("as-of", "", parsers.instant, "ISO timestamp: a dry run as of then; nothing is written outside the job"),
        ("divergence-percent", "50", parsers.number(0, 100), "models this much behind code make a week diverge"),
        ("mttr-spike-factor", "2", parsers.number(1, 100), "an MTTR so many times the usual one is a spike"),
        *_alert_rows(path),
        (
            "incident-titles",
            "auto",
            parsers.choice("auto", "always", "never"),
            "incident titles in files: `auto` is not in public repositories; `always`; `never`",
        ),
        ("check-name", "FlowJoy", parsers.text, "prefix of the two checks"),
        (
            "comment",
            "changes",
            parsers.choice("changes", "always", "off"),
            "sticky pull-request comment: `changes` (when something runs, is broken or healed), `always`, `off`",
        ),
        (
            "artifact-name",
            "",
            parsers.artifact_name,
            "the uploaded report, by which the next run remembers; one a service; empty: `flowjoy-<service>`",
        ),
        ("retention-days", "90", parsers.whole(1, 400), "how long the artifact, and with it the memory, is kept"),
        ("output-dir", "flowjoy-report", path, "folder in the workspace for the files"),
    )
    return tuple(
        Input(name=name, default=default, parse=parse, meaning=meaning) for name, default, parse, meaning in rows
    )


def _alert_rows(path: Callable[[str], Path]) -> tuple[tuple[str, str, Callable[[str], Any], str], ...]:
    """What live data is compared with, and where alerts go."""
    return (
        (
            "drift-reference",
            "",
            path,
            "training data: CSV, Parquet (with pyarrow) or `reference.json`; empty: the live version's, in MLflow",
        ),
        ("drift-live", "", path, "sample of the live data, CSV or Parquet; turns the drift check on"),
        (
            "drift-model",
            "",
            parsers.model_name,
            "the model that the samples belong to; empty: the only one in `models`",
        ),
        ("drift-threshold", "0.1", parsers.number(0, 100), "nats of KL divergence of the worst feature"),
        ("drift-min-samples", "200", parsers.whole(1, 1_000_000), "rows on each side below which nothing is judged"),
        ("slack-token", "", parsers.secret, "bot token (`xoxb-…`): alerts in `slack-channel`, their end in the thread"),
        ("slack-channel", "", parsers.slack_channel, "id of the channel (`C…`), or its name"),
        ("slack-webhook-url", "", parsers.slack_webhook, "incoming webhook instead of the bot: no thread, no chart"),
        ("pagerduty-routing-key", "", parsers.secret, "Events API v2 integration key: alerts reach the pager"),
        (
            "pagerduty-kinds",
            "breach,drift,at-risk,mttr-spike",
            parsers.alert_kinds,
            "which alerts reach the pager: of `breach`, `drift`, `at-risk`, `mttr-spike`, `divergence`",
        ),
        (
            "pagerduty-events-url",
            "https://events.pagerduty.com",
            parsers.base_url,
            "PagerDuty's Events API; in the EU `https://events.eu.pagerduty.com`",
        ),
        ("slack-api-url", "https://slack.com/api/", parsers.base_url, "Slack's Web API"),
    )
