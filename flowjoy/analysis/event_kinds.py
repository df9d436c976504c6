"""The kind of each event (deploy, redeploy, rollback, ship, copy) by what was live before it.

A redeploy is of the commit that is live, a rollback of one that was live before it. A copy is a version whose content
shipped before (`domain/version_content`). Re-runs and several environments are one event already
(`domain/deduplication`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from flowjoy.analysis.event_columns import ID, NAME, PRECISION, SERVICE, SHA, VERSION
from flowjoy.domain import Kind, Precision
from flowjoy.domain.version_content import repeats

_COMPARED = ["_number", "_registered"]


def with_code_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """Distinguish deploy, redeploy and rollback. Each event makes its sha live, so the sha before it is the row above.

    A record without a sha counts as a new sha.
    """
    row = pd.Series(np.arange(len(frame)), index=frame.index)
    sha = frame[SHA].where(frame[SHA].notna(), "\0" + frame[ID])
    first_live = row.groupby([frame[SERVICE], sha]).transform("min")
    live_sha = sha.groupby(frame[SERVICE]).shift()
    live_since = first_live.groupby(frame[SERVICE]).shift()
    kind = np.select(
        [sha == live_sha, first_live < live_since],
        [Kind.REDEPLOY.value, Kind.ROLLBACK.value],
        default=Kind.DEPLOY.value,
    )
    return frame.assign(kind=kind, first_live=first_live)


def with_model_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """Distinguish ship, copy, rollback and redeploy. A record without a version counts as a new version."""
    row = pd.Series(np.arange(len(frame)), index=frame.index)
    version = frame[VERSION].where(frame[VERSION].notna(), "\0" + frame[ID])
    first_ship = row.groupby([frame[NAME], version]).transform("min")
    again = first_ship < row
    copied = frame["_copy"] | np.array(repeats(zip(frame[NAME], frame["_content"], strict=True)), dtype=bool)
    before, live_first = _before(frame), first_ship.groupby(frame[NAME]).shift()
    # Versions that cannot be compared are ordered by their first ship.
    older = _older_than(frame, before, default=first_ship < live_first)
    kind = np.select(
        [again & older, again, _is_superseded(frame, before), copied],
        [Kind.ROLLBACK.value, Kind.REDEPLOY.value, Kind.ROLLBACK.value, Kind.COPY.value],
        default=Kind.SHIP.value,
    )
    return frame.assign(kind=kind, first_live=row)


def kind_of_next(sha: str, live: Iterable[str | None]) -> Kind:
    """Return the kind of the event that would make a commit live now. `live`: the commits so far, oldest first."""
    shas = [*live, sha]
    frame = pd.DataFrame({ID: [str(row) for row in range(len(shas))], SHA: shas}, dtype=object).assign(**{SERVICE: ""})
    return Kind(with_code_kinds(frame)["kind"].iloc[-1])


def _is_superseded(frame: pd.DataFrame, before: pd.DataFrame) -> pd.Series:
    """Return which versions were superseded before their first ship: a newer one was live then.

    An observed version must be newer than every one observed before it, a stamped version newer than the live one. A
    version that ships by its registration is always the newest.
    """
    never = pd.Series(data=False, index=frame.index)
    superseded = _older_than(frame, before, default=never)
    observed = frame[PRECISION] == Precision.OBSERVED
    if observed.any():
        newest = frame[[NAME]].join(frame.groupby(NAME)[_COMPARED].cummax())
        superseded = superseded.where(~observed, _older_than(frame, _before(newest), default=never))
    return superseded & (frame[PRECISION] != Precision.REGISTERED)


def _before(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the number and registration of the version before each one, of the same model."""
    return frame.groupby(NAME)[_COMPARED].shift()


def _older_than(frame: pd.DataFrame, other: pd.DataFrame, *, default: pd.Series) -> pd.Series:
    """Compare each version with another one: by number, else by when they were registered, else by `default`."""
    numbered = frame["_number"].notna() & other["_number"].notna()
    dated = frame["_registered"].notna() & other["_registered"].notna()
    older = np.select(
        [numbered, dated],
        [frame["_number"] < other["_number"], frame["_registered"] < other["_registered"]],
        default=default,
    )
    return pd.Series(older.astype(bool), index=frame.index)
