"""Moments and durations as whole microseconds, and how people write them.

Inside, a moment is an `int` of microseconds since 1970 in UTC and a duration an `int` of
microseconds: exact, comparable, the same in every database. Datetimes live at the border.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import overload

from offhours.core.errors import TimeError

Micros = int
Duration = float | int | timedelta | str
Moment = datetime | str

SECOND: Micros = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATEST: Micros = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|[smhdw])")
_CLOCK_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def to_micros(moment: datetime) -> Micros:
    """An aware datetime as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(moment: Micros) -> datetime:
    """Microseconds since 1970 as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=moment)


@overload
def iso(moment: Micros) -> str: ...
@overload
def iso(moment: Micros | None) -> str | None: ...
def iso(moment: Micros | None) -> str | None:
    """RFC 3339 in UTC, as JSON answers carry it: `2026-06-01T10:00:00.000000Z`; None for None."""
    if moment is None:
        return None
    return _cut(moment, "microseconds")


def iso_second(moment: Micros) -> str:
    """The same for people, cut off at the second: `2026-06-01T10:00:00Z`."""
    return _cut(moment, "seconds")


def iso_minute(moment: Micros) -> str:
    """The same, cut off at the minute: `2026-06-01T10:00Z`."""
    return _cut(moment, "minutes")


def _cut(moment: Micros, at: str) -> str:
    return to_datetime(moment).replace(tzinfo=None).isoformat(timespec=at) + "Z"


def parse_duration(value: Duration, name: str = "duration") -> Micros:
    """Seconds, a `timedelta`, or words like `30s`, `5m`, `1h30m`, `2d` as microseconds.

    >>> parse_duration("1h30m") == parse_duration(5400)
    True
    """
    if isinstance(value, bool):
        raise TimeError(f"{name}: expected seconds, a timedelta or text like '30s', got {value!r}")
    if isinstance(value, timedelta):
        micros = value // timedelta(microseconds=1)
    elif isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise TimeError(f"{name}: {value} is not a length of time")
        micros = round(value * SECOND)
    elif isinstance(value, str):
        micros = _parse_words(value, name)
    else:
        raise TimeError(f"{name}: expected seconds, a timedelta or text like '30s', got {value!r}")
    if micros < 0:
        raise TimeError(f"{name}: must not be negative, got {value!r}")
    if micros > LATEST:
        raise TimeError(f"{name}: {value!r} is longer than the calendar")
    return micros


def _parse_words(text: str, name: str) -> Micros:
    compact = text.strip().lower().replace(" ", "")[:64]
    end, micros = 0, 0.0
    for part in _PART.finditer(compact):
        if part.start() != end:
            break
        micros += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    if not compact or end != len(compact):
        raise TimeError(f"{name}: cannot read {text[:64]!r}; write it like 90s, 5m, 1h30m or 2d")
    return round(micros)


def parse_moment(value: Moment, name: str = "time", timezone: tzinfo | None = None) -> Micros:
    """An aware datetime or ISO 8601 text as microseconds; naive ones need `timezone`."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = datetime.fromisoformat(text[:64])
        except ValueError:
            raise TimeError(
                f"{name}: cannot read {text[:64]!r}; write it like 2026-06-01T09:00+02:00"
            ) from None
    if not isinstance(value, datetime):
        raise TimeError(f"{name}: expected a datetime or ISO 8601 text, got {value!r}")
    if value.utcoffset() is None:
        if timezone is None:
            raise TimeError(
                f"{name}: {value.isoformat()} has no timezone; "
                "add one (datetime.now(UTC)) or give the app a timezone"
            )
        value = value.replace(tzinfo=timezone)
    micros = to_micros(value)
    if not 0 <= micros <= LATEST:
        raise TimeError(f"{name}: {value.isoformat()} is outside the years 1970 to 9999")
    return micros


def parse_until(
    value: Moment | Duration, now: Micros, timezone: tzinfo | None = None, name: str = "until"
) -> Micros:
    """When a deferral ends: a moment, a wall-clock time (`14:00`) or a delay (`10m`, seconds).

    A wall-clock time means its next occurrence in `timezone`, or in the machine's own zone.
    """
    if isinstance(value, datetime):
        return parse_moment(value, name, timezone)
    if isinstance(value, str):
        clock_time = _CLOCK_TIME.fullmatch(value.strip())
        if clock_time:
            return _next_clock_time(time(int(clock_time[1]), int(clock_time[2])), now, timezone)
        if not _PART.match(value.strip().lower()) or "-" in value:
            return parse_moment(value, name, timezone)
    return now + parse_duration(value, name)


def _next_clock_time(wanted: time, now: Micros, timezone: tzinfo | None) -> Micros:
    local = to_datetime(now).astimezone(timezone)
    for days in (0, 1, 2):
        day = (local + timedelta(days=days)).date()
        naive = datetime.combine(day, wanted)
        moment = naive.replace(tzinfo=timezone) if timezone else naive.astimezone()
        if to_micros(moment) > now:
            return to_micros(moment)
    raise TimeError(f"until: no {wanted} within two days")


def in_hours(clock: time, start: time, end: time) -> bool:
    """Whether a time of the day is from `start` on and before `end`, over midnight if that is less.

    >>> in_hours(time(3), time(22), time(7)), in_hours(time(7), time(22), time(7))
    (True, False)
    """
    return start <= clock < end if start < end else clock >= start or clock < end


def spoken(duration: Micros) -> str:
    """A length of time as people say it: `1.5 s`, `4 min`, `2 h 5 min`, `3 d 4 h`.

    >>> spoken(parse_duration("2h5m"))
    '2 h 5 min'
    """
    if duration < SECOND:
        return f"{duration / 1000:.0f} ms"
    if duration < 10 * SECOND:
        return f"{duration / SECOND:.1f} s"
    for big, big_name, small, small_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", SECOND, "s"),
    ):
        if duration >= big:
            whole, tail = duration // big, duration % big // small
            return f"{whole} {big_name} {tail} {small_name}" if tail else f"{whole} {big_name}"
    return f"{duration / SECOND:.0f} s"
