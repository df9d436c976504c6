"""Reads data that no verdict depends on: drift, inventory and lead times, each last and on its own time budget."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import CodeRecord, Inventory, ModelRecord, Outcome
from flowjoy.domain.drift import DriftCheck
from flowjoy.pipeline.step import StepResult
from flowjoy.report.text import plural
from flowjoy.sources import drift_samples, github_commits, github_inventory, mlflow_training_runs
from flowjoy.sources.base import Clients, HarvestQuery
from flowjoy.sources.github_commits import Commits

_SECONDS = 15.0
_INVENTORY_AGE = timedelta(hours=6)
"""Open work changes slowly, so hourly runs need not read it each time."""


def drift(
    query: HarvestQuery, access: Clients, ships: Sequence[ModelRecord], named: Collection[str]
) -> StepResult[DriftCheck]:
    """Compare the samples that the settings name; the training data may be those of the newest of `ships`.

    `named`: the models in settings and stubs.
    """
    return drift_samples.read(query, replace(access, transport=_brief(access)), ships, named)


def inventory(query: HarvestQuery, access: Clients, known: Inventory | None) -> StepResult[Inventory]:
    """Read the open work, or return the `known` one if it is fresh."""
    fresh = known is not None and timedelta() <= query.now - known.read_at < _INVENTORY_AGE
    current = known if known and fresh else github_inventory.read(access.to_github.within(_brief(access)), query.now)
    return current, len(current.pulls) + len(current.branches), ()


def commits(
    query: HarvestQuery, access: Clients, deploys: Iterable[CodeRecord], known: Container[str]
) -> StepResult[Commits]:
    """Read, for each deployment of the window that is not `known`, the commits that it was the first to ship."""
    deployed: dict[str, datetime] = {}
    for record in deploys:
        if record.outcome is Outcome.SUCCESS and record.sha is not None:
            deployed[record.sha] = min(record.shipped_at, deployed.get(record.sha, record.shipped_at))
    wanted = {sha for sha, live_at in deployed.items() if live_at >= query.since and sha not in known}
    github = access.to_github.within(_brief(access))
    result = github_commits.read(github, deployed, wanted, query.settings.hotfix_label)
    unknown = f"{plural(result.unknown, 'deploy')}: it is not known which commits went live there first"
    unplaced = f"{plural(result.unplaced, 'revert')}: it is not known which deploy shipped the reverted commit"
    hidden = "hotfixes are not seen: the token lacks pull-requests: read" if result.hides_hotfixes else ""
    notes = (unknown if result.unknown else "", unplaced if result.unplaced else "", hidden, result.problem)
    return result, sum(map(len, result.by_sha.values())), tuple(filter(None, notes))


def training(
    query: HarvestQuery, access: Clients, ships: Iterable[ModelRecord], known: Container[str]
) -> StepResult[Mapping[str, datetime | None]]:
    """Read, for each ship of the window whose training run is not `known`, when that run began."""
    newest = sorted(ships, key=lambda record: record.shipped_at, reverse=True)
    runs = dict.fromkeys(
        record.run_id for record in newest if record.run_id is not None and record.shipped_at >= query.since
    )
    wanted = [run for run in runs if run not in known]
    result = mlflow_training_runs.read(query, replace(access, transport=_brief(access)), wanted)
    return result.begun, len(result.begun), result.notes


def _brief(access: Clients) -> Transport:
    """Return a transport with a short budget of its own, so that optional data do not delay the report."""
    return Transport(Budget(min(_SECONDS, access.transport.budget.left() / 3)))
