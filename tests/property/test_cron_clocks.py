"""Cron around every change of the clock, against a clock that is watched minute by minute.

The oracle knows nothing of the code it judges: it walks through the minutes of UTC, reads the wall
clock at each, and applies the two rules as they are written. A *fixed-time* job runs when the wall
clock reaches its time for the first time, and once right after a jump over it; any other job runs
whenever the wall clock shows its time.

By default a seeded sample of the zones is swept; `OFFHOURS_TEST_ALL_ZONES=1` sweeps all of them, at
every change of the clock from 2000 to 2040 (some minutes), and `OFFHOURS_TEST_SEED=7` draws anew.
"""

from __future__ import annotations

import bisect
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from offhours.core.times import MINUTE, SECOND, Micros, to_datetime, to_micros
from offhours.core.triggers import Calendar, Cron

ALL = os.environ.get("OFFHOURS_TEST_ALL_ZONES") == "1"
SEED = int(os.environ.get("OFFHOURS_TEST_SEED", "1"))
REACH = timedelta(hours=26)
ODD = (
    "Africa/Cairo", "Africa/Casablanca", "America/Caracas", "America/Havana", "America/Santiago",
    "America/Sao_Paulo", "America/St_Johns", "Antarctica/Casey", "Antarctica/Troll", "Asia/Gaza",
    "Asia/Kathmandu", "Asia/Pyongyang", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Dublin",
    "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "UTC",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """An expression beside the sets it stands for; `starred` says which fields begin with `*`."""

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]
    fixed: bool
    both: bool

    def on(self, day: date) -> bool:
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_day and by_weekday) if self.both else (by_day or by_weekday)

    def shows(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.on(wall.date())


def field(rng: random.Random, low: int, high: int, near: int) -> tuple[str, frozenset[int]]:
    """A field that often names a value near the change of the clock."""
    kind = rng.randrange(6)
    if kind == 0:
        return "*", frozenset(range(low, high + 1))
    if kind == 1:
        step = rng.randint(2, high)
        return f"*/{step}", frozenset(range(low, high + 1, step))
    if kind == 2:
        start = rng.randint(low, high)
        end = rng.randint(start, high)
        step = rng.randint(1, 20 if high > 20 else 2)
        return f"{start}-{end}/{step}", frozenset(range(start, end + 1, step))
    values = {near} | {rng.randint(low, high) for _ in range(rng.randrange(3))}
    if kind == 3:
        values = {rng.randint(low, high)}
    return ",".join(map(str, sorted(values))), frozenset(values)


def draw(rng: random.Random, wall: datetime) -> Job:
    minute, minutes = field(rng, 0, 59, rng.choice([0, 15, 30, wall.minute]))
    hour, hours = field(rng, 0, 23, (wall.hour + rng.choice([-1, 0, 0, 1])) % 24)
    day, days, weekday, weekdays = "*", frozenset(range(1, 32)), "*", frozenset(range(7))
    shape = rng.randrange(6)
    if shape in (1, 3):
        day, days = field(rng, 1, 31, wall.day)
    if shape in (2, 3):
        weekday, weekdays = field(rng, 0, 6, wall.isoweekday() % 7)
    both = day[0] == "*" or weekday[0] == "*"
    fixed = minute[0] != "*" and hour[0] != "*"
    text, seconds = f"{minute} {hour} {day} * {weekday}", frozenset({0})
    if rng.randrange(6) == 0:
        second, seconds = field(rng, 0, 59, 0)
        text, fixed = f"{second} {text}", False
    return Job(text, seconds, minutes, hours, days, weekdays, fixed, both)


@cache
def transitions(name: str) -> tuple[datetime, ...]:
    """Every change of the zone's offset from 2000 to 2040, to the second."""
    zone, step = ZoneInfo(name), timedelta(hours=12)
    at, found = datetime(2000, 1, 1, tzinfo=UTC), []
    while at.year < 2041:
        late = at + step
        if at.astimezone(zone).utcoffset() != late.astimezone(zone).utcoffset():
            minute = at
            while minute.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                minute += timedelta(minutes=1)
            found.append(minute)
        at = late
    return tuple(found)


def distinct_zones() -> list[str]:
    """One name for each set of rules, so that aliases are not swept again and again."""
    seen: dict[tuple[tuple[datetime, timedelta | None], ...], str] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        probes = [datetime(year, month, 1, tzinfo=UTC) for year in range(2000, 2041, 2)
                  for month in (1, 4, 7, 11)]  # fmt: skip
        seen.setdefault(tuple((p, p.astimezone(zone).utcoffset()) for p in probes), name)
    return sorted(seen.values())


def zones() -> list[str]:
    if ALL:
        return sorted(available_timezones())
    return sorted({*ODD, *random.Random(SEED).sample(distinct_zones(), 12)})


@dataclass(frozen=True)
class Clock:
    """The minutes around a change of the clock, and what the wall clock shows at each."""

    minutes: list[Micros]
    walls: list[datetime]

    @classmethod
    def around(cls, change: datetime, zone: ZoneInfo) -> Clock:
        start, end = to_micros(change - REACH), to_micros(change + REACH)
        minutes = list(range(start, end, MINUTE))
        walls = [to_datetime(m).astimezone(zone).replace(tzinfo=None) for m in minutes]
        return cls(minutes, walls)

    def fires(self, job: Job) -> list[Micros]:
        return list(self.fixed(job) if job.fixed else self.plain(job))

    def plain(self, job: Job) -> Iterator[Micros]:
        for moment, wall in zip(self.minutes, self.walls, strict=True):
            if job.shows(wall):
                yield from (moment + second * SECOND for second in sorted(job.seconds))

    def fixed(self, job: Job) -> Iterator[Micros]:
        reached = self.walls[0] - timedelta(minutes=1)
        for moment, wall in zip(self.minutes, self.walls, strict=True):
            due = False
            while reached < wall:
                reached += timedelta(minutes=1)
                due = due or job.shows(reached)
            if due:
                yield moment


def check(name: str, change: datetime, rng: random.Random, jobs: int) -> None:
    zone = ZoneInfo(name)
    clock = Clock.around(change, zone)
    wall = clock.walls[len(clock.walls) // 2]
    for _ in range(jobs):
        job = draw(rng, wall)
        fires, cron = clock.fires(job), Cron(job.text)
        assert cron.is_fixed_time == job.fixed
        middle = to_micros(change)
        afters = [middle - 1, middle, *rng.sample(fires, min(2, len(fires)))]
        afters += [middle + rng.randint(-180, 180) * MINUTE + rng.randrange(MINUTE) for _ in "ab"]
        for after in afters:
            for _ in range(3):
                place = bisect.bisect_right(fires, after)
                found = cron.next_after(after, zone)
                if place == len(fires):
                    assert found is None or found >= clock.minutes[-1], (name, job.text, after)
                    break
                assert found == fires[place], (name, job.text, to_datetime(after))
                after = found


@pytest.mark.timeout(3600 if ALL else 120)
@pytest.mark.parametrize("name", zones())
def test_cron_keeps_its_rules_at_every_change_of_the_clock(name: str) -> None:
    rng = random.Random(f"{SEED} {name}")
    changes = transitions(name) or (datetime(2026, 3, 29, 1, tzinfo=UTC),)
    for change in changes if ALL else rng.sample(changes, min(8, len(changes))):
        check(name, change, rng, jobs=6)


@pytest.mark.timeout(3600 if ALL else 120)
@pytest.mark.parametrize("name", zones())
def test_a_calendar_interval_of_a_day_runs_as_the_fixed_time_cron_does(name: str) -> None:
    zone, rng = ZoneInfo(name), random.Random(f"{SEED} {name}")
    changes = transitions(name) or (datetime(2026, 3, 29, 1, tzinfo=UTC),)
    for change in changes if ALL else rng.sample(changes, min(5, len(changes))):
        clock = Clock.around(change, zone)
        wall = clock.walls[len(clock.walls) // 2]
        for minutes in (0, -30, -60, 45):
            at = (wall + timedelta(minutes=minutes)).time()
            cron = Cron(f"{at.minute} {at.hour} * * *")
            daily = Calendar(days=1, anchor_date=date(1999, 1, 1), at=(at,))
            after = clock.minutes[0]
            for _ in range(3):
                found = cron.next_after(after, zone)
                assert found is not None
                assert daily.next_after(after, zone) == found, (name, at, to_datetime(after))
                after = found
