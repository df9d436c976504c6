"""Traces of deleted versions in MLflow: a deletion changes the model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flowjoy.clients.mlflow_models import RegisteredModel, RegisteredVersion
from flowjoy.domain import Registered
from flowjoy.domain.timestamps import EARLIEST, parse_epoch_ms


def registered(model: RegisteredModel, versions: Sequence[RegisteredVersion]) -> Registered:
    """Return when a model was created, and whether it changed after everything that it lists.

    A new version, a new stage and a new description change the model; the first two also change a version that is
    listed. Neither an alias nor a tag changes it.
    """
    stamps = [model.created, *(stamp for version in versions for stamp in (version.created, version.changed))]
    listed = [stamp for stamp in stamps if isinstance(stamp, int)]
    changed = model.changed
    return Registered(
        created_at=_instant(model.created),
        lost_one=isinstance(changed, int) and changed > max(listed, default=changed),
    )


def _instant(stamp: object) -> datetime | None:
    if not isinstance(stamp, int):
        return None
    try:
        return max(parse_epoch_ms(stamp), EARLIEST)
    except ValueError:
        return None
