"""APScheduler: real schedulers and job stores."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger

from offhours.core.times import iso, to_micros
from offhours.core.triggers import Cron
from offhours.migrate.aps import only_pending, read_scheduler, read_store
from offhours.migrate.database import opened
from offhours.migrate.foreign import Foreign

NOW = to_micros(datetime(2026, 2, 10, 12, 34, 56, tzinfo=UTC))


def tidy(*args: object) -> None: ...


class Detonator:
    """Harms whoever unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.abort, ()


class FullMoon(BaseTrigger):  # type: ignore[misc]
    def get_next_fire_time(self, previous_fire_time: object, now: datetime) -> datetime:
        return now


def read(trigger: Any, *, function: Any = tidy, **options: Any) -> Foreign:
    scheduler = BackgroundScheduler(timezone="Europe/Berlin")
    scheduler.add_job(function, trigger, id="one", **options)
    [found] = read_scheduler(scheduler, NOW)
    return found


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"hour": 9, "day_of_week": "mon-fri"}, "0 9 * * 1-5"),
        ({"hour": 9, "day_of_week": "0"}, "0 9 * * 1"),  # theirs begins the week on monday
        ({"minute": "5/15"}, "5-50/15 * * * *"),
        ({"second": "*/10"}, "*/10 * * * * *"),
        ({"day": "2nd fri,last", "hour": 6}, "0 6 L * 5#2"),
        ({"day": "*,last", "hour": 6}, "0 6 * * *"),
        ({"day": "last sun"}, "0 0 * * 0L"),
        ({"month": "jan-mar", "day": 1}, "0 0 1 1-3 *"),
    ],
)
def test_cron(fields: dict[str, Any], text: str) -> None:
    found = read("cron", **fields)
    assert found.plan is not None and found.plan.triggers == (Cron(text),)
    there, here = found.next_fires(NOW)
    assert there == here and len(here) == 5


def test_the_clock_changes_of_a_fixed_time_are_told() -> None:
    found = read("cron", hour=2, minute=30)
    assert [(iso(each.at)[:16], each.ours) for each in found.differences(NOW)] == [
        ("2026-03-29T01:00", True), ("2026-03-29T01:30", False), ("2026-10-25T01:30", False),
    ]  # fmt: skip


def test_bounds() -> None:
    found = read("cron", hour=9, start_date="2026-02-12", end_date="2026-02-14 09:00:00")
    there, here = found.next_fires(NOW)
    assert there == here and [iso(at)[8:10] for at in here] == ["12", "13", "14"]


def test_intervals() -> None:
    since = read("interval", minutes=45, start_date="2026-02-10 00:00:00")
    assert since.every is None and since.next_fires(NOW)[0] == since.next_fires(NOW)[1]
    assert since.differences(NOW) == []


def test_an_interval_without_a_start_counts_from_when_it_is_stored() -> None:
    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(tidy, "interval", minutes=45)
    [found] = read_scheduler(scheduler, to_micros(datetime.now(UTC)))
    assert found.every == timedelta(minutes=45)


def test_calendar_intervals_leave_out_the_months_that_lack_the_day() -> None:
    months = read("calendarinterval", months=1, start_date="2026-01-31", hour=9)
    fortnights = read("calendarinterval", weeks=2, start_date="2026-02-02", hour=9)
    for found in (months, fortnights):
        there, here = found.next_fires(NOW)
        assert there == here and len(here) == 5 and found.differences(NOW) == []
    until = read("calendarinterval", days=1, start_date="2026-02-01", end_date="2026-02-12")
    assert [len(line) for line in until.next_fires(NOW)] == [2, 2]


def test_a_date_and_several_crons() -> None:
    once = read("date", run_date="2026-05-01 12:00:00")
    assert [iso(at) for at in once.next_fires(NOW)[1]] == ["2026-05-01T10:00:00.000000Z"]
    zone = "Europe/Berlin"
    parts = [CronTrigger(hour=3, timezone=zone), CronTrigger(hour=5, minute=15, timezone=zone)]
    either = read(OrTrigger(parts))
    assert either.next_fires(NOW)[0] == either.next_fires(NOW)[1]


@pytest.mark.parametrize(
    ("trigger", "options", "said"),
    [
        (AndTrigger([CronTrigger(hour=3), CronTrigger(minute=15)]), {}, "AndTrigger has no rule"),
        (FullMoon(), {}, "FullMoon has no rule of ours"),
        ("cron", {"week": "1-5"}, "week='1-5': cron has no field for it"),
        ("cron", {"year": 2030}, "year='2030': cron has no field for it"),
        ("cron", {"day": "last", "day_of_week": "mon"}, "a special day of the month and"),
        ("calendarinterval", {"months": 1, "days": 3}, "months and days in one interval"),
        ("date", {"run_date": "2026-01-01 00:00:00"}, "has passed"),
        ("cron", {"function": lambda: None}, "is no function of a module"),
        ("cron", {"args": [object()]}, "arguments"),
    ],
)
def test_what_cannot_be_brought_over_says_why(
    trigger: Any, options: dict[str, Any], said: str
) -> None:
    found = read(trigger, **options)
    assert found.plan is None and said in (found.refused or "")


@pytest.mark.parametrize(
    ("given", "options", "note"),
    [
        ({"misfire_grace_time": None}, {}, None),
        ({"misfire_grace_time": None, "coalesce": False}, {"catch_up": "all"}, "the latest 100"),
        ({}, {"catch_up": "skip"}, "misfire_grace_time=1"),
        ({"misfire_grace_time": 60}, {"expires": timedelta(seconds=60)}, "waits in its queue"),
        ({"misfire_grace_time": 60, "coalesce": False}, {"catch_up": "window:60s"}, None),
        (
            {"misfire_grace_time": None, "max_instances": 3},
            {"overlap": "allow"},
            "@app.task(concurrency=3)",
        ),
        ({"misfire_grace_time": None, "executor": "pool"}, {}, "executor 'pool'"),
    ],
)
def test_what_becomes_of_late_and_overlapping_runs(
    given: dict[str, Any], options: dict[str, Any], note: str | None
) -> None:
    found = read("cron", hour=9, **given)
    assert found.options == options
    assert found.notes == () if note is None else any(note in line for line in found.notes)


def test_jitter() -> None:
    found = read("cron", hour=9, jitter=20, misfire_grace_time=None)
    assert found.options == {"jitter": timedelta(seconds=20)} and found.differences(NOW) == []


def test_a_job_store_is_read_through_its_live_scheduler_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    scheduler = BackgroundScheduler(timezone="Europe/Berlin")
    scheduler.add_jobstore(SQLAlchemyJobStore(url=url))
    scheduler.add_job(tidy, "cron", hour=9, id="early", args=["x"])
    scheduler.add_job(tidy, "cron", hour=10, id="paused")
    assert only_pending(scheduler)
    scheduler.start(paused=True)
    try:
        scheduler.pause_job("paused")
        assert not only_pending(scheduler)
        found = {each.name: each for each in read_scheduler(scheduler, NOW)}
    finally:
        scheduler.shutdown()
        scheduler._jobstores.clear()
    assert found["early"].args == ("x",) and found["early"].refused is None
    assert (found["early"].paused, found["paused"].paused) == (False, True)
    with opened(url) as database:
        rows = read_store(database)
    assert [(row.name, row.paused) for row in rows] == [("early", False), ("paused", True)]
    assert all("a pickle runs what it wants" in (row.refused or "") for row in rows)


def test_what_is_pickled_in_a_job_store_is_not_touched(tmp_path: Path) -> None:
    import pickle
    import sqlite3

    file = tmp_path / "jobs.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute(
            "create table apscheduler_jobs (id text, next_run_time float, job_state blob)"
        )
        connection.execute(
            "insert into apscheduler_jobs values ('bad', 1e9, ?)", (pickle.dumps(Detonator()),)
        )
    connection.close()
    with opened(str(file)) as database:
        assert [row.said for row in read_store(database)] == ["next at 2001-09-09T01:46:40Z"]
