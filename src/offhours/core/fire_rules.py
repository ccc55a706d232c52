"""What a schedule does with a fire that was missed, comes while it is busy, or is in a blackout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from offhours.core.errors import ScheduleError, TimeError
from offhours.core.times import Micros, parse_duration

MOST_CAUGHT_UP = 1_000
_CAUGHT_UP_BY_DEFAULT = 100
_LAST_DAY = date(9998, 12, 30)
_DAILY = re.compile(r"([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)-([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)")


class Overlap(StrEnum):
    """What a fire does while an earlier job of its schedule is not finished.

    skip: nothing; queue_one: waits for it, if none waits yet; queue_all: waits its turn;
    cancel_old: cancels it, and starts when it has ended; allow: runs beside it
    """

    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    CANCEL_OLD = "cancel_old"
    ALLOW = "allow"

    @classmethod
    def parse(cls, value: object) -> Overlap:
        """A policy from itself or its name."""
        try:
            return cls(str(value))
        except ValueError:
            names = ", ".join(cls)
            raise ScheduleError(
                f"overlap: expected one of {names}, got {value!r}", "overlap"
            ) from None


class CatchUp(NamedTuple):
    """Which missed fires are made up for: none, the latest, up to `most`, or those in `window`."""

    policy: str
    most: int = 1
    window: Micros = 0

    @classmethod
    def parse(cls, value: object) -> CatchUp:
        """From "skip", "once", "all" (up to 100), "all:20" or 20, "window:2h" or a timedelta.

        >>> CatchUp.parse("all:20"), str(CatchUp.parse("window:2h"))
        (CatchUp(policy='all', most=20, window=0), 'window:7200s')
        """
        if isinstance(value, timedelta):
            return cls._within(value)
        word, colon, rest = str(value).partition(":")
        if isinstance(value, int) and not isinstance(value, bool):
            word, colon, rest = "all", ":", str(value)
        match word, bool(colon):
            case "skip", False:
                return cls("skip")
            case "once", False:
                return cls("once")
            case "all", False:
                return cls("all", _CAUGHT_UP_BY_DEFAULT)
            case "all", True if rest.isascii() and rest.isdigit() and len(rest) < 6:
                if 1 <= int(rest) <= MOST_CAUGHT_UP:
                    return cls("all", int(rest))
            case "window", True:
                return cls._within(rest)
        raise ScheduleError(
            f"catch_up: expected skip, once, all, all:N (at most {MOST_CAUGHT_UP:,}) "
            f"or window:2h, got {str(value)[:64]!r}",
            "catch_up",
        )

    @classmethod
    def _within(cls, length: str | timedelta) -> CatchUp:
        try:
            window = parse_duration(length, "catch_up")
        except TimeError as wrong:
            raise ScheduleError(str(wrong), "catch_up") from None
        if window == 0:
            raise ScheduleError("catch_up: the window must be longer than 0", "catch_up")
        return cls("window", MOST_CAUGHT_UP, window)

    def __str__(self) -> str:
        match self.policy:
            case "all":
                return f"all:{self.most}"
            case "window":
                return f"window:{self.window / 1_000_000:g}s"
            case _:
                return self.policy


@dataclass(frozen=True, slots=True)
class Blackout:
    """A time in which a schedule's fires are skipped: a part of each day, or whole days.

    Written `22:00-06:00` (the end no longer belongs to it), `2026-12-24` or
    `2026-12-24..2026-12-26` (both ends do); it goes by the schedule's own clock.

    >>> Blackout.parse("22:00-06:00").holds(datetime(2026, 6, 1, 5, 59))
    True
    """

    text: str
    start: time | date
    end: time | date

    @classmethod
    def parse(cls, value: object) -> Blackout:
        """From its text."""
        text = value.strip()[:64] if isinstance(value, str) else repr(value)[:64]
        try:
            if ".." in text:
                first, _, last = text.partition("..")
                found = cls(text, date.fromisoformat(first), date.fromisoformat(last))
                if found.start > found.end:  # type: ignore[operator]
                    raise ScheduleError(f"blackout: {text} ends before it starts", "blackout")
                return found
            if (times := _DAILY.fullmatch(text)) is not None:
                opening, closing = (time.fromisoformat(word) for word in times.groups())
                if opening == closing:
                    raise ScheduleError(f"blackout: {text} starts when it ends", "blackout")
                return cls(text, opening, closing)
            day = date.fromisoformat(text)
        except ValueError as wrong:
            if isinstance(wrong, ScheduleError):
                raise
            raise ScheduleError(
                f"blackout: cannot read {text!r}; write it like 22:00-06:00, 2026-12-24 "
                "or 2026-12-24..2026-12-26",
                "blackout",
            ) from None
        return cls(text, day, day)

    def holds(self, wall: datetime) -> bool:
        """Whether the wall-clock moment lies inside."""
        if isinstance(self.start, time) and isinstance(self.end, time):
            now = wall.time()
            if self.start < self.end:
                return self.start <= now < self.end
            return now >= self.start or now < self.end
        assert isinstance(self.start, date) and isinstance(self.end, date)
        return self.start <= wall.date() <= self.end

    def end_after(self, wall: datetime) -> datetime:
        """When a blackout that holds now ends by the wall clock."""
        if isinstance(self.end, time):
            late = self.end <= wall.time()
            return datetime.combine(wall.date() + timedelta(days=late), self.end)
        return datetime.combine(min(self.end, _LAST_DAY) + timedelta(days=1), time(0))
