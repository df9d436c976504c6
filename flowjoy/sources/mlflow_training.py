"""When training runs began, from MLflow: the start of a model's lead time. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowjoy.errors import UnknownModelError
from flowjoy.instants import parse_epoch_ms, plausible
from flowjoy.mlflow_api import explain, new_client
from flowjoy.sources.base import Access, Query
from flowjoy.transport import MalformedAnswerError

MOST_RUNS = 30
"""Each is a request of its own; what is left is asked for by the next run."""

_MOST_UNKNOWN = 3


@dataclass(frozen=True, kw_only=True)
class Training:
    """When each run began, by its id, and what should be known of those that are left out."""

    begun: Mapping[str, datetime] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(query: Query, access: Access, run_ids: Sequence[str]) -> Training:
    """When these runs began, the first `MOST_RUNS` of them. Raises HarvestError when MLflow does not answer.

    A registry need not keep the runs that its models came from: after a few that it does not know it is left alone.
    """
    if not run_ids:
        return Training()
    client = new_client(str(query.settings.mlflow_tracking_uri))
    begun: dict[str, datetime] = {}
    unknown = 0
    for run_id in run_ids[:MOST_RUNS]:

        def request(run_id: str = run_id) -> datetime:
            info = client.get_run(run_id).info
            if info.run_id != run_id:
                raise MalformedAnswerError("the answer is of another run")
            try:
                return plausible(parse_epoch_ms(int(info.start_time)), now=max(query.now, query.as_of))
            except (TypeError, ValueError):
                raise MalformedAnswerError("the run does not say when it began") from None

        try:
            begun[run_id] = access.transport.call(f"MLflow run {run_id}", request, explain)
        except UnknownModelError:
            unknown += 1
            if unknown == _MOST_UNKNOWN:
                break
    left = len(run_ids) - len(begun)
    return Training(begun=begun, notes=(f"of {left} training runs it is not known when they began",) if left else ())
