"""What a run reads beside what it judges: drift, the shelf, lead times. Knows what to ask for, and no verdict.

None of it decides anything: each is read last, and on a budget of its own.
"""

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

_SECONDS = 15.0
_INVENTORY_AGE = timedelta(hours=6)
"""What lies on a shelf lies there for days: hourly runs need not look each time."""


def drift(
    query: HarvestQuery, access: Clients, ships: Sequence[ModelRecord], named: Collection[str]
) -> StepResult[DriftCheck]:
    """The samples that the settings name, compared; the training data may be those of the newest of `ships`.

    `named`: the models that the settings and the stubs name.
    """
    return drift_samples.read(query, replace(access, transport=_brief(access)), ships, named)


def inventory(query: HarvestQuery, access: Clients, known: Inventory | None) -> StepResult[Inventory]:
    """What waits to be shipped; what is `known` of it, where that is fresh."""
    fresh = known is not None and timedelta() <= query.now - known.read_at < _INVENTORY_AGE
    found = known if known and fresh else github_inventory.read(access.to_github.within(_brief(access)), query.now)
    return found, len(found.pulls) + len(found.branches), ()


def commits(
    query: HarvestQuery, access: Clients, deploys: Iterable[CodeRecord], known: Container[str]
) -> StepResult[Mapping[str, tuple[datetime, ...]]]:
    """For each deploy of the window that is not known, the commits that it was the first to ship."""
    deployed: dict[str, datetime] = {}
    for record in deploys:
        if record.outcome is Outcome.SUCCESS and record.sha is not None:
            deployed[record.sha] = min(record.shipped_at, deployed.get(record.sha, record.shipped_at))
    wanted = {sha for sha, live_at in deployed.items() if live_at >= query.since and sha not in known}
    found = github_commits.read(access.to_github.within(_brief(access)), deployed, wanted)
    unknown = f"{plural(found.unknown, 'deploy')}: it is not known which commits went live there first"
    notes = (unknown if found.unknown else "", found.problem)
    return found.by_sha, sum(map(len, found.by_sha.values())), tuple(filter(None, notes))


def training(
    query: HarvestQuery, access: Clients, ships: Iterable[ModelRecord], known: Container[str]
) -> StepResult[Mapping[str, datetime | None]]:
    """For each ship of the window whose training run is not known, when that run began."""
    newest = sorted(ships, key=lambda record: record.shipped_at, reverse=True)
    runs = dict.fromkeys(
        record.run_id for record in newest if record.run_id is not None and record.shipped_at >= query.since
    )
    wanted = [run for run in runs if run not in known]
    found = mlflow_training_runs.read(query, replace(access, transport=_brief(access)), wanted)
    return found.begun, len(found.begun), found.notes


def _brief(access: Clients) -> Transport:
    """A budget of its own: what decides nothing must not hold up the report."""
    return Transport(Budget(min(_SECONDS, access.transport.budget.left() / 3)))
