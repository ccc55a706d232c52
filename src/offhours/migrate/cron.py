"""Sets of minutes, hours and days as one cron expression of ours.

Celery and APScheduler want every field to match. Our cron does, too, except for the two day
fields: when both are restricted either of them suffices, unless one begins with `*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from offhours.core.phrases.lexicon import WEEKDAY_NAMES, joined
from offhours.migrate.foreign import Refused

_WEEKS = (range(1, 8), range(8, 15), range(15, 22), range(22, 29), range(29, 32))
_ALL_DAYS, _ALL_WEEKDAYS = frozenset(range(1, 32)), frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Times:
    """The values at which each field matches. Sunday is 0.

    special_days, special_weekdays: items of our day fields, one of which suffices beside `days`
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] = _ALL_DAYS
    months: frozenset[int] = frozenset(range(1, 13))
    weekdays: frozenset[int] = _ALL_WEEKDAYS
    seconds: frozenset[int] = frozenset((0,))
    special_days: tuple[str, ...] = ()
    special_weekdays: tuple[str, ...] = ()


def expressions(times: Times) -> tuple[str, ...]:
    """The ways to say it: they differ only in which hours the clock may skip or repeat.

    Raises `Refused` when no expression says it.

    >>> quarters, noon, week = frozenset(range(0, 60, 15)), frozenset({12}), frozenset(range(1, 8))
    >>> expressions(Times(quarters, noon, days=week, weekdays=frozenset({1})))
    ('*/15 12 * * 1#1', '0-45/15 12 * * 1#1')
    """
    days, weekdays = _days(times)
    months = _field(times.months, 1, 12)
    seconds = "" if times.seconds == {0} else f"{_field(times.seconds, 0, 59)} "
    found = [
        f"{seconds}{_field(times.minutes, 0, 59, star)} {_field(times.hours, 0, 23, star)} "
        f"{days} {months} {weekdays}"
        for star in (True, False)
    ]
    return tuple(dict.fromkeys(found))


def _days(times: Times) -> tuple[str, str]:
    """The two day fields."""
    if times.special_days or times.special_weekdays:
        return _special(times)
    days, weekdays = times.days, times.weekdays
    if days == _ALL_DAYS or weekdays == _ALL_WEEKDAYS:
        return _field(days, 1, 31), _field(weekdays, 0, 6)
    weeks = [n for n, week in enumerate(_WEEKS, 1) if days.issuperset(week)]
    if days == {day for n in weeks for day in _WEEKS[n - 1]}:
        return "*", ",".join(f"{day}#{n}" for day in sorted(weekdays) for n in weeks)
    pair = _field(days, 1, 31), _field(weekdays, 0, 6)
    if any(field.startswith("*") for field in pair):
        return pair
    if 1 in days:  # the only one of `*/31`
        return _after("*/31", days - {1}, 1, 31), pair[1]
    if 0 in weekdays:
        return pair[0], _after("*/7", weekdays - {0}, 0, 6)
    names = joined([WEEKDAY_NAMES[day] for day in sorted(weekdays)])
    raise Refused(
        f"it fires on day {pair[0]} of the month if that is a {names}, and here either would "
        "suffice; schedule it for the day of the month, and begin the task with a look at the "
        "weekday"
    )


def _special(times: Times) -> tuple[str, str]:
    """The last day, or the second friday: ours are in two fields, either of which fires."""
    if times.weekdays != _ALL_WEEKDAYS:
        raise Refused(
            "it asks for a special day of the month and for a weekday at once; here either would "
            "suffice. Schedule the day, and begin the task with a look at the weekday"
        )
    numbers = [] if times.days == _ALL_DAYS else [_field(times.days, 1, 31, star=False)]
    days = ",".join([*numbers, *times.special_days])
    return days or "*", ",".join(times.special_weekdays) or "*"


def _after(first: str, rest: frozenset[int], low: int, high: int) -> str:
    return f"{first},{_field(rest, low, high, star=False)}" if rest else first


def _field(values: frozenset[int], low: int, high: int, star: bool = True) -> str:
    """Values as a field, as short as can be read."""
    if len(values) == high - low + 1:
        return "*"
    ordered = sorted(values)
    step = ordered[1] - ordered[0] if len(ordered) > 2 else 0
    if step > 1 and ordered == list(range(ordered[0], ordered[-1] + 1, step)):
        whole = ordered[0] == low and ordered[-1] + step > high
        return f"*/{step}" if star and whole else f"{ordered[0]}-{ordered[-1]}/{step}"
    return ",".join(_runs(ordered))


def _runs(ordered: list[int]) -> Iterator[str]:
    for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        run = [value for _, value in group]
        if len(run) > 2:
            yield f"{run[0]}-{run[-1]}"
        else:
            yield from map(str, run)
