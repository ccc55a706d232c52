"""Many processes, skewed clocks, kill -9 at any time: each instant of a schedule is one job."""

from __future__ import annotations

import mmap
import os
import random
import struct
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from offhours import Offhours
from offhours.core.events import fold
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import MINUTE
from offhours.core.triggers import Every, Plan
from offhours.testing import FakeClock

PROGRAM = Path(__file__).with_name("fleet.py")
PROCESSES = 10
MINUTES = 10_000
AHEAD = 300 * MINUTE  # how far the parent's clock runs ahead of the last fire
KILL_EVERY = 0.6
STEP = 10 if os.environ.get("OFFHOURS_NIGHTLY") else 60  # minutes between two restarts


class Fleet:
    """Worker processes, one of which is killed now and then and started again."""

    def __init__(self, folder: Path, start: int) -> None:
        self.folder = folder
        self.chance = random.Random(20260601)
        self.killed = 0
        file = folder / "time"
        file.write_bytes(struct.pack("q", start))
        with file.open("r+b") as opened:
            self._time = mmap.mmap(opened.fileno(), 8)
        self.processes = [self._start(n) for n in range(PROCESSES)]

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        skew = -5 + 10 * number / (PROCESSES - 1)
        # Half of them die by themselves in the middle of a fire.
        point, nth = ("in fire", self.chance.randint(20, 400)) if number % 2 else ("", 0)
        return subprocess.Popen(
            [sys.executable, PROGRAM, self.folder / "jobs.db", self.folder / "time", str(skew),
             point, str(nth)],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def set_time(self, moment: int) -> None:
        self._time[:8] = struct.pack("q", moment)

    def kill_one(self) -> None:
        self.processes[self.chance.randrange(PROCESSES)].kill()

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
def test_a_fleet_fires_each_instant_once(tmp_path: Path) -> None:
    clock = FakeClock()
    start = clock.micros()
    app = Offhours(tmp_path / "jobs.db", clock=clock)
    app.task(name="tick")(lambda: None)
    plan = Plan((Every(MINUTE, start),), "UTC", end=start + MINUTES * MINUTE)
    schedule = app.schedule("tick", plan, catch_up="all:1000", overlap="allow", disable_after=None)
    fleet = Fleet(tmp_path, start)
    try:
        now, kill_at, deadline = start, time.monotonic() + 3, time.monotonic() + 200
        while schedule.status is not ScheduleStatus.ENDED or app.counts()["ready"]:
            row = schedule.record
            now = min(now + 20 * MINUTE, (row.next_at or now) + AHEAD)
            fleet.set_time(now)
            if time.monotonic() > kill_at:
                fleet.kill_one()
                kill_at = time.monotonic() + KILL_EVERY
            fleet.restart_dead()
            assert time.monotonic() < deadline, f"stuck: {schedule.record}, {app.counts()}"
            time.sleep(0.01)
        while sum(app.counts()[state] for state in ("ready", "later", "running", "held")):
            fleet.restart_dead()
            assert time.monotonic() < deadline, f"stuck: {app.counts()}"
            time.sleep(0.05)
    finally:
        fleet.close()
    wanted = [start + n * MINUTE for n in range(1, MINUTES + 1)]
    fires = sorted(schedule.fires(MINUTES + 10))
    assert [fire.instant for fire in fires] == wanted
    assert all(fire.job_id is not None for fire in fires)
    connection = apsw.Connection(str(tmp_path / "jobs.db"))
    instants = [row[0] for row in connection.execute("select fire_at from jobs order by fire_at")]
    assert instants == wanted
    assert connection.execute("pragma integrity_check").get == "ok"
    states = dict(connection.execute("select id, state from jobs").fetchall())
    failed = connection.execute(
        "select code, crashes from jobs where state != 'succeeded'"
    ).fetchall()
    connection.close()
    assert fold(app.events()) == states
    assert set(failed) <= {("quarantined", 3)}  # killed three times by chance
    assert fleet.killed >= 5
    assert schedule.record.runs == MINUTES and schedule.record.skipped == 0
    app.close()


@pytest.mark.timeout(240)
def test_a_weekly_interval_fires_eight_times_in_sixty_days_of_restarts(tmp_path: Path) -> None:
    clock = FakeClock()
    ran: list[int] = []
    onlooker = Offhours(tmp_path / "jobs.db", clock=clock)  # spares each end a checkpoint
    for _ in range(60 * 24 * 60 // STEP):
        app = Offhours(tmp_path / "jobs.db", clock=clock, executor="inline")
        app.task(name="weekly")(lambda: ran.append(1))
        schedule = app.schedule("weekly", timedelta(weeks=1))
        clock.advance(f"{STEP}m")
        app.drain()
        app.close()
    assert len(ran) == 8 and schedule.id == 1
    onlooker.close()
