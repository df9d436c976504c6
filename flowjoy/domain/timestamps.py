"""Timestamps: ISO 8601 and epoch milliseconds, read and written as aware UTC datetimes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)
"""An earlier timestamp is a mistake of units or parsing: seconds read as milliseconds give 1970."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_iso(text: str) -> datetime:
    """Parse an ISO 8601 timestamp with an offset as aware UTC. Raise ValueError for other text, also without offset."""
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text.strip()[:40]!r} is not an ISO 8601 timestamp") from None
    if stamp.tzinfo is None:
        raise ValueError(f"{text.strip()[:40]!r} has no offset: write 2024-06-03T11:54:56Z or …+02:00")
    try:
        return stamp.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text.strip()[:40]!r} is out of range") from None


def parse_local(text: str, zone: tzinfo) -> datetime:
    """Parse an ISO 8601 timestamp; one without an offset is the wall clock of `zone`.

    Raise ValueError for an hour that the clock change skips or repeats: its meaning is ambiguous.
    """
    try:
        naive = datetime.fromisoformat(text.strip())
    except ValueError:
        return parse_iso(text)
    if naive.tzinfo is not None:
        return parse_iso(text)
    try:
        first, second = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        raise ValueError(f"{text.strip()[:40]!r} is out of range") from None
    if first != second:
        raise ValueError(f"{text.strip()[:40]!r} is skipped or repeated by the clock change in {zone}: give an offset")
    return first


def parse_epoch_ms(value: int) -> datetime:
    """Convert epoch milliseconds to aware UTC. Raise ValueError outside the range of datetime."""
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError(f"{value} is not a time in epoch milliseconds") from None


def day_after(stamp: datetime) -> date:
    """Return the first day that begins after the timestamp in every time zone."""
    return (stamp + timedelta(hours=14)).date() + timedelta(days=1)


def plausible(stamp: datetime, *, now: datetime) -> datetime:
    """Return the timestamp. Raise ValueError if it is before 2005 or more than five minutes after `now`."""
    if stamp < EARLIEST:
        raise ValueError(f"{iso(stamp)} is before 2005: seconds where milliseconds belong?")
    if stamp > now + CLOCK_SKEW:
        raise ValueError(f"{iso(stamp)} lies in the future")
    return stamp


def iso(stamp: datetime) -> str:
    """Format a timestamp as `2024-06-03T11:54:56Z`; a fraction of a second is written without trailing zeros."""
    text = stamp.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def iso_or_none(stamp: datetime | None) -> str | None:
    """Format a timestamp; return None for None."""
    return None if stamp is None else iso(stamp)
