"""Instants: what is read, what is refused, how they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.domain.timestamps import iso, iso_or_none, parse_epoch_ms, parse_iso, parse_local, plausible
from tests.builders import T0, at, epoch_ms

ANY_INSTANT = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001  (made aware)


@pytest.mark.parametrize(
    "text",
    ["2024-06-03T09:00:00Z", "2024-06-03T11:00:00+02:00", " 2024-06-03T09:00:00.000000+00:00\n", "20240603T090000Z"],
)
def test_parse_iso__any_spelling_with_an_offset_is_the_same_instant_in_utc(text: str) -> None:
    read = parse_iso(text)
    assert read == T0
    assert read.tzinfo is UTC


@pytest.mark.parametrize("text", ["2024-06-03T09:00:00", "2024-06-03", "2024-06-03 09:00"])
def test_parse_iso__naive_is_refused_saying_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no offset: write 2024-06-03T11:54:56Z"):
        parse_iso(text)


@pytest.mark.parametrize("text", ["", "yesterday", "1717405200", "2024-13-01T00:00:00Z", "2024-06-03T09:00:00+25:00"])
def test_parse_iso__what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 timestamp"):
        parse_iso(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_parse_iso__out_of_range_in_utc_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_iso(text)


def test_parse_iso__a_refusal_shows_at_most_forty_characters() -> None:
    with pytest.raises(ValueError, match="not an ISO") as refusal:
        parse_iso("x" * 5000)
    assert len(str(refusal.value)) < 80


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("text", "utc"), [
    ("2024-06-03T11:00:00", "2024-06-03T09:00:00Z"),
    (" 2024-01-03 11:00 ", "2024-01-03T10:00:00Z"),
    ("2024-06-03T11:00:00+00:00", "2024-06-03T11:00:00Z"),
    ("2024-06-03T11:00:00Z", "2024-06-03T11:00:00Z"),
])  # fmt: skip
def test_parse_local__wall_clock_of_the_zone_unless_an_offset_says_more(text: str, utc: str) -> None:
    assert iso(parse_local(text, BERLIN)) == utc


@pytest.mark.parametrize("text", ["2024-03-31T02:30:00", "2024-10-27T02:30:00"])
def test_parse_local__an_hour_that_is_skipped_or_repeated_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="skipped or repeated by the clock change in Europe/Berlin: give an offset"):
        parse_local(text, BERLIN)


@pytest.mark.parametrize("text", ["soon", "", "0001-01-01T00:00:00", "2024-13-01T00:00:00"])
def test_parse_local__what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an ISO 8601 timestamp|out of range"):
        parse_local(text, BERLIN)


@given(stamp=ANY_INSTANT, offset=st.integers(-14 * 60, 14 * 60))
def test_iso__reads_back_as_the_same_instant_from_any_offset(stamp: datetime, offset: int) -> None:
    elsewhere = stamp.astimezone(timezone(timedelta(minutes=offset)))
    assert parse_iso(iso(elsewhere)) == stamp
    assert iso(elsewhere) == iso(stamp)


def test_iso__whole_seconds_have_no_fraction_and_fractions_no_trailing_zeros() -> None:
    assert iso(T0) == "2024-06-03T09:00:00Z"
    assert iso(T0.replace(second=10, microsecond=500_000)) == "2024-06-03T09:00:10.5Z"
    assert iso(T0.replace(microsecond=1)) == "2024-06-03T09:00:00.000001Z"


def test_iso__a_missing_instant_stays_missing() -> None:
    assert iso_or_none(None) is None
    assert iso_or_none(T0) == "2024-06-03T09:00:00Z"


@given(ms=st.integers(-(10**13), 10**14))
def test_epoch_ms__round_trip(ms: int) -> None:
    assert epoch_ms(parse_epoch_ms(ms)) == ms


@pytest.mark.parametrize("value", [10**18, -(10**18), 10**400])
def test_epoch_ms__out_of_range_is_a_value_error(value: int) -> None:
    with pytest.raises(ValueError, match="is not a time in epoch milliseconds"):
        parse_epoch_ms(value)


def test_plausible__from_2005_on() -> None:
    first = datetime(2005, 1, 1, tzinfo=UTC)
    assert plausible(first, now=T0) == first
    with pytest.raises(ValueError, match="before 2005: seconds where milliseconds belong"):
        plausible(first - timedelta(microseconds=1), now=T0)


def test_plausible__seconds_read_as_milliseconds_are_found_out() -> None:
    with pytest.raises(ValueError, match="1970-01-20"):
        plausible(parse_epoch_ms(1_717_405_200), now=T0)


def test_plausible__five_minutes_of_clock_skew_are_allowed_and_not_more() -> None:
    assert plausible(at(minutes=5), now=T0) == at(minutes=5)
    with pytest.raises(ValueError, match="lies in the future"):
        plausible(at(minutes=5, microseconds=1), now=T0)
