"""A machine that sleeps for a day, a wall clock that is set, and hands at the due second."""

from __future__ import annotations

import mmap
import signal
import struct
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from offhours import Offhours
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import DAY, HOUR, MINUTE
from offhours.testing import FakeClock

FLEET = Path(__file__).parents[1] / "crash" / "fleet.py"


class Machine:
    """Two workers in a time of ours; it can be put to sleep."""

    def __init__(self, folder: Path, start: int) -> None:
        self.folder = folder
        (folder / "time").write_bytes(struct.pack("q", start))
        with (folder / "time").open("r+b") as opened:
            self._time = mmap.mmap(opened.fileno(), 8)
        self.workers = [
            subprocess.Popen([sys.executable, FLEET, folder / "jobs.db", folder / "time", "0",
                              "", "0"], stderr=subprocess.PIPE)
            for _ in range(2)
        ]  # fmt: skip

    def set_time(self, moment: int) -> None:
        self._time[:8] = struct.pack("q", moment)

    def send(self, number: int) -> None:
        for process in self.workers:
            process.send_signal(number)

    def close(self) -> None:
        for process in self.workers:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("catch_up", "made", "skipped"), [("skip", 0, 24), ("once", 1, 23), ("all:10", 10, 14)]
)
def test_a_day_asleep(tmp_path: Path, until, catch_up: str, made: int, skipped: int) -> None:
    """SIGSTOP, a day on the wall clock, SIGCONT: what was missed follows `catch_up`, all told."""
    clock = FakeClock()
    start = clock.micros()
    app = Offhours(tmp_path / "jobs.db", clock=clock)
    app.task(name="tick")(lambda: None)
    schedule = app.schedule("tick", timedelta(hours=1), catch_up=catch_up, overlap="allow")
    machine = Machine(tmp_path, start)
    try:
        until(lambda: len(app.workers()) == 2)
        machine.set_time(start + HOUR)
        until(lambda: schedule.record.runs == 1)
        machine.send(signal.SIGSTOP)
        machine.set_time(start + DAY + HOUR + 10 * MINUTE)
        machine.send(signal.SIGCONT)
        wanted = start + DAY + 2 * HOUR
        until(lambda: schedule.record.next_at == wanted)
        until(lambda: app.counts()["succeeded"] == 1 + made)
        record = schedule.record
        assert (record.runs, record.skipped) == (1 + made, skipped)
        fires = schedule.fires(100)
        assert len({fire.instant for fire in fires}) == len(fires)
        told = sum(fire.job_id is not None for fire in fires)
        assert told == 1 + made
        machine.set_time(wanted)
        until(lambda: schedule.record.runs == 2 + made)
        assert "worker.lost" not in [event.kind for event in app.events()]
    finally:
        machine.close()
    app.close()


def test_a_wall_clock_that_jumps_loses_no_lease_and_fires_nothing_twice(
    tmp_path: Path, until
) -> None:
    """+1 day, then -25 hours: the fire of the day ahead is made once, and time goes on."""
    clock = FakeClock()
    start = clock.micros()
    app = Offhours(tmp_path / "jobs.db", clock=clock)
    app.task(name="tick")(lambda: None)
    schedule = app.schedule("tick", timedelta(hours=1), catch_up="once", overlap="allow")
    machine = Machine(tmp_path, start)
    try:
        until(lambda: len(app.workers()) == 2)
        for moment in (DAY + MINUTE, -HOUR, 2 * HOUR, DAY + 2 * MINUTE, DAY + HOUR + MINUTE):
            machine.set_time(start + moment)
            job = app.submit("tick")
            if moment >= 0:
                until(lambda job=job: job.status == "succeeded")
        until(lambda: schedule.record.runs == 2)
        instants = Counter(fire.instant for fire in schedule.fires(100))
        assert set(instants.values()) == {1}
        kinds = [event.kind for event in app.events()]
        assert "worker.lost" not in kinds and "job.crashed" not in kinds
    finally:
        machine.close()
    app.close()


@pytest.mark.parametrize("deed", ["pause", "change", "delete"])
def test_a_schedule_that_is_touched_at_the_due_second(
    tmp_path: Path, nightly: bool, deed: str
) -> None:
    """The old fire is made or it is not; never both versions, never after the deed."""
    clock = FakeClock()
    app = Offhours(tmp_path / "jobs.db", clock=clock, executor="inline")
    other = Offhours(tmp_path / "jobs.db", clock=clock, executor="inline")
    app.task(name="tick")(lambda: None)
    other.task(name="tick")(lambda: None)
    fired = 0
    for number in range(1, (334 if nightly else 40) + 1):
        schedule = app.schedule("tick", timedelta(hours=1), name=f"s{number}")
        clock.advance("1h")
        barrier = threading.Barrier(2)

        def drain(barrier=barrier) -> None:
            barrier.wait()
            other.drain()

        def touch(schedule=schedule, barrier=barrier) -> None:
            barrier.wait()
            if deed == "pause":
                schedule.pause()
            elif deed == "change":
                schedule.update(timedelta(hours=2))
            else:
                schedule.delete()

        threads = [threading.Thread(target=run) for run in (drain, touch)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        app.drain()
        jobs = [job for job in app.jobs(limit=10_000) if job.schedule_id == number]
        assert len(jobs) <= 1
        fired += len(jobs)
        if deed != "delete":
            assert schedule.record.runs == len(jobs)
            if deed == "pause":
                assert schedule.status is ScheduleStatus.PAUSED
            schedule.delete()
    print(f"{deed} at the due second: {fired} of {number} fires were made, none twice")
    app.close()
    other.close()
