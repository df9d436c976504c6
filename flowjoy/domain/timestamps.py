"""Reading and writing instants. Knows ISO-8601 and epoch milliseconds, no clock and no zone but UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)
"""Nothing FlowJoy reads is older: an earlier stamp is a unit or parsing mistake (1970 is seconds read as ms)."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_iso(text: str) -> datetime:
    """An ISO-8601 instant with an offset as aware UTC. Raises ValueError, also for naive text."""
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text.strip()[:40]!r} is not an ISO-8601 instant") from None
    if stamp.tzinfo is None:
        raise ValueError(f"{text.strip()[:40]!r} has no offset: write 2024-06-03T11:54:56Z or …+02:00")
    try:
        return stamp.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text.strip()[:40]!r} is out of range") from None


def parse_local(text: str, zone: tzinfo) -> datetime:
    """The same, where an instant without an offset is the wall clock of `zone`.

    ValueError for an hour that the clock change skips or repeats: nobody can say which instant is meant.
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
    """Epoch milliseconds as aware UTC. Raises ValueError when out of datetime's range."""
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError(f"{value} is not a time in epoch milliseconds") from None


def plausible(stamp: datetime, *, now: datetime) -> datetime:
    """The stamp itself; ValueError when it is before 2005 or more than five minutes after `now`."""
    if stamp < EARLIEST:
        raise ValueError(f"{iso(stamp)} is before 2005: seconds where milliseconds belong?")
    if stamp > now + CLOCK_SKEW:
        raise ValueError(f"{iso(stamp)} lies in the future")
    return stamp


def iso(stamp: datetime) -> str:
    """`2024-06-03T11:54:56Z`; a fraction only where there is one, without trailing zeros."""
    text = stamp.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def iso_or_none(stamp: datetime | None) -> str | None:
    """`iso`, or None for None."""
    return None if stamp is None else iso(stamp)
