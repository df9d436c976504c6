"""The sources, by the value of the input that chooses them. A new source is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowjoy.domain import CodeRecord, Incident, ModelRecord
from flowjoy.sources import github_deployments, github_workflow_runs
from flowjoy.sources.base import Clients, HarvestQuery, Source, Survey
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

CODE_SURVEYS: Mapping[str, Callable[[HarvestQuery, Clients], Survey]] = {
    "deployments": github_deployments.survey,
    "workflow-runs": github_workflow_runs.survey,
}
"""The newest entries of every environment and branch, for the sources of code that read their own alone."""

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
