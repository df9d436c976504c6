"""The start of training runs, from MLflow: where a model's lead time begins. It never changes the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.mlflow import is_open_unity_catalog, new_client
from flowjoy.clients.mlflow_errors import explain_name
from flowjoy.domain.timestamps import parse_epoch_ms, plausible
from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.report.text import plural
from flowjoy.sources.base import Clients, HarvestQuery

MAX_RUNS = 30
"""Runs that a search does not show take a request each; the next run continues with the rest."""

MAX_SEARCHED = 300
"""A search answers with everything that was logged in each of its runs."""

_FEW = 2
"""A search takes two requests: the experiments, and the runs in them."""

_RUN_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class TrainingRuns:
    """When each run began, by its id; None if MLflow does not keep the run or its start. `notes`: what is left out."""

    begun: Mapping[str, datetime | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(query: HarvestQuery, access: Clients, run_ids: Sequence[str]) -> TrainingRuns:
    """Return when these runs began, the first ones if they are many. Raise HarvestError when MLflow does not answer.

    A registry need not keep the runs of its models.
    """
    # An open Unity Catalog does not keep runs.
    if not run_ids or is_open_unity_catalog(str(query.settings.mlflow_tracking_uri)):
        return TrainingRuns()
    client = new_client(str(query.settings.mlflow_tracking_uri))
    begun = _searched(client, run_ids[:MAX_SEARCHED], query, access)
    problem = _read_one_by_one(client, [run_id for run_id in run_ids if run_id not in begun], begun, query, access)
    unknown = sum(begun.get(run_id) is None for run_id in run_ids)
    counted = f"{plural(unknown, 'training run')}: it is not known when training began" if unknown else ""
    return TrainingRuns(begun=begun, notes=tuple(filter(None, (counted, problem))))


def _searched(client: Any, run_ids: Sequence[str], query: HarvestQuery, access: Clients) -> dict[str, datetime | None]:
    """Return when those runs began that a search shows. What it does not show may still exist."""
    wanted = list(filter(_RUN_ID.fullmatch, run_ids))
    if len(wanted) <= _FEW:
        return {}
    condition = "attributes.run_id IN ('" + "', '".join(wanted) + "')"
    every = 3  # ViewType.ALL: a deleted run was a training all the same

    def ask() -> list[Any]:
        experiments = [experiment.experiment_id for experiment in client.search_experiments(view_type=every)]
        listed: list[Any] = client.search_runs(experiments, condition, every, max_results=len(wanted))
        return [run.info for run in listed]

    try:
        infos = access.transport.call("MLflow runs", ask, explain_name, tries=1)
    except HarvestError:
        return {}
    return {info.run_id: _begun(info, query) for info in infos if info.run_id in wanted}


def _read_one_by_one(
    client: Any, run_ids: Sequence[str], begun: dict[str, datetime | None], query: HarvestQuery, access: Clients
) -> str:
    """Add when each of the first `MAX_RUNS` of these runs began. Return why the reading ended early, if it did."""
    for run_id in run_ids[:MAX_RUNS]:

        def request(run_id: str = run_id) -> datetime | None:
            info = client.get_run(run_id).info
            if info.run_id != run_id:
                raise MalformedAnswerError("the answer is of another run")
            return _begun(info, query)

        try:
            begun[run_id] = access.transport.call(f"MLflow run {run_id}", request, explain_name)
        except UnknownModelError:
            begun[run_id] = None
        except HarvestError as problem:
            # The next run continues from here.
            if not begun:
                raise
            return str(problem)
    return ""


def _begun(info: Any, query: HarvestQuery) -> datetime | None:
    try:
        return plausible(parse_epoch_ms(int(info.start_time)), now=query.latest)
    except (TypeError, ValueError):
        return None
