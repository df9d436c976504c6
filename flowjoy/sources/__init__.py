"""The sources, by the value of the input that chooses them. A new source is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from flowjoy.domain import CodeRecord, Incident, ModelRecord
from flowjoy.sources.base import Source
from flowjoy.sources.files import CodeFile, ModelFile
from flowjoy.sources.github_deployments import GitHubDeployments
from flowjoy.sources.github_issues import GitHubIssues
from flowjoy.sources.github_releases import GitHubReleases
from flowjoy.sources.github_workflow_runs import GitHubRuns
from flowjoy.sources.incident_file import IncidentFile
from flowjoy.sources.mlflow_registry import MlflowRegistry
from flowjoy.sources.pagerduty_incidents import PagerDutyIncidents

CODE_SOURCES: Mapping[str, Source[CodeRecord]] = {
    "deployments": GitHubDeployments(),
    "workflow-runs": GitHubRuns(),
    "releases": GitHubReleases(),
    "file": CodeFile(),
}

MODEL_SOURCES: Mapping[str, Source[ModelRecord]] = {
    "mlflow": MlflowRegistry(),
    "file": ModelFile(),
}

INCIDENT_SOURCES: Mapping[str, Source[Incident]] = {
    "pagerduty_token": PagerDutyIncidents(),
    "incident_label": GitHubIssues(),
    "incident_file": IncidentFile(),
}
"""By the setting whose presence turns the source on."""
