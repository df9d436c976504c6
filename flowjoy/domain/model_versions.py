"""Model versions: those that shipped, those that the registry lists, and what its aliases were seen to name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowjoy.domain.events import Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRecord:
    """One registered model version that shipped at `shipped_at`.

    With precision OBSERVED the ship lies in (`not_before`, `shipped_at`]; otherwise `not_before` is None.
    `run_id` is the training run. A version that ships again is a record of its own. `maybe_live_before`: it was there
    before anybody looked, so nobody knows whether it was live then. `maybe_copy`: another version of the same training
    run may have been. `source_gone`: a ledger remembers it, its source no longer shows it; `borne_out`: and yet the
    registry shows that it was there. `unified_tag`: what the version itself says of the code that it belongs to.
    `source` is where its content lies, `model_id` its logged model: with `run_id` they decide whether the content is
    new. None is unknown; a `source` of "" is known to be missing.
    """

    id: str
    name: str
    version: str | None
    shipped_at: datetime
    run_id: str | None = None
    not_before: datetime | None = None
    precision: Precision = Precision.EXACT
    registered_at: datetime | None = None
    url: str | None = None
    maybe_live_before: bool = False
    maybe_copy: bool = False
    unified_tag: str | None = None
    source_gone: bool = False
    borne_out: bool = False
    source: str | None = None
    model_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasObservation:
    """What one run saw at `at`: the version that `signal` (`alias:<name>`, `stage:<name>`) named; empty for none.

    A registry keeps no time for such a move: only looks tell. `run_id`, `source`, `model_id` and `registered_at` are
    the version's own, kept in case the registry forgets it.
    """

    model: str
    signal: str
    at: datetime
    version: str = ""
    run_id: str = ""
    registered_at: datetime | None = None
    source: str | None = None
    model_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """A version as the registry lists it, shipped or not. `validated`: it carries the tag of a passed test."""

    name: str
    version: str
    ready: bool
    validated: bool = False
    registered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """What a registry shows of a model itself. `lost_one`: it changed after all that it lists, as by a deletion."""

    created_at: datetime | None = None
    lost_one: bool = False
