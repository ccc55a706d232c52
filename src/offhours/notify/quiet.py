"""Quiet hours: when a channel waits until people are awake."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import NamedTuple

from offhours.core.errors import InputError
from offhours.core.times import Micros, in_hours, to_datetime, to_micros

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*(?:-|–|to)\s*([01]?\d|2[0-3]):([0-5]\d)")


class QuietHours(NamedTuple):
    """From one time of the day to another one, over midnight if that is earlier."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Quiet hours from text. Raises `InputError`.

        >>> QuietHours.parse("22:00-07:00").end
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

    def over_at(self, now: Micros, timezone: tzinfo | None) -> Micros:
        """When one may speak again: now, unless it is quiet.

        An end that the clock skips or repeats in that night comes within the hour.
        """
        local = to_datetime(now).astimezone(timezone)
        clock = local.time().replace(tzinfo=None)
        if not in_hours(clock, self.start, self.end):
            return now
        days = 1 if self.end < self.start <= clock else 0
        naive = datetime.combine(local.date() + timedelta(days=days), self.end)
        end = naive.replace(tzinfo=timezone) if timezone else naive.astimezone()
        return max(now, to_micros(end))
