"""A part of each day, over midnight if need be: the one rule for quiet hours of any kind."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import NamedTuple

from offhours.core.errors import InputError
from offhours.core.times import Micros, in_hours, to_datetime, to_micros

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*(?:-|–|to)\s*([01]?\d|2[0-3]):([0-5]\d)")


class Hours(NamedTuple):
    """From one time of the day to another one, over midnight if that is earlier.

    Without a timezone they are hours of the machine's own.
    """

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Hours from text. Raises `InputError`.

        >>> Hours.parse("22:00-07:00").end
        datetime.time(7, 0)
        """
        found = _SPAN.fullmatch(text.strip())
        if not found:
            raise InputError(f"cannot read {text[:40]!r}; write it like 22:00-07:00")
        hours = [int(part) for part in found.groups()]
        start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
        if start == end:
            raise InputError(f"{text[:40]!r} is no time at all, or always")
        return cls(start, end)

    def hold(self, now: Micros, timezone: tzinfo | None) -> bool:
        """Whether a moment lies in them."""
        clock = to_datetime(now).astimezone(timezone).time()
        return in_hours(clock, self.start, self.end)

    def over_at(self, now: Micros, timezone: tzinfo | None) -> Micros:
        """When they are over: now, unless it is one of them.

        An end that the clock skips or repeats in that night comes within the hour.
        """
        if not self.hold(now, timezone):
            return now
        local = to_datetime(now).astimezone(timezone)
        days = 1 if self.end < self.start <= local.time() else 0
        naive = datetime.combine(local.date() + timedelta(days=days), self.end)
        end = naive.replace(tzinfo=timezone) if timezone else naive.astimezone()
        return max(now, to_micros(end))

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"
