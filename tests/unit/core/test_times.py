"""Durations and moments: what is understood, and what is refused with words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhours.core.errors import TimeError
from offhours.core.times import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    iso,
    parse_duration,
    parse_moment,
    parse_until,
    spoken,
    to_datetime,
    to_micros,
)

NOON = to_micros(datetime(2026, 6, 1, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        (30, 30 * SECOND),
        (0.25, SECOND // 4),
        (timedelta(minutes=5), 5 * MINUTE),
        ("30s", 30 * SECOND),
        ("5m", 5 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("1 h 30 m", 90 * MINUTE),
        ("2d", 2 * DAY),
        ("1w", 7 * DAY),
        ("250ms", SECOND // 4),
        ("1.5h", 90 * MINUTE),
    ],
)
def test_durations(written: object, micros: int) -> None:
    assert parse_duration(written) == micros


@pytest.mark.parametrize(
    "bad",
    [-1, "-5m", float("nan"), float("inf"), "", "soon", "5", "5 minutes!", True, None, "1e9s", []],
)
def test_bad_durations_are_named(bad: object) -> None:
    with pytest.raises(TimeError, match="delay"):
        parse_duration(bad, "delay")


def test_a_duration_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(TimeError, match="longer than the calendar"):
        parse_duration(10**12)


def test_naive_times_are_refused_without_a_timezone() -> None:
    with pytest.raises(TimeError, match="no timezone"):
        parse_moment(datetime(2026, 6, 1, 12, 0))
    with pytest.raises(TimeError, match="no timezone"):
        parse_moment("2026-06-01T12:00")


def test_naive_times_are_taken_in_the_given_timezone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_moment("2026-06-01T14:00", timezone=berlin) == NOON


@pytest.mark.parametrize("text", ["2026-06-01T12:00Z", "2026-06-01T14:00+02:00"])
def test_iso_text(text: str) -> None:
    assert parse_moment(text) == NOON


@pytest.mark.parametrize("bad", ["tomorrow", "2026-13-01T00:00Z", "", 5, None])
def test_bad_moments(bad: object) -> None:
    with pytest.raises(TimeError):
        parse_moment(bad)


def test_moments_outside_of_the_calendar() -> None:
    with pytest.raises(TimeError, match="1970 to 9999"):
        parse_moment(datetime(1900, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("10m", NOON + 10 * MINUTE),
        (90, NOON + 90 * SECOND),
        ("14:00", NOON + 2 * HOUR),
        ("11:30", NOON + 23 * HOUR + 30 * MINUTE),
        ("12:00", NOON + DAY),
        ("2026-06-02T12:00Z", NOON + DAY),
        (datetime(2026, 6, 1, 13, tzinfo=UTC), NOON + HOUR),
        (timedelta(hours=1), NOON + HOUR),
    ],
)
def test_until(until: object, expected: int) -> None:
    assert parse_until(until, NOON, UTC) == expected


def test_a_clock_time_is_the_wall_clock_of_the_timezone() -> None:
    assert parse_until("14:00", NOON, ZoneInfo("America/New_York")) == NOON + 6 * HOUR


def test_a_clock_time_without_timezone_is_the_machines() -> None:
    assert NOON < parse_until("14:00", NOON) <= NOON + DAY


@pytest.mark.parametrize("bad", ["25:00", "14:60", "never", ""])
def test_bad_until(bad: str) -> None:
    with pytest.raises(TimeError):
        parse_until(bad, NOON)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)), st.integers(-720, 720))
def test_moments_round_trip(naive: datetime, offset: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    if to_micros(moment) >= 0:
        assert to_datetime(to_micros(moment)) == moment
        assert parse_moment(iso(to_micros(moment))) == to_micros(moment)


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (500, "0 ms"),
        (40_000, "40 ms"),
        (1_500_000, "1.5 s"),
        (42 * SECOND, "42 s"),
        (4 * MINUTE, "4 min"),
        (2 * HOUR + 5 * MINUTE, "2 h 5 min"),
        (3 * DAY + 4 * HOUR, "3 d 4 h"),
    ],
)
def test_spoken(micros: int, words: str) -> None:
    assert spoken(micros) == words


def test_a_number_beyond_floating_point_is_too_long() -> None:
    with pytest.raises(TimeError, match="longer than the calendar"):
        parse_duration(10**400)
