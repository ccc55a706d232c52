"""Triggers that count from an anchor: a fixed length, days or months of the calendar, or once."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from offhours.core.errors import ScheduleError
from offhours.core.times import LATEST, Micros
from offhours.core.triggers.zones import instant, local

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed length of real time: `anchor`, `anchor + interval`, and so on; none before.

    Both in microseconds. The wall clock plays no part: 24 hours are 24 hours on every night.
    An interval that is not positive, or an anchor outside 1970 to 9999, is a `ScheduleError`.

    >>> from datetime import UTC
    >>> Every(interval=90, anchor=1000).next_after(1000, UTC)
    1090
    """

    interval: Micros
    anchor: Micros

    def __post_init__(self) -> None:
        check_moment(self.anchor, "anchor")
        if not _whole(self.interval) or not 0 < self.interval <= LATEST:
            raise ScheduleError(
                f"interval: expected a positive length of time, got {shown(self.interval)}",
                "interval",
            )

    def next_after(self, moment: Micros, zone: tzinfo) -> Micros | None:
        """The first fire strictly later than `moment`; `zone` makes no difference."""
        if moment < self.anchor:
            return self.anchor
        steps = (moment - self.anchor) // self.interval + 1
        return within_calendar(self.anchor + steps * self.interval)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, read back by `from_dict`."""
        return {"type": "every", "interval": self.interval, "anchor": self.anchor}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Every so many days or months from `anchor_date`, at wall-clock times, over all DST changes.

    Exactly one of `days` and `months` is positive: every other day is `days=2`, fortnightly
    `days=14`, every year `months=12`. Nothing fires before the anchor date. A month without the
    anchor's day uses its last day: from 31 January by one month come 28 February and 31 March,
    because a run left out in silence surprises more than one that comes a day or three early.
    A wall time that is skipped runs right after the jump, a repeated one in its first pass.

    >>> from offhours.core.times import iso
    >>> from datetime import UTC
    >>> monthly = Calendar(months=1, anchor_date=date(2026, 1, 31), at=(time(9),))
    >>> iso(monthly.next_after(1_770_000_000_000_000, UTC))
    '2026-02-28T09:00:00.000000Z'
    """

    days: int = 0
    months: int = 0
    anchor_date: date = date(1970, 1, 1)
    at: tuple[time, ...] = (time(0),)

    def __post_init__(self) -> None:
        for name, value in (("days", self.days), ("months", self.months)):
            if not _whole(value) or not 0 <= value <= _MOST:
                raise ScheduleError(f"{name}: expected 0 to {_MOST}, got {shown(value)}", name)
        if (self.days > 0) == (self.months > 0):
            raise ScheduleError("calendar interval: give either days or months", "days")
        check_date(self.anchor_date, "anchor_date")
        at = tuple(self.at)
        for wall in at:
            check_time(wall, "at")
        if not at:
            raise ScheduleError("at: expected at least one time of day", "at")
        object.__setattr__(self, "at", tuple(sorted(set(at))))

    def next_after(self, moment: Micros, zone: tzinfo) -> Micros | None:
        """The first fire strictly later than `moment`, in the zone's wall-clock time."""
        if moment >= LATEST:
            return None
        step = max(0, self._steps_to(local(moment, zone).date()) - 1)
        try:
            while True:
                day = self._day(step)
                for wall in self.at:
                    fire = instant(datetime.combine(day, wall), zone)
                    if fire > moment:
                        return within_calendar(fire)
                step += 1
        except (OverflowError, ValueError):
            return None

    def _steps_to(self, day: date) -> int:
        if self.days:
            return (day - self.anchor_date).days // self.days
        anchor = self.anchor_date
        return ((day.year - anchor.year) * 12 + day.month - anchor.month) // self.months

    def _day(self, step: int) -> date:
        if self.days:
            return self.anchor_date + timedelta(days=step * self.days)
        year, month = divmod(
            self.anchor_date.year * 12 + self.anchor_date.month - 1 + step * self.months, 12
        )
        last = monthrange(year, month + 1)[1]
        return date(year, month + 1, min(self.anchor_date.day, last))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, read back by `from_dict`."""
        unit = {"days": self.days} if self.days else {"months": self.months}
        return {
            "type": "calendar",
            **unit,
            "anchor_date": self.anchor_date.isoformat(),
            "at": [wall.isoformat() for wall in self.at],
        }


@dataclass(frozen=True, slots=True)
class At:
    """Once, at `moment` (microseconds since 1970).

    >>> from datetime import UTC
    >>> At(1000).next_after(999, UTC), At(1000).next_after(1000, UTC)
    (1000, None)
    """

    moment: Micros

    def __post_init__(self) -> None:
        check_moment(self.moment, "moment")

    def next_after(self, moment: Micros, zone: tzinfo) -> Micros | None:
        """The moment itself while it lies ahead; `zone` makes no difference."""
        return self.moment if self.moment > moment else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, read back by `from_dict`."""
        return {"type": "at", "moment": self.moment}


def within_calendar(fire: Micros) -> Micros | None:
    """The fire, or None past the last moment that can be written down."""
    return fire if fire <= LATEST else None


def check_moment(value: object, name: str) -> None:
    """Refuse what is not microseconds from 1970 to 9999."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LATEST:
        raise ScheduleError(
            f"{name}: expected microseconds from 1970 to 9999, got {shown(value)}", name
        )


def check_date(value: object, name: str) -> None:
    """Refuse what is not a plain date."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ScheduleError(f"{name}: expected a date, got {shown(value)}", name)


def check_time(value: object, name: str) -> None:
    """Refuse what is not a time of day without a zone."""
    if not isinstance(value, time) or value.tzinfo is not None:
        raise ScheduleError(
            f"{name}: expected a time of day without a zone, got {shown(value)}", name
        )


def shown(value: object) -> str:
    """A value as a message shows it: short, whatever was handed in."""
    try:
        return ascii(value)[:64]
    except ValueError:
        return f"a very large {type(value).__name__}"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
