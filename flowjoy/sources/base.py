"""What every source shares: the question, the door to its service, and the shape of its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, Self, TypeVar

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import AliasObservation, CodeRecord, Incident, ModelRecord, ModelVersion, Registered, StubFile
from flowjoy.domain.timestamps import plausible
from flowjoy.errors import HarvestError
from flowjoy.ledger.memory import MEMORY
from flowjoy.report.text import plural

Record = TypeVar("Record", CodeRecord, ModelRecord, Incident)

LATER = "succeeded only after as-of"
"""The reason why a dry run over the past skips an entry."""


@dataclass(frozen=True, kw_only=True)
class HarvestQuery:
    """What a run asks of every source. `now` is the real clock, for telling impossible stamps.

    `models` must be known to the registry; `candidates` need not be (a pull request may name anything). `looks` are
    those of earlier runs. `new_commits`: those whose stub may be asked for on the way; `remembered`: stubs that a
    ledger remembers, by commit, which may be compared with the source's on the way. `own_deployment`: the id of the
    deployment whose event made this run. `known_code`: when what the source confirmed to an earlier run went live, by
    id; it only saves questions.
    """

    settings: Settings
    as_of: datetime
    now: datetime
    since: datetime
    models: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    repository: str = ""
    server_url: str = "https://github.com"
    registry_workspace: str | None = None
    sha: str | None = None
    run_id: str | None = None
    default_branch: str | None = None
    default_commit: str | None = None
    looks: tuple[AliasObservation, ...] = ()
    new_commits: tuple[str, ...] = ()
    remembered: Mapping[str, StubFile] = field(default_factory=dict)
    own_deployment: int | None = None
    known_code: Mapping[str, datetime] = field(default_factory=dict)
    known_environments: frozenset[str] = frozenset()

    @property
    def live(self) -> bool:
        """False for a dry look at the past: what waits now says nothing of then."""
        return self.as_of >= self.now

    @property
    def latest(self) -> datetime:
        """No stamp can be later than this, but for clocks that differ."""
        return max(self.now, self.as_of)

    @property
    def horizon(self) -> datetime:
        """Return the oldest instant that matters. No ledger makes it later: what it says may be wrong."""
        return min(self.since, self.as_of - MEMORY)


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The doors a source may use: the transport, GitHub where there is a token, and a line of progress."""

    transport: Transport
    progress: Callable[[str], None]
    github: GitHubApi | None = None

    @property
    def to_github(self) -> GitHubApi:
        """GitHub; settings make sure that there is a token where a source needs one."""
        if self.github is None:
            raise HarvestError("GitHub cannot be asked without a token", hint="check github-token")
        return self.github


@dataclass(frozen=True, kw_only=True)
class UnseenSignal:
    """A `model-signal` that no version of a model shows, with the cure; `is_misspelt`: a similar one is there."""

    problem: str
    cure: str
    is_misspelt: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a source's list; a skipped one carries the reason. The log, the report and doctor read the same.

    `id`: that of its record, if it has one. `label`: its environment, branch or tag. `detail`: what the reason means
    for this entry. `is_ours`: False for an entry that is not a deployment of this service, and so has no record.
    """

    id: str
    at: datetime
    label: str
    sha: str | None
    reason: str = ""
    detail: str = ""
    is_ours: bool = True

    @classmethod
    def of(cls, record: CodeRecord, label: str, reason: str = "", detail: str = "") -> Self:
        """Return the entry of a record."""
        return cls(id=record.id, at=record.shipped_at, label=label, sha=record.sha, reason=reason, detail=detail)


@dataclass(frozen=True, kw_only=True)
class SourceResult(Generic[Record]):
    """The records of one source, and what a user should know of them.

    A source of code may bring stubs that it met on the way. A registry also tells which versions it lists, what it
    shows of each model, which of the candidates it does not know (and what may have been meant), and what it was seen
    to name. `aside`: remembered,
    and not asked for now. `left_out`: ids of what the source shows, and what is no release of ours. `moves`: whether
    the commit of a record may change, as that of a tag. `unseen`: models that do not show the signal.
    `entries`: everything that a source of code lists, counted or not.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...] = field(default=())
    versions: tuple[ModelVersion, ...] = field(default=())
    unknown: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Registered] = field(default_factory=dict)
    aside: tuple[Record, ...] = field(default=())
    looks: tuple[AliasObservation, ...] = field(default=())
    stubs: Mapping[str, StubFile] = field(default_factory=dict)
    left_out: frozenset[str] = field(default=frozenset())
    moves: bool = False
    unseen: tuple[UnseenSignal, ...] = field(default=())
    entries: tuple[Entry, ...] = field(default=())

    @property
    def skipped(self) -> tuple[Entry, ...]:
        """The entries that do not count."""
        return tuple(entry for entry in self.entries if entry.reason)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The newest entries of a service, of every environment and branch.

    `own`: those of this service, as far as the list goes back; `elsewhere`: all others.
    """

    own: SourceResult[CodeRecord]
    elsewhere: tuple[Entry, ...]


class Source(Protocol[Record]):
    """One source: `fetch` talks to its service, `parse` is pure. Either raises HarvestError; neither gives a part."""

    @property
    def label(self) -> str:
        """What people call it."""

    def fetch(self, query: HarvestQuery, access: Clients) -> Any:
        """The raw answers, complete and of the right shape."""

    def parse(self, raw: Any, query: HarvestQuery) -> SourceResult[Record]:
        """The records in them."""


def left_out(skipped: Iterable[Entry], noun: str) -> tuple[str, ...]:
    """Return one note for each reason, with the number of entries."""
    counts = Counter(entry.reason for entry in skipped)
    return tuple(f"{plural(counts[reason], noun)} {reason}: left out" for reason in sorted(counts))


def stamp_of(at: datetime, what: str, query: HarvestQuery) -> datetime:
    """Return an instant out of an answer. HarvestError names what carries an impossible one."""
    try:
        return plausible(at, now=query.latest)
    except ValueError as problem:
        raise HarvestError(f"{what} carries a wrong time: {problem}") from None
