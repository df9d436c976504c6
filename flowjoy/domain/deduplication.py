"""Removes duplicates from the records of a source: one record an id, one deployment for the jobs of a matrix."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar

from flowjoy.domain import CodeRecord, Incident, ModelRecord, Outcome, commit_sha

_Record = TypeVar("_Record", CodeRecord, ModelRecord, Incident)
_Value = TypeVar("_Value", bound=Hashable)
DELETED = " (deleted)"
"""Suffix of a version whose model was deleted and created again, so that another version has its number."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")


def unique(records: Iterable[_Record]) -> tuple[_Record, ...]:
    """Return one record an id, sorted by id: the same result for input in any order.

    Of records that share an id but differ (one was read twice while it changed), keep the incident with the latest end,
    or else the record whose repr is smallest.
    """
    kept: dict[str, _Record] = {}
    for record in map(_printable, records):
        known = kept.setdefault(record.id, record)
        if known != record and _preference(record) < _preference(known):
            kept[record.id] = record
    return tuple(kept[key] for key in sorted(kept))


def _preference(record: CodeRecord | ModelRecord | Incident) -> tuple[float, str]:
    end = record.end if isinstance(record, Incident) else None
    return 0.0 if end is None else -end.timestamp(), repr(record)


def distinct(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """Return each value once: the same result for input in any order."""
    return tuple(sorted(set(values), key=repr))


def without_half_pairs(text: str) -> str:
    """Replace each half of a surrogate pair, which JSON can carry and neither UTF-8 nor pandas can, by U+FFFD."""
    return _HALF_PAIR.sub("\ufffd", text)


def _printable(record: _Record) -> _Record:
    """Return the record without halves of surrogate pairs in its texts."""
    values = ((item.name, getattr(record, item.name)) for item in fields(record))
    texts = {name: text for name, text in values if isinstance(text, str)}
    changes: dict[str, Any] = {
        name: without_half_pairs(text) for name, text in texts.items() if _HALF_PAIR.search(text)
    }
    return replace(record, **changes) if changes else record


def fold(records: Iterable[CodeRecord]) -> tuple[CodeRecord, ...]:
    """Return one record per (service, sha, run) and stretch in which that sha was live, sorted by id.

    Matrix jobs, several environments and re-runs become their earliest success until another commit goes live; a
    success after that is a record of its own. A deployment without a run is not grouped. A group that never succeeded
    stays provisional if one of its jobs is this run itself, or else failed.
    """
    known = with_full_shas(unique(records))
    events = list(_events(record for record in known if record.outcome is Outcome.SUCCESS))
    live = {release_key(record) for record in known if record.outcome is Outcome.SUCCESS}
    groups: dict[tuple[str, ...], list[CodeRecord]] = {}
    for record in known:
        key = release_key(record)
        # A re-run that is under way may be a rollback; its earlier success stays an event of its own.
        if record.outcome is not Outcome.SUCCESS and key not in live:
            groups.setdefault(key, []).append(record)
    return unique((*events, *map(_unfinished, groups.values())))


def with_full_shas(records: Iterable[CodeRecord]) -> tuple[CodeRecord, ...]:
    """Return the records with shas in lower case; an abbreviated one becomes the full sha of another record."""
    known = tuple(records)
    meaning = commit_sha.full_names(record.sha for record in known if record.sha is not None)
    return tuple(
        record if record.sha is None or meaning[record.sha] == record.sha else replace(record, sha=meaning[record.sha])
        for record in known
    )


def release_key(record: CodeRecord) -> tuple[str, ...]:
    """Return the key that the jobs of one release share: (service, sha, run), or the id without a run or sha."""
    if record.run_id is None or record.sha is None:
        return "", record.id
    return record.service, record.sha, record.run_id


def _events(successes: Iterable[CodeRecord]) -> Iterator[CodeRecord]:
    """Yield the successes that changed the live commit or deployed it again.

    With several environments the newest commit that is live in any of them counts: a commit that reaches an environment
    late is not a rollback, and a commit that every environment replaced is no longer live.
    """
    first_live: dict[str, int] = {}
    live: dict[tuple[str, str], str] = {}
    shown: set[tuple[str, ...]] = set()
    newest: dict[str, str] = {}
    for record in sorted(successes, key=lambda record: (record.shipped_at, record.id)):
        sha = f"\0{record.id}" if record.sha is None else record.sha
        first_live.setdefault(sha, len(first_live))
        # GitHub treats environments that differ only by case as one.
        live[record.service, record.environment.casefold()] = sha
        here = [commit for (service, _), commit in live.items() if service == record.service]
        now_live = max(here, key=first_live.__getitem__)
        if now_live != newest.get(record.service):
            shown.clear()
            newest[record.service] = now_live
        key = release_key(record)
        if sha == now_live and key not in shown:
            shown.add(key)
            yield record


def _unfinished(group: list[CodeRecord]) -> CodeRecord:
    """Return the job of this run itself, or else the first failed one, of a release without a success."""
    provisional = [record for record in group if record.outcome is Outcome.PROVISIONAL]
    return min(provisional or group, key=lambda record: (record.shipped_at, record.id))


def shipped_again(records: Iterable[ModelRecord]) -> tuple[ModelRecord, ...]:
    """Give every ship after a version's first an id of its own: `model:<name>/<version>@<timestamp>`."""
    from flowjoy.domain.timestamps import iso

    seen: set[str] = set()
    marked = []
    for record in sorted(records, key=lambda record: (record.shipped_at, record.id)):
        first = record.id not in seen
        seen.add(record.id)
        marked.append(record if first else replace(record, id=f"{record.id}@{iso(record.shipped_at)}"))
    return unique(marked)
