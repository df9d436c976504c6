"""Model versions: shipped ones, those that the registry lists, and those that its aliases were observed to name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowjoy.domain.events import Precision
from flowjoy.domain.timestamps import EARLIEST, parse_iso


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRecord:
    """One registered model version that shipped at `shipped_at`.

    With precision OBSERVED it shipped in (`not_before`, `shipped_at`]; otherwise `not_before` is None. `run_id`: the
    training run. A version that ships again has a record of its own. `maybe_live_before`: it existed before the first
    observation, so it is unknown whether it was live then. `maybe_copy`: another version of the same training run may
    have been live. `source_gone`: a ledger remembers it, but its source no longer lists it; `borne_out`: the registry
    nevertheless shows that it existed. `unified_tag`: the code that the version itself says it belongs to. `stamp`: the
    tag that says when it shipped, as `<tag>=<time>`. A ship whose time was claimed later has a `not_before` as well.
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
    stamp: str | None = None

    @property
    def claimed_at(self) -> datetime | None:
        """The time that a stamp names which was written afterwards; None for any other ship.

        The version is not new for a release that is later, because by its own stamp it was live before.
        """
        if self.stamp is None or self.not_before is None:
            return None
        try:
            return parse_iso(self.stamp.rpartition("=")[2])
        except ValueError:  # a ledger may hold anything
            return EARLIEST


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasObservation:
    """The version that `signal` (`alias:<name>` or `stage:<name>`) named at `at`; empty if it named none.

    A registry does not record when an alias moves, so only observations show it. `run_id`, `source`, `model_id` and
    `registered_at` are those of the version, kept in case it is deleted from the registry.
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
    """A version that the registry lists, shipped or not. `validated`: it has the tag of a passed test.

    `stamps`: its tags whose value is a time, each as `<tag>=<time>`.
    """

    name: str
    version: str
    ready: bool
    validated: bool = False
    registered_at: datetime | None = None
    stamps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A registered model. `lost_one`: it changed after every version that it lists, as by the deletion of one."""

    created_at: datetime | None = None
    lost_one: bool = False
