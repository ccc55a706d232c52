"""Many processes, skewed clocks, kill -9 at any time: each instant of a schedule is one job."""

from __future__ import annotations

import mmap
import random
import struct
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.nightly import NIGHTLY

from offhours import Offhours
from offhours.core.addresses import is_server
from offhours.core.events import fold
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import MINUTE
from offhours.core.triggers import Every, Plan
from offhours.testing import FakeClock

PROGRAM = Path(__file__).with_name("fleet.py")
STEP = {"sqlite": 10, "postgres": 24 * 60} if NIGHTLY else {"sqlite": 720, "postgres": 48 * 60}


class Size(NamedTuple):
    processes: int
    minutes: int
    ahead: int  # minutes that the parent's clock runs ahead of the last fire
    bombs: int  # each dies at this fire at the latest


SIZES = {
    "sqlite": Size(10, 10_000, 300, 400) if NIGHTLY else Size(4, 1_200, 300, 160),
    "postgres": Size(4, 600, 30, 100) if NIGHTLY else Size(4, 300, 30, 50),
}


class Fleet:
    """Worker processes, one of which is killed now and then and started again."""

    def __init__(self, database: str, size: Size, folder: Path, start: int) -> None:
        self.database = database
        self.size = size
        self.folder = folder
        self.chance = random.Random(20260601)
        self.killed = 0
        file = folder / "time"
        file.write_bytes(struct.pack("q", start))
        with file.open("r+b") as opened:
            self._time = mmap.mmap(opened.fileno(), 8)
        self.processes = [self._start(n) for n in range(self.size.processes)]

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        skew = -5 + 10 * number / (self.size.processes - 1)
        # Half of them die by themselves in the middle of a fire.
        point, nth = (
            ("in fire", self.chance.randint(20, self.size.bombs)) if number % 2 else ("", 0)
        )
        return subprocess.Popen(
            [sys.executable, PROGRAM, self.database, self.folder / "time", str(skew),
             point, str(nth)],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def set_time(self, moment: int) -> None:
        self._time[:8] = struct.pack("q", moment)

    def kill_one(self) -> None:
        self.processes[self.chance.randrange(self.size.processes)].kill()

    def restart_dead(self) -> None:
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                self.killed += 1
                self.processes[number] = self._start(number)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.mark.timeout(240)
def test_a_fleet_fires_each_instant_once(database: str, tmp_path: Path, is_sound) -> None:
    size = SIZES["postgres" if is_server(database) else "sqlite"]
    minutes = size.minutes
    clock = FakeClock()
    start = clock.micros()
    app = Offhours(database, clock=clock)
    app.task(name="tick")(lambda: None)
    plan = Plan((Every(MINUTE, start),), "UTC", end=start + minutes * MINUTE)
    schedule = app.schedule("tick", plan, catch_up="all:1000", overlap="allow", disable_after=None)
    fleet = Fleet(database, size, tmp_path, start)
    try:
        now, kill_at, deadline = start, 1, time.monotonic() + 200
        while schedule.status is not ScheduleStatus.ENDED or app.counts()["ready"]:
            row = schedule.record
            now = min(now + 20 * MINUTE, (row.next_at or now) + size.ahead * MINUTE)
            fleet.set_time(now)
            if row.runs >= kill_at:
                fleet.kill_one()
                kill_at = row.runs + minutes // (12 if NIGHTLY else 6)
            fleet.restart_dead()
            assert time.monotonic() < deadline, f"stuck: {schedule.record}, {app.counts()}"
            time.sleep(0.01)
        while sum(app.counts()[state] for state in ("ready", "later", "running", "held")):
            fleet.restart_dead()
            assert time.monotonic() < deadline, f"stuck: {app.counts()}"
            time.sleep(0.05)
    finally:
        fleet.close()
    wanted = [start + n * MINUTE for n in range(1, minutes + 1)]
    fires = sorted(schedule.fires(minutes + 10))
    assert [fire.instant for fire in fires] == wanted
    assert all(fire.job_id is not None for fire in fires)
    jobs = app.store._db.read("select id, state, code, crashes, fire_at from jobs order by fire_at")
    assert [fire_at for *_, fire_at in jobs] == wanted
    assert fold(app.events()) == {number: state for number, state, *_ in jobs}
    failed = {(code, crashes) for _, state, code, crashes, _ in jobs if state != "succeeded"}
    assert failed <= {("quarantined", 3)}  # killed three times by chance
    assert fleet.killed >= (5 if NIGHTLY else 3)
    assert schedule.record.runs == minutes and schedule.record.skipped == 0
    app.close()
    assert is_sound(database)


@pytest.mark.timeout(240)
def test_a_weekly_interval_fires_eight_times_in_sixty_days_of_restarts(database: str) -> None:
    clock = FakeClock()
    ran: list[int] = []
    onlooker = Offhours(database, clock=clock)  # spares each end a checkpoint
    step = STEP["postgres" if is_server(database) else "sqlite"]  # minutes between two restarts
    for _ in range(60 * 24 * 60 // step):
        app = Offhours(database, clock=clock, executor="inline")
        app.task(name="weekly")(lambda: ran.append(1))
        schedule = app.schedule("weekly", timedelta(weeks=1))
        clock.advance(f"{step}m")
        app.drain()
        app.close()
    assert len(ran) == 8 and schedule.id == 1
    onlooker.close()
