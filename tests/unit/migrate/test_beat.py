"""Celery's beat schedule: a real application, read as beat reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import BaseSchedule, crontab, solar

from offhours.core.model import TaskPriority
from offhours.core.times import iso, to_micros
from offhours.core.triggers import Calendar, Cron, Every
from offhours.migrate.beat import read_celery
from offhours.migrate.foreign import Foreign, told

NOW = to_micros(datetime(2026, 2, 10, 12, 34, 56, tzinfo=UTC))


class EveryTide(BaseSchedule):
    pass


def read(schedule: Any, broker: str = "redis://h", **entry: Any) -> Foreign:
    app = Celery("proj", broker=broker, set_as_current=False)
    app.conf.timezone = "Europe/Berlin"
    app.conf.task_routes = {"proj.routed": {"queue": "far"}}
    app.conf.beat_schedule = {"one": {"task": "proj.report", "schedule": schedule, **entry}}
    [found] = read_celery(app, NOW)
    return found


def test_a_crontab() -> None:
    found = read(crontab(hour=9, minute=0, day_of_week="mon-fri"), args=(1,), kwargs={"a": "b"})
    assert found.plan is not None and found.refused is None
    assert (found.name, found.task) == ("one", "proj.report")
    assert (found.args, found.kwargs) == ((1,), {"a": "b"})
    assert found.plan.triggers == (Cron("0 9 * * 1-5"),)
    assert found.plan.timezone == "Europe/Berlin"
    there, here = found.next_fires(NOW)
    assert there == here and iso(here[0]) == "2026-02-11T08:00:00.000000Z"
    assert found.differences(NOW) == []


def test_a_clock_change_is_told() -> None:
    found = read(crontab(hour=2, minute=30))
    said = [told(each, found) for each in found.differences(NOW)]
    assert said == [
        "only Offhours fires at 2026-03-29 03:00:00 +0200, Celery does not (the clock changes)",
        "only Celery fires at 2026-03-29 03:30:00 +0200, Offhours does not (the clock changes)",
    ]


def test_of_two_ways_to_say_it_the_nearer_one_is_taken() -> None:
    found = read(crontab(hour=2, minute="*/15"))
    assert found.plan is not None and found.differences(NOW) == []
    assert found.plan.triggers == (Cron("0-45/15 2 * * *"),)


def test_an_interval_counts_from_when_it_is_stored() -> None:
    for schedule in (timedelta(minutes=45), 2700, 2700.0):
        found = read(schedule)
        assert found.every == timedelta(minutes=45) and "drifts" in found.notes[0]
        there, here = found.next_fires(NOW)
        assert there == here and here[0] == NOW + 2700 * 10**6
        assert found.differences(NOW) == []


def test_relative_intervals_are_rounded() -> None:
    hours = read(timedelta(hours=2), relative=True)
    assert hours.plan is not None and isinstance(hours.plan.triggers[0], Every)
    assert iso(hours.plan.fires(NOW, 1)[0]) == "2026-02-10T14:00:00.000000Z"
    days = read(timedelta(days=1), relative=True)
    assert days.plan is not None and isinstance(days.plan.triggers[0], Calendar)
    for found in (hours, days):
        assert found.next_fires(NOW)[0] == found.next_fires(NOW)[1]
        assert found.differences(NOW) == [] and found.every is None


@pytest.mark.parametrize(
    ("broker", "number", "priority"),
    [
        ("redis://h", 0, TaskPriority.NORMAL), ("redis://h", 3, TaskPriority.LOW),
        ("redis://h", 9, TaskPriority.BACKGROUND), ("amqp://h", 3, TaskPriority.HIGH),
        ("amqp://h", 9, TaskPriority.CRITICAL),
    ],
)  # fmt: skip
def test_priorities_go_the_way_of_the_broker(
    broker: str, number: int, priority: TaskPriority
) -> None:
    found = read(crontab(), broker, options={"priority": number})
    assert found.options["priority"] is priority
    assert found.notes == (f"Celery's priority {number} is {priority.name} here",)


def test_options() -> None:
    given = {"queue": "slow", "expires": 60, "serializer": "json", "link": None}
    found = read(crontab(), options=given)
    assert found.options == {"queue": "slow", "expires": timedelta(seconds=60)}
    assert found.notes == ("the option link is left out", "the option serializer is left out")
    assert read(crontab(), task="proj.routed").options == {"queue": "far"}
    until = read(crontab(), options={"expires": datetime(2026, 2, 10, 13, tzinfo=UTC)})
    assert until.plan is not None and iso(until.plan.end or 0)[11:16] == "13:00"
    assert until.next_fires(NOW)[0] == until.next_fires(NOW)[1]


@pytest.mark.parametrize(
    ("schedule", "entry", "said"),
    [
        (solar("sunrise", 48, 11), {}, "sunrise at 48, 11: the sun's times move each day"),
        (EveryTide(), {}, "EveryTide is a schedule of your own"),
        (0.01, {}, "the shortest interval here is 0.1 s"),
        (crontab(), {"options": {"expires": datetime(2026, 1, 1, tzinfo=UTC)}}, "no fires left"),
        (timedelta(hours=36), {"relative": True}, "is no even interval"),
        (crontab(), {"args": (BeatLazyFunc(datetime.now),)}, "computed at each fire"),
        (crontab(), {"args": (object(),)}, "arguments"),
        (crontab(day_of_month=13, day_of_week=5), {}, "day 13 of the month if that is a friday"),
    ],
)
def test_what_cannot_be_brought_over_says_why(
    schedule: Any, entry: dict[str, Any], said: str
) -> None:
    found = read(schedule, **entry)
    assert found.plan is None and said in (found.refused or "")


def test_what_modules_add_is_there_and_beats_own_chores_are_not() -> None:
    app = Celery("proj", set_as_current=False)

    @app.task(name="tick")
    def tick() -> None: ...

    @app.on_after_configure.connect(weak=False)
    def add(sender: Celery, **_: object) -> None:
        sender.add_periodic_task(10, tick.s(), name="ticks")
        sender.add_periodic_task(crontab(), sender.signature("celery.backend_cleanup"))

    assert [found.name for found in read_celery(app, NOW)] == ["ticks"]
