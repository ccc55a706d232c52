"""What a phrase fills in: slots that can each be said once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from offhours.core.phrases.clock_times import Clock
from offhours.core.phrases.dates import Moment
from offhours.core.phrases.reader import Reader

LAST = -1


@dataclass(frozen=True, slots=True)
class Frequency:
    """Every so many seconds, days or months; a plain week is seven days that begin on Sunday."""

    unit: str
    count: int
    is_week: bool = False

    @property
    def counts_from_start(self) -> bool:
        """Whether a start says on which day of its week, month or year it comes."""
        return self.is_week or self.unit == "month"

    @property
    def within_day(self) -> bool:
        return self.unit == "second"


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a clause in one of four ways; `alone` is one weekday that may mean a date."""

    weekdays: frozenset[int] = frozenset()
    numbered: tuple[tuple[int, int], ...] = ()
    of_month: tuple[str, ...] = ()
    dates: tuple[tuple[int, int], ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Relative:
    """`in 3 days`: a distance from now."""

    unit: str
    count: int


@dataclass(slots=True)
class Exceptions:
    """What `except` takes away, of one kind."""

    weekdays: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    of_month: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()


@dataclass(slots=True)
class Clause:
    """One frequency with its days, times and limits.

    A later clause `inherits` the `every` of the one before it: that makes a mere `friday` a rule.
    """

    first: int = 0
    every: bool = False
    inherits: bool = False
    frequency: Frequency | None = None
    days: Days | None = None
    months: frozenset[int] | None = None
    times: list[Clock] | None = None
    part: str | None = None
    minutes: tuple[int, ...] | None = None
    first_minute: int | None = None
    window: tuple[Clock, Clock] | None = None
    exceptions: Exceptions | None = None
    once: Moment | Relative | None = None
    anchor: Moment | None = None
    cron: str | None = None
    in_step: bool | None = None
    taken: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Schedule:
    """All clauses, and what holds for all of them."""

    clauses: list[Clause] = field(default_factory=list)
    zone: str | None = None
    start: Moment | None = None
    end: Moment | None = None
    lasting: tuple[str, int] | None = None
    count: int | None = None
    except_dates: tuple[date, ...] | None = None
    taken: dict[str, int] = field(default_factory=dict)


def fill(owner: Clause | Schedule, reader: Reader, place: int, /, **slots: Any) -> None:
    """Put values into free slots; what was said at token `place` is refused when said before."""
    for name, value in slots.items():
        if name in owner.taken:
            said = reader.tokens[place].raw
            raise reader.wrong(f'"{said}" says the {_SPOKEN[name]} a second time', place)
        owner.taken[name] = place
        setattr(owner, name, value)


_SPOKEN = {
    "frequency": "frequency", "days": "days", "months": "months", "times": "time",
    "part": "part of the day", "minutes": "minute", "first_minute": "first minute",
    "window": "hours", "exceptions": "exceptions", "once": "date", "anchor": "anchor",
    "cron": "cron expression", "in_step": "word", "zone": "timezone", "start": "start",
    "end": "end", "lasting": "length", "count": "number of times", "except_dates": "exceptions",
}  # fmt: skip
