"""When a schedule of Celery fires: as ours, and as beat itself would."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab, schedule, solar

from offhours.core.times import DAY, HOUR, LATEST, MINUTE, SECOND, Micros, to_datetime
from offhours.core.triggers import Calendar, Cron, Every, Plan
from offhours.core.triggers.zones import changes, load_zone
from offhours.migrate.cron import Times, expressions
from offhours.migrate.foreign import Fires, Refused, best_of, zone_name

_SHORTEST = SECOND // 10


def times_of(times: Any, app: Celery, now: Micros) -> tuple[Plan, timedelta | None, Fires]:
    """The plan, of a plain interval its length, and how Celery itself fires."""
    theirs = _beat(times, app, now)
    if isinstance(times, crontab):
        zone = zone_name(times.tz)
        plans = [Plan((Cron(text),), zone) for text in expressions(_fields(times))]
        return best_of(plans, theirs, now), None, theirs
    if type(times) is schedule:
        return *_interval(times, zone_name(app.timezone), now), theirs
    if isinstance(times, solar):
        raise Refused(sun(times.event, f"{times.lat}, {times.lon}"))
    kind = type(times)
    raise Refused(
        f"{kind.__module__}.{kind.__qualname__} is a schedule of your own; only it knows its times"
    )


def sun(event: str, where: str) -> str:
    """Why the sun is no schedule here."""
    return (
        f"{event} at {where}: the sun's times move each day, and are no rule of the clock; leave "
        "it with beat, or have a daily task submit the job for the moment that a library of "
        "astronomy gives: task.options(at=...)"
    )


def _fields(times: crontab) -> Times:
    return Times(
        minutes=frozenset(times.minute),
        hours=frozenset(times.hour),
        days=frozenset(times.day_of_month),
        months=frozenset(times.month_of_year),
        weekdays=frozenset(times.day_of_week),
    )


def _interval(times: schedule, zone: str, now: Micros) -> tuple[Plan, timedelta | None]:
    length = times.run_every // timedelta(microseconds=1)
    if length < _SHORTEST:
        raise Refused(f"every {times.run_every}: the shortest interval here is 0.1 s")
    if not times.relative:
        return Plan((Every(length, now),), zone), times.run_every
    if length >= DAY and length % DAY == 0:
        today = to_datetime(now).astimezone(load_zone(zone)).date()
        return Plan((Calendar(days=length // DAY, anchor_date=today, at=(time(0),)),), zone), None
    unit = next((unit for unit in (HOUR, MINUTE) if length >= unit), SECOND)
    if length >= DAY:
        raise Refused(f"every {times.run_every}, rounded to days, is no even interval")
    return Plan((Every(length, now // unit * unit),), zone), None


def _beat(times: Any, app: Celery, now: Micros) -> Fires:
    """When beat fires: it asks the schedule, sleeps for as long as told, and asks again.

    What counts from the last run is taken to have run now.
    """
    zone = load_zone(zone_name(times.tz))
    interval = times.run_every // timedelta(microseconds=1) if type(times) is schedule else 1

    def fires(after: Micros) -> Iterator[Micros]:
        asked = copy.copy(times)
        asked.app, asked.tz = app, zone
        at = last = after - (after - now) % max(interval, 1)
        asked.nowfun = lambda: to_datetime(at).astimezone(zone)
        while at < LATEST // 4:
            due, left = asked.is_due(to_datetime(last).astimezone(zone))
            if due:
                if at > after:
                    yield at
                last = at
                _, left = asked.is_due(to_datetime(last).astimezone(zone))
            woken = at + max(round(left * SECOND), 1)
            # It wakes every few minutes, and at a change of the clock may then think otherwise.
            at = next(iter(changes(zone, at, woken)), woken)

    return fires


def bounded(theirs: Fires, start: Micros | None, end: Micros | None) -> Fires:
    """The same fires within bounds."""

    def fires(after: Micros) -> Iterator[Micros]:
        for at in theirs(max(after, -1 if start is None else start - 1)):
            if end is not None and at > end:
                return
            yield at

    return fires
