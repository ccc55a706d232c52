"""What to tell a person about a plan before it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from offhours.core.times import DAY, MINUTE, Micros, spoken, to_datetime, to_micros
from offhours.core.triggers.cron import Cron
from offhours.core.triggers.intervals import Calendar
from offhours.core.triggers.plan import Plan
from offhours.core.triggers.zones import changes, instant, local, offset

_YEAR = 366 * DAY
_LACKED_BY = {29: {2}, 30: {2}, 31: {2, 4, 6, 9, 11}}
_WEEKDAYS = (
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_CRON_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def warnings(plan: Plan, now: Micros) -> tuple[str, ...]:
    """Sentences on what may surprise: days that some months lack, and very dense fires.

    >>> warnings(Plan((Cron("0 9 31 * *"),), "UTC"), now=0)
    ('not every month has day 31: left out where it is missing; L means the last day',)
    """
    found: list[str] = []
    for trigger in plan.triggers:
        if isinstance(trigger, Cron):
            found += _missing_days(trigger)
            found += _fifth_weekdays(trigger)
        elif isinstance(trigger, Calendar) and trigger.months and trigger.anchor_date.day > 28:
            day = trigger.anchor_date.day
            found.append(f"not every month has day {day}: runs on the last day where it is missing")
    return tuple(dict.fromkeys([*found, *_dense(plan, now)]))


def _missing_days(cron: Cron) -> Iterator[str]:
    """Only days that are named one by one: who writes 28-31 knows that months end."""
    named = {item.removesuffix("W") for item in cron.fields[-3].split(",")}
    months = cron.months()
    days = [day for day, lack in _LACKED_BY.items() if str(day) in named and months & lack]
    if days:
        yield (
            f"not every month has day {' or '.join(map(str, days))}: "
            "left out where it is missing; L means the last day"
        )


def _fifth_weekdays(cron: Cron) -> Iterator[str]:
    for item in cron.fields[-1].split(","):
        day, _, week = item.partition("#")
        if week == "5":
            name = _WEEKDAYS[int(day) if day.isdigit() else _CRON_DAYS.index(day)]
            yield f"not every month has a fifth {name}: left out where it is missing"


def _dense(plan: Plan, now: Micros) -> Iterator[str]:
    shortest = plan.shortest_gap(now)
    if shortest is not None and shortest < MINUTE:
        yield f"runs more often than once a minute: every {spoken(shortest)}"


def dst_notes(plan: Plan, now: Micros, count: int = 5) -> tuple[str, ...]:
    """Up to `count` sentences on the clock changes of the coming year that touch this plan.

    >>> plan = Plan((Cron("30 2 * * *"),), "Europe/Berlin")
    >>> for note in dst_notes(plan, now=1_770_000_000_000_000):
    ...     print(note)
    on 29 March 2026 02:30 does not exist: runs at 03:00
    on 25 October 2026 02:30 comes twice: runs the first time
    """
    notes = (
        note
        for change in changes(plan.zone, now, now + _YEAR)
        if (plan.start or 0) <= change and (plan.end is None or change <= plan.end)
        for note in _notes(plan, change)
    )
    return tuple(dict.fromkeys(islice(notes, count)))


def _notes(plan: Plan, change: Micros) -> Iterator[str]:
    """One sentence for each trigger whose wall-clock times are skipped or repeated."""
    zone = plan.zone
    shows = local(change, zone)
    shift = offset(change, zone) - offset(change - 1, zone)
    would_show = shows - timedelta(microseconds=shift)
    for trigger in plan.triggers:
        if not isinstance(trigger, Cron | Calendar):
            continue
        if isinstance(trigger, Cron) and trigger.fields[-4] == "*":
            continue  # every hour it is: nobody misses one
        walls = _walls(trigger, min(shows, would_show), max(shows, would_show))
        walls = [wall for wall in walls if wall.date() not in plan.except_dates]
        if not walls:
            continue
        clock_rules = isinstance(trigger, Calendar) or trigger.is_fixed_time
        if shift > 0:
            runs = clock_rules and plan.next_after(change - 1) == change
            what = f"runs at {shows:%H:%M}" if runs else "left out"
            yield f"{_told(walls)} {'does' if len(walls) == 1 else 'do'} not exist: {what}"
        elif any(plan.next_after(fire - 1) == fire for fire in (instant(w, zone) for w in walls)):
            what = "runs the first time" if clock_rules else "runs both times"
            yield f"{_told(walls)} {'comes' if len(walls) == 1 else 'come'} twice: {what}"


def _walls(trigger: Cron | Calendar, start: datetime, end: datetime) -> list[datetime]:
    """The trigger's first wall-clock times in [start, end), three at most."""
    # UTC has no jumps, so there the trigger tells what it asks of any wall clock.
    found: list[datetime] = []
    moment = to_micros(start.replace(tzinfo=UTC)) - 1
    while len(found) < 3:
        fire = trigger.next_after(moment, UTC)
        if fire is None or fire >= to_micros(end.replace(tzinfo=UTC)):
            break
        found.append(to_datetime(fire).replace(tzinfo=None))
        moment = fire
    return found


def _told(walls: list[datetime]) -> str:
    day = walls[0]
    times = [f"{wall:%H:%M:%S}".removesuffix(":00") for wall in walls]
    told = times[0] if len(times) == 1 else f"{times[0]} and {times[1]}"
    if len(times) > 2:
        told = f"{times[0]}, {times[1]} and so on"
    return f"on {day.day} {_MONTHS[day.month - 1]} {day.year} {told}"
