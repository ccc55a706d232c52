"""The instants at which schedules fire: those to come, and past ones that have no job."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from offhours.core import schedules
from offhours.core.errors import ScheduleError
from offhours.core.firing import plan_of
from offhours.core.schedules import FireRecord, Schedule
from offhours.core.times import Micros, Moment, iso_second, parse_moment

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.core.triggers import Plan

MOST_BACKFILLED = 10_000


def instants(plan: Plan, first: Micros, last: Micros) -> Iterator[Micros]:
    """The instants from `first` to before `last`, however often the plan may fire."""
    instant = plan.next_after(first - 1)
    while instant is not None and instant < last:
        yield instant
        instant = plan.next_after(instant)


def coming(schedule: Schedule, first: Micros, last: Micros) -> Iterator[tuple[Micros, Schedule]]:
    """What an active schedule fires from `first` to before `last`, while it has runs left."""
    assert schedule.next_at is not None
    plan = plan_of(schedule.plan)
    left = schedules.runs_left(schedule, plan.count)
    few = left is not None and left <= MOST_BACKFILLED  # more are not worth being counted
    start = schedule.next_at if few else max(first, schedule.next_at)
    for instant in islice(instants(plan, start, last), left):
        if instant >= first:
            yield instant, schedule


def missing(app: Offhours, schedule: Schedule, start: Moment, end: Moment) -> list[Micros]:
    """The past instants of the plan from `start` to `end` that have no job."""
    now, zone = app.clock.micros(), app.settings.timezone
    first, last = parse_moment(start, "start", zone), parse_moment(end, "end", zone)
    if last < first:
        raise ScheduleError("backfill: the end lies before the start", "end")
    if last > now:
        raise ScheduleError(
            f"backfill: {iso_second(last)} is still to come; only past fires can be made up for",
            "end",
        )
    plan = plan_of(schedule.plan)
    known_since = now - app.settings.retention
    if first < known_since and last >= schedule.created_at:
        raise ScheduleError(
            f"backfill: what ran before {iso_second(known_since)} is not recorded any more "
            "(the app's retention); take a later start",
            "start",
        )
    found = list(islice(instants(plan, first, last + 1), MOST_BACKFILLED + 1))
    if len(found) > MOST_BACKFILLED:
        raise ScheduleError(
            f"backfill: more than {MOST_BACKFILLED:,} fires in that time; take a shorter one",
            "start",
        )
    done = {fire.instant for fire in _fires_from(app, schedule, first, last)
            if fire.job_id is not None}  # fmt: skip
    return [instant for instant in found if instant not in done]


def _fires_from(
    app: Offhours, schedule: Schedule, first: Micros, last: Micros
) -> Iterator[FireRecord]:
    before = last + 1
    while page := app.store.schedules.fires(schedule.id, before, 1000):
        yield from (fire for fire in page if fire.instant >= first)
        before = page[-1].instant
        if before < first:
            return
