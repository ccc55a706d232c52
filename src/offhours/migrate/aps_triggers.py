"""When a trigger of APScheduler 3 fires: as ours, and as it says itself."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.cron.expressions import (
    AllExpression,
    LastDayOfMonthExpression,
    RangeExpression,
    WeekdayPositionExpression,
)
from apscheduler.triggers.cron.fields import MAX_VALUES, MIN_VALUES
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from offhours.core.times import Micros, to_datetime, to_micros
from offhours.core.triggers import At, Calendar, Cron, Every, Plan, Trigger
from offhours.core.triggers.zones import instant, load_zone
from offhours.migrate.cron import Times, expressions
from offhours.migrate.foreign import Fires, Refused, best_of, zone_name

_MOST_ASKED = 100_000


def plan_of(trigger: Any, now: Micros) -> tuple[Plan, Fires]:
    """The plan of a trigger, and how APScheduler itself fires. Jitter is left out of both."""
    theirs = _asked(trigger)
    match trigger:
        case CronTrigger():
            plans = [_bounded(Cron(text), trigger) for text in expressions(_times(trigger))]
            return best_of(plans, theirs, now), theirs
        case IntervalTrigger():
            length = trigger.interval // timedelta(microseconds=1)
            anchor = to_micros(trigger.start_date)
            return _bounded(Every(length, anchor), trigger), theirs
        case CalendarIntervalTrigger():
            return _calendar(trigger), theirs
        case DateTrigger():
            at = to_micros(trigger.run_date)
            if at <= now:
                raise Refused(f"its moment {to_datetime(at):%Y-%m-%d %H:%M:%S}Z has passed")
            return Plan((At(at),), zone_name(trigger.run_date.tzinfo)), theirs
        case OrTrigger():
            return _any_of(trigger, now), theirs
    kind = type(trigger)
    raise Refused(
        f"{kind.__module__}.{kind.__qualname__} has no rule of ours; schedule it more often, and "
        "begin the task with the condition"
    )


def _any_of(trigger: OrTrigger, now: Micros) -> Plan:
    plans = [plan_of(part, now)[0] for part in trigger.triggers]
    first = plans[0]
    if any(p.timezone != first.timezone for p in plans):
        raise Refused("its triggers are in different timezones; make it several schedules")
    parts = tuple(each for plan in plans for each in plan.triggers)
    if any((p.start, p.end) != (first.start, first.end) for p in plans):
        raise Refused("its triggers have bounds of their own; make it several schedules")
    return Plan(parts, first.timezone, first.start, first.end)


def _bounded(trigger: Trigger, theirs: CronTrigger | IntervalTrigger) -> Plan:
    start = None if isinstance(trigger, Every) else theirs.start_date
    end = theirs.end_date
    return Plan(
        (trigger,), zone_name(theirs.timezone),
        None if start is None else to_micros(start),
        None if end is None else to_micros(end),
    )  # fmt: skip


def _calendar(trigger: CalendarIntervalTrigger) -> Plan:
    months, days = trigger.years * 12 + trigger.months, trigger.weeks * 7 + trigger.days
    if months and days:
        raise Refused("months and days in one interval; here it is either")
    first, at = trigger.start_date, trigger._time.replace(tzinfo=None)
    zone, end = zone_name(trigger.timezone), None
    if trigger.end_date is not None:  # the whole day belongs to it
        midnight = datetime.combine(trigger.end_date + timedelta(days=1), time(0))
        end = instant(midnight, load_zone(zone)) - 1
    if months and first.day > 28 and 12 % months == 0:
        # An interval of ours would use the last day of the months that lack this one.
        every = sorted((first.month - 1 + n) % 12 + 1 for n in range(0, 12, months))
        named = "*" if months == 1 else ",".join(map(str, every))
        seconds = f"{at.second} " if at.second else ""
        cron = Cron(f"{seconds}{at.minute} {at.hour} {first.day} {named} *")
        return Plan((cron,), zone, instant(datetime.combine(first, time(0)), load_zone(zone)), end)
    return Plan((Calendar(days, months, first, (at,)),), zone, end=end)


# -- cron -------------------------------------------------------------------------------------


def _times(trigger: CronTrigger) -> Times:
    fields = {field.name: field for field in trigger.fields}
    for name in ("year", "week"):
        if str(fields[name]) != "*":
            raise Refused(
                f"{name}={str(fields[name])!r}: cron has no field for it; schedule it without, and "
                "begin the task with a look at the date, or bound it by start and end"
            )
    day = fields["day"]
    special = [e for e in day.expressions if type(e) in _SPECIAL]
    numbers = [e for e in day.expressions if type(e) not in _SPECIAL]
    days = _values(day, numbers) if numbers else _EVERY_DAY
    if numbers and days == _EVERY_DAY:
        special = []
    return Times(
        seconds=_values(fields["second"]),
        minutes=_values(fields["minute"]),
        hours=_values(fields["hour"]),
        months=_values(fields["month"]),
        days=days,
        weekdays=frozenset((value + 1) % 7 for value in _values(fields["day_of_week"])),
        special_days=tuple("L" for e in special if isinstance(e, LastDayOfMonthExpression)),
        special_weekdays=tuple(
            _position(e) for e in special if isinstance(e, WeekdayPositionExpression)
        ),
    )


_EVERY_DAY = frozenset(range(1, 32))
_SPECIAL = (LastDayOfMonthExpression, WeekdayPositionExpression)


def _position(expression: WeekdayPositionExpression) -> str:
    """`2nd fri` as `5#2`, `last sun` as `0L`."""
    weekday = (expression.weekday + 1) % 7
    number = expression.option_num + 1
    return f"{weekday}L" if number > 5 else f"{weekday}#{number}"


def _values(field: Any, chosen: list[Any] | None = None) -> frozenset[int]:
    low, high = MIN_VALUES[field.name], MAX_VALUES[field.name]
    found: set[int] = set()
    for expression in field.expressions if chosen is None else chosen:
        first, last = low, high
        if isinstance(expression, RangeExpression):
            first = expression.first
            # A lone first value stands for itself; with a step it goes on to the end.
            alone = expression.last is None and not expression.step
            last = first if alone else high if expression.last is None else expression.last
        elif type(expression) is not AllExpression:
            raise Refused(f"{field.name}={str(field)!r}: {type(expression).__name__} is unknown")
        found.update(range(first, last + 1, expression.step or 1))
    return frozenset(found)


# -- as it says itself ------------------------------------------------------------------------


def _asked(trigger: Any) -> Fires:
    """What the trigger answers when it is asked for one time after the other."""
    plain = _plain(trigger)

    def fires(after: Micros) -> Iterator[Micros]:
        now = to_datetime(after + 1).astimezone(getattr(trigger, "timezone", UTC))
        before = None
        for _ in range(_MOST_ASKED):
            at = plain.get_next_fire_time(before, now)
            if at is None:
                return
            if to_micros(at) > after:
                yield to_micros(at)
            before = at
            now = max(now, at)

    return fires


def _plain(trigger: Any) -> Any:
    """The trigger without its jitter, which would be another one at each question."""
    made = copy.copy(trigger)
    if hasattr(made, "triggers"):
        made.triggers = [_plain(part) for part in made.triggers]
    if hasattr(made, "jitter"):
        made.jitter = None
    return made
