"""kill -9 at named points: nothing acknowledged is lost, nothing runs twice at once."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY
from tests.stopping import stop_all

from offhours import Offhours
from offhours.core.addresses import is_server
from offhours.core.events import fold

ROUNDS = {"sqlite": 200, "postgres": 40} if NIGHTLY else {"sqlite": 12, "postgres": 6}
JOBS_A_ROUND = 30
# At which time that a point is reached the process dies.
WORK_POINTS = {
    "after claim": (4, 8),
    "in task": (8, 40),
    "after effect": (8, 40),
    "before apply": (4, 12),
    "before commit": (8, 24),
    "in heartbeat": (1, 1),
}
SUBMIT_POINTS = range(1, 13) if NIGHTLY else (1, 4, 7, 12)


def submit_while_alive(app: Offhours, process: subprocess.Popen[bytes], number: int) -> list[int]:
    accepted = [app.submit_by_name("work", args=(number,)).id for _ in range(JOBS_A_ROUND)]
    deadline = time.monotonic() + 30
    while process.poll() is None:
        accepted.append(app.submit_by_name("work", args=(number,)).id)
        time.sleep(0.02)
        assert time.monotonic() < deadline, "the process was not killed"
    return accepted


@pytest.mark.timeout(400)
def test_killed_workers_lose_nothing(database: str, spawn, ledger, is_sound, until) -> None:
    """Each round kills a worker at one of the points; the next worker rescues what it held."""
    chance = random.Random(20260601)
    app = Offhours(database)
    accepted: list[int] = []
    rounds = ROUNDS["postgres" if is_server(database) else "sqlite"]
    points = list(WORK_POINTS) * (rounds // len(WORK_POINTS))
    chance.shuffle(points)
    for number, point in enumerate(points):
        process = spawn("work", point, chance.randint(*WORK_POINTS[point]))
        accepted += submit_while_alive(app, process, number)
        assert process.returncode == -signal.SIGKILL, (point, process.stderr.read())
    last = spawn("work")
    until(lambda: not any(app.counts()[state] for state in ("ready", "later", "running")), 60)
    Path(f"{ledger.path}.stop").touch()
    assert last.wait(30) == 0

    records = [app.record(job) for job in accepted]
    assert all(record.state.final for record in records)
    unfinished = [r for r in records if r.state != "succeeded"]
    # These workers die so young that a few jobs meet three deaths in a row: visibly failed.
    assert all(r.code == "quarantined" and r.crashes == 3 for r in unfinished)
    assert len(unfinished) < len(records) / 20
    assert ledger.overlaps() == []
    assert fold(app.events()) == {record.id: record.state for record in records}
    crashes = sum(r.crashes for r in records)
    assert crashes > 0
    app.close()
    assert is_sound(database)


@pytest.mark.parametrize("nth", SUBMIT_POINTS)
def test_killed_submitters_keep_their_word(
    database: str, spawn, ledger, is_sound, nth: int
) -> None:
    """What `submit` returned is stored, though the process died in a shared commit."""
    point = "in group commit" if nth % 2 else "before commit"
    process = spawn("submit", point, nth * 3)
    assert process.wait(30) in (-signal.SIGKILL, 0), process.stderr.read()
    app = Offhours(database)
    stored = {job.id for job in app.jobs(limit=10_000)}
    assert set(ledger.stored()) <= stored
    assert set(fold(app.events())) == stored
    app.close()
    assert is_sound(database)


def test_stopped_worker_has_its_result_refused(
    database: str, spawn, ledger, is_sound, until
) -> None:
    """A worker that sleeps past its lease and wakes finds its job given away."""
    app = Offhours(database, lease="1.2s")
    task = app.task(name="work")(lambda number: number)
    process = spawn("work", "in task", 1_000_000)
    until(lambda: len(app.workers()) == 1, 20)
    stored = held = 0
    while not held:  # it may have done them all by the time that it is stopped
        process.send_signal(signal.SIGCONT)
        stored += len(task.submit_many([(1,)] * 500))
        stop_all([process], database)
        held = app.counts()["running"]
    second = spawn("work")
    until(lambda: app.counts()["succeeded"] == stored, 60)
    process.send_signal(signal.SIGCONT)
    until(lambda: len(app.workers()) == 2, 20)  # it came back as a new worker
    kinds = [event.kind for event in app.events()]
    assert kinds.count("worker.lost") == 1
    assert kinds.count("job.rescued") + kinds.count("job.returned") >= 1
    assert kinds.count("job.succeeded") == stored
    assert all(record.state == "succeeded" for record in app.jobs(limit=stored))
    Path(f"{ledger.path}.stop").touch()
    assert process.wait(30) == 0
    assert second.wait(30) == 0
    app.close()
    assert is_sound(database)
