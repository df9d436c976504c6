"""The interface of a source: the harvest query, the clients it may use, and its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Generic, Protocol, Self, TypeVar
from zoneinfo import ZoneInfo

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
    """The parameters of a harvest, for every source. `now` is the real clock: no timestamp can be later.

    `models` must be in the registry; `candidates` need not be (a pull request may name anything). `observations`: those
    of aliases by earlier runs. `new_commits`: commits whose stub may be fetched along the way. `remembered`: the
    ledger's stubs by commit, which may be compared with the source's along the way. `own_deployment`: the id of the
    deployment whose event started this run; `own_tag`: the tag that it is about. `known_code`: when the deploys that
    the source confirmed to an earlier run went live, by id; they only save requests.
    `looked_at`: when the newest ledger was written; `code_read_at`: when the newest one was that read the same code
    completely.
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
    runner_name: str | None = None
    default_branch: str | None = None
    default_commit: str | None = None
    observations: tuple[AliasObservation, ...] = ()
    new_commits: tuple[str, ...] = ()
    remembered: Mapping[str, StubFile] = field(default_factory=dict)
    own_deployment: int | None = None
    own_tag: str | None = None
    known_code: Mapping[str, datetime] = field(default_factory=dict)
    known_environments: frozenset[str] = frozenset()
    looked_at: datetime | None = None
    code_read_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether the run is of the present; the current state says nothing about a dry run over the past."""
        return self.as_of >= self.now

    @property
    def latest(self) -> datetime:
        """The latest possible timestamp, apart from clock skew."""
        return max(self.now, self.as_of)

    @property
    def horizon(self) -> datetime:
        """The oldest time that matters. A ledger does not make it later, because it may be wrong."""
        return min(self.since, self.as_of - MEMORY)

    @property
    def promised_since(self) -> datetime | None:
        """When the promise began: what went live before opens no clock."""
        since, zone = self.settings.sla_since, ZoneInfo(self.settings.timezone)
        return None if since is None else datetime.combine(since, time.min, tzinfo=zone).astimezone(UTC)

    def owes_nothing(self, ended: datetime) -> bool:
        """Return whether what went live by then is older than `sla-since`."""
        return self.promised_since is not None and ended < self.promised_since


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The clients available to a source: HTTP transport, GitHub (if a token is set) and a progress callback."""

    transport: Transport
    progress: Callable[[str], None]
    github: GitHubApi | None = None

    @property
    def to_github(self) -> GitHubApi:
        """The GitHub client; the settings require a token for every source that needs one."""
        if self.github is None:
            raise HarvestError("GitHub cannot be read without a token", hint="set github-token")
        return self.github


@dataclass(frozen=True, kw_only=True)
class UnseenSignal:
    """A `model-signal` that no version of a model has, and the cure. `is_misspelt`: a similar one exists."""

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
    """The records of one source, and notes for the user.

    A source of code may bring `stubs` that it read along the way, and the `stub_ids` that git gives to others (None:
    the commit has none). A registry also lists its `versions`, the models that
    it has (`known`), the candidates that it does not have (`unknown`, each with a suggestion) and its alias
    `observations`. `other_models`: remembered records of models that were not asked for. `left_out`: ids of entries
    that are not releases of this service. `moves`: whether the commit of a record may change, like that of a tag.
    `own`: ids of releases of the tag that this run is about: published, perhaps not deployed yet.
    `waiting`: ids of releases that are not live yet; `not_yet`: the times that bound records from below, by id.
    `listings`, `first_listed`: when versions and stamps were read, as in `Records`. `unseen`: models whose versions do
    not show the signal. `entries`: everything that a source of code lists.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...] = field(default=())
    versions: tuple[ModelVersion, ...] = field(default=())
    unknown: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Registered] = field(default_factory=dict)
    other_models: tuple[Record, ...] = field(default=())
    observations: tuple[AliasObservation, ...] = field(default=())
    stubs: Mapping[str, StubFile] = field(default_factory=dict)
    stub_ids: Mapping[str, str | None] = field(default_factory=dict)
    left_out: frozenset[str] = field(default=frozenset())
    moves: bool = False
    own: frozenset[str] = frozenset()
    waiting: frozenset[str] = field(default=frozenset())
    not_yet: Mapping[str, datetime] = field(default_factory=dict)
    listings: Mapping[str, datetime] = field(default_factory=dict)
    first_listed: Mapping[str, datetime] = field(default_factory=dict)
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
    """One source: `fetch` calls its service, `parse` is pure. Both raise HarvestError rather than return a part."""

    @property
    def label(self) -> str:
        """The name of the source in messages."""

    def fetch(self, query: HarvestQuery, access: Clients) -> Any:
        """Return the answers, complete and validated."""

    def parse(self, raw: Any, query: HarvestQuery) -> SourceResult[Record]:
        """Return the records in the answers."""


def left_out(skipped: Iterable[Entry], noun: str) -> tuple[str, ...]:
    """Return one note for each reason, with the number of entries."""
    counts = Counter(entry.reason for entry in skipped)
    return tuple(f"{plural(counts[reason], noun)} {reason}: left out" for reason in sorted(counts))


def stamp_of(at: datetime, what: str, query: HarvestQuery) -> datetime:
    """Return a timestamp from an answer. Raise HarvestError, which names `what` carries it, if it is impossible."""
    try:
        return plausible(at, now=query.latest)
    except ValueError as problem:
        raise HarvestError(f"{what} carries a wrong time: {problem}") from None
