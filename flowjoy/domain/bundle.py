"""Records to one versioned JSON file and back. Knows its schema, no source and no rule."""

from __future__ import annotations

import collections.abc
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import date, datetime
from enum import Enum
from functools import partial
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from flowjoy.domain import (
    Action,
    AlertState,
    AliasObservation,
    CodeRecord,
    Coverage,
    Incident,
    Inventory,
    ModelRecord,
    ModelVersion,
    Obligation,
    StubFile,
    Waiver,
    Window,
)
from flowjoy.domain.alias_observations import union
from flowjoy.domain.deduplication import distinct, unique
from flowjoy.domain.drift import DriftCheck, PastDriftCheck
from flowjoy.domain.timestamps import EARLIEST, LATEST, iso, parse_iso
from flowjoy.errors import BundleError, NewerBundleError

SCHEMA = 3
"""Raised when a key changes its meaning or an older reader would lose what it must keep.

2: the ledger's memory. 3: the keys of alerts, and when the first trusted run was.
"""

MOST_WEEKS, MOST_HOURS = 104, 8760
BUNDLE_FILE = "flowjoy-bundle.json"
REPORT_FILES = frozenset(
    {
        BUNDLE_FILE,
        "supply_chain_events.csv",
        "incidents.csv",
        "weekly_flow.csv",
        "recovery.csv",
        "dora.csv",
        "report.html",
        "unified_flow.png",
        "unified_flow.svg",
        "promise.png",
        "promise.svg",
        "drift.png",
        "drift.svg",
    }
)
"""Every file of a report: an artifact that holds any other is not ours."""

_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunParameters:
    """The inputs that decide what the records mean: with them a bundle can be recomputed offline.

    `code_source` and `model_source` name what was read: records of another source must not be remembered as of this.
    The last three only serve the gate of a later pull request, which must not be milder.
    """

    models: tuple[str, ...]
    model_stub: str
    model_signal: str
    sla_hours: float
    sla_since: datetime | None
    sla_target: float
    enforce: bool
    incident_match_hours: float
    divergence_percent: float
    code_source: str = ""
    model_source: str = ""
    mttr_spike_factor: float = 2.0
    flag_label: str = ""
    flag_paths: tuple[str, ...] = ()
    model_validated_tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The single source of truth of one run: everything the analysis reads, and what the next run must remember.

    `models_aside` are ships of models that this run did not ask for. `observations` are looks at aliases and stages,
    `waivers` those at the head of the default branch with the first sight of each, `ledgers` the ids of the artifacts
    whose memory is in this bundle. `commits` says by sha when the commits were committed that this deploy was the first
    to ship, `training_runs` by id when each run began (None: not known): both only serve lead times. `unshipped` are
    versions that are READY and never shipped, `inventory` what waits at GitHub (None: not read), `actions` what was
    proposed, one a week. `alerts` say which step of which alert was told to whom, `drift` is this run's comparison of
    live with training data (None: not asked for), `drift_marks` what it and earlier ones found. `models_gone` says by
    `<name>/<version>` when a run first found that the registry no longer lists a version that it had confirmed.
    `first_trusted_at`: the first trusted run of this service that a ledger remembers; None where no ledger could be
    read and kept.
    """

    service: str
    repository: str
    generated_at: datetime
    window: Window
    terms: RunParameters
    coverage: tuple[Coverage, ...]
    code: tuple[CodeRecord, ...]
    models: tuple[ModelRecord, ...]
    incidents: tuple[Incident, ...]
    stubs: Mapping[str, StubFile] = field(default_factory=dict)
    unknown_models: tuple[str, ...] = ()
    models_aside: tuple[ModelRecord, ...] = ()
    observations: tuple[AliasObservation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    ledgers: tuple[int, ...] = ()
    commits: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    training_runs: Mapping[str, datetime | None] = field(default_factory=dict)
    unshipped: tuple[ModelVersion, ...] = ()
    inventory: Inventory | None = None
    actions: tuple[Action, ...] = ()
    drift: DriftCheck | None = None
    drift_marks: tuple[PastDriftCheck, ...] = ()
    models_gone: Mapping[str, datetime] = field(default_factory=dict)
    first_trusted_at: datetime | None = None
    obligations: tuple[Obligation, ...] = field(default=())


def to_json(bundle: Bundle, computed: Mapping[str, object] | None = None, redact: Callable[[str], str] = str) -> bytes:
    """Sorted and stable: the same records give the same bytes, in whatever order they came.

    `computed`: more keys, of what was computed from the records: for others to use, and no part of what is read back.
    `redact` changes texts and never a key of ours, an instant or a word of a fixed set: the bundle stays readable.
    """
    ordered = replace(
        bundle,
        code=unique(bundle.code),
        models=unique(bundle.models),
        models_aside=unique(bundle.models_aside),
        incidents=unique(bundle.incidents),
        observations=union(bundle.observations),
        waivers=distinct(bundle.waivers),
        alerts=distinct(bundle.alerts),
        actions=distinct(bundle.actions),
        drift_marks=distinct(bundle.drift_marks),
        ledgers=distinct(bundle.ledgers),
    )
    extra = {key: _plain(item, redact) for key, item in (computed or {}).items()}
    plain = {"schema": SCHEMA, **_plain(ordered, redact, redact), **extra}
    text = json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, which JSON can carry and UTF-8 cannot, stays the escape that it was.
    return text.encode(errors="backslashreplace") + b"\n"


def from_json(raw: bytes) -> Bundle:
    """The bundle in a file, also of an older schema. Raises BundleError for what is none, NewerBundleError."""
    bundle = _typed(Bundle, _loaded(raw))
    _refuse_the_impossible(bundle)
    return bundle


def part(raw: bytes, key: str, kind: type[_Value]) -> _Value | None:
    """One key of `computed` as a value; None where the bundle has none. No run looks at it, only who replays one."""
    data = _loaded(raw)
    return _typed(kind, data[key]) if key in data else None


def _loaded(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise BundleError("this is not a FlowJoy bundle: it is not JSON") from None
    if not isinstance(data, dict) or type(data.get("schema")) is not int:
        raise BundleError("this is not a FlowJoy bundle: it names no schema")
    if not 1 <= data["schema"] <= SCHEMA:
        error = NewerBundleError if data["schema"] > SCHEMA else BundleError
        raise error(f"the bundle is of schema {data['schema']}, this FlowJoy reads schemas up to {SCHEMA}")
    return data


def _typed(kind: type[_Value], data: Any) -> _Value:
    try:
        return _value(kind, data)
    except (TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise BundleError(f"this is not a FlowJoy bundle: {problem}"[:300]) from None


def _refuse_the_impossible(bundle: Bundle) -> None:
    """What no run writes, and what would break whoever computes with it."""
    terms, window = bundle.terms, bundle.window
    hours = (terms.sla_hours, terms.incident_match_hours)
    try:
        ZoneInfo(window.timezone)
        known_zone = True
    except (LookupError, ValueError, OSError):
        known_zone = False
    sound = (
        known_zone
        and 1 <= window.weeks <= MOST_WEEKS
        and all(0 < value <= MOST_HOURS for value in hours)
        and all(EARLIEST <= stamp <= LATEST for stamp in (bundle.generated_at, window.since, window.until))
    )
    if not sound:
        raise BundleError("this is not a FlowJoy bundle: its window or terms are none that a run can have")


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _plain(value: object, redact: Callable[[str], str], redact_key: Callable[[str], str] = str) -> Any:
    plain = partial(_plain, redact=redact, redact_key=redact_key)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {redact_key(str(key)): plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}  # type: ignore[arg-type]  # has fields
    return redact(value) if isinstance(value, str) else value


def _value(kind: type[_Value], data: Mapping[str, Any]) -> _Value:
    """A frozen value out of its plain form; unknown keys are left alone, missing ones take the default."""
    if not isinstance(data, Mapping):
        raise TypeError(f"expected the keys of {kind.__name__}")
    hints = get_type_hints(kind)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    needed = {name for name, item in known.items() if item.default is MISSING and item.default_factory is MISSING}
    if missing := sorted(needed - data.keys()):
        raise TypeError(f"no {', '.join(missing)} in {kind.__name__}")
    return kind(**{name: _read(hints[name], data[name]) for name in known if name in data})


def _read(kind: Any, data: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        if data is None:
            return None
        kind = next(option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], item) for item in _exactly(list, data))
    if get_origin(kind) is collections.abc.Mapping:
        return {str(key): _read(get_args(kind)[1], item) for key, item in data.items()}
    if kind is datetime:
        return parse_iso(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if hasattr(kind, "__dataclass_fields__"):
        return _value(kind, data)
    return _exactly(kind, float(data) if kind is float and type(data) is int else data)


def _exactly(kind: type[_Value], data: Any) -> _Value:
    if type(data) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return data
