"""The start of training runs, from MLflow: where a model's lead time begins. It never changes the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.mlflow import is_open_unity_catalog, new_client
from flowjoy.clients.mlflow_errors import explain_name
from flowjoy.domain.timestamps import parse_epoch_ms, plausible
from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.report.text import plural
from flowjoy.sources.base import Clients, HarvestQuery

MAX_RUNS = 30
"""Each takes a request of its own; the next run continues with the rest."""


@dataclass(frozen=True, kw_only=True)
class TrainingRuns:
    """When each run began, by its id; None if MLflow does not keep the run or its start. `notes`: what is left out."""

    begun: Mapping[str, datetime | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(query: HarvestQuery, access: Clients, run_ids: Sequence[str]) -> TrainingRuns:
    """Return when the first `MAX_RUNS` of these runs began. Raise HarvestError when MLflow does not answer at all.

    A registry need not keep the runs of its models.
    """
    # An open Unity Catalog does not keep runs.
    if not run_ids or is_open_unity_catalog(str(query.settings.mlflow_tracking_uri)):
        return TrainingRuns()
    client = new_client(str(query.settings.mlflow_tracking_uri))
    begun: dict[str, datetime | None] = {}
    notes = []
    for run_id in run_ids[:MAX_RUNS]:

        def request(run_id: str = run_id) -> datetime | None:
            info = client.get_run(run_id).info
            if info.run_id != run_id:
                raise MalformedAnswerError("the answer is of another run")
            try:
                return plausible(parse_epoch_ms(int(info.start_time)), now=query.latest)
            except (TypeError, ValueError):
                return None

        try:
            begun[run_id] = access.transport.call(f"MLflow run {run_id}", request, explain_name)
        except UnknownModelError:
            begun[run_id] = None
        except HarvestError as problem:
            # The next run continues from here.
            if not begun:
                raise
            notes.append(str(problem))
            break
    unknown = sum(begun.get(run_id) is None for run_id in run_ids)
    if unknown:
        notes.insert(0, f"{plural(unknown, 'training run')}: it is not known when training began")
    return TrainingRuns(begun=begun, notes=tuple(notes))
