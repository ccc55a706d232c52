"""Many at once: nothing refused for a lock, nothing claimed twice, the urgent first."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY

from offhours import JobState, Offhours, TaskPriority
from offhours.core.addresses import is_server

CLAIMER = """
    import os, sys
    from offhours import Offhours, context

    app = Offhours(sys.argv[1], threads=2)
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @app.task(name="once")
    def once(number):
        os.write(log, f"{number} {context().attempt}\\n".encode())

    print("ready", flush=True)
    app.run()
"""


# Two threads on a busy machine may note their times this much apart from what they did.
SCHEDULING_NOISE = 0.05


def noop(number: int = 0) -> None: ...


@pytest.mark.timeout(180)
def test_a_hundred_threads_submit_at_once(database: str) -> None:
    app = Offhours(database)
    each = 10 if is_server(database) else 1_000 if NIGHTLY else 100
    task = app.task(noop)
    faults: list[BaseException] = []

    def some() -> None:
        try:
            for number in range(each):
                task.submit(number)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=some) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert app.counts()["ready"] == 100 * each
    app.close()


@pytest.mark.timeout(180)
def test_many_processes_claim_each_job_once(database: str, tmp_path: Path, script, until) -> None:
    log, processes = tmp_path / "log", 8 if NIGHTLY else 4
    jobs = 600 if is_server(database) else 10_000 if NIGHTLY else 2_000
    app = Offhours(database)
    workers = [script(CLAIMER, database, log) for _ in range(processes)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    once = app.task(lambda number: None, name="once")
    for first in range(0, jobs, 20):
        once.submit_many([(number,) for number in range(first, first + 20)])
    until(lambda: app.counts()["succeeded"] == jobs, 120)
    for worker in workers:
        worker.terminate()
    assert [worker.wait(30) for worker in workers] == [0] * processes
    lines = log.read_text().splitlines()
    assert sorted(int(line.split()[0]) for line in lines) == list(range(jobs))
    assert {line.split()[1] for line in lines} == {"1"}
    starts = [e.job_id for e in app.events() if e.kind == "job.started"]
    returned = [e.job_id for e in app.events() if e.kind == "job.returned"]
    assert len(starts) - len(returned) == jobs
    app.close()


def test_critical_starts_next_before_thousands(database: str, until) -> None:
    """The order of starts, with the whole backlog waiting."""
    many = 1_000 if is_server(database) else 5_000
    order: list[str] = []
    gate = threading.Event()
    entered = threading.Event()
    app = Offhours(database, threads=1)

    @app.task(priority=TaskPriority.BACKGROUND)
    def backlog(number: int) -> None:
        order.append("background")
        if number == 100:
            entered.set()
            gate.wait(20)

    @app.task(priority=TaskPriority.CRITICAL)
    def critical() -> None:
        order.append("critical")

    backlog.submit_many([(n,) for n in range(many)])
    with app:
        assert entered.wait(20)
        before = len(order)
        job = critical.submit()
        gate.set()
        job.wait(20)
        assert order[before] == "critical"
        until(lambda: app.counts()["succeeded"] == many + 1, 30)
    assert len(order) == many + 1


def test_no_inversion_among_arrivals(database: str) -> None:
    """A job that was stored well before another, less urgent one began has begun before it."""
    stored: dict[int, float] = {}
    begun: list[tuple[float, int]] = []
    app = Offhours(database, threads=1)
    arrivals = 250 if is_server(database) else 3_000 if NIGHTLY else 1_000

    @app.task
    def note(number: int) -> None:
        begun.append((time.monotonic(), number))

    levels = [p.value for p in TaskPriority]
    with app:
        jobs = []
        for number in range(arrivals):
            jobs.append(note.options(priority=levels[number * 7 % 5]).submit(number))
            stored[number] = time.monotonic()
        for job in jobs:
            job.wait(30)
    best_later: int = 1_000
    inversions = []
    for at, number in reversed(begun):
        priority = levels[number * 7 % 5]
        if priority > best_later:
            inversions += [
                (number, other)
                for later, other in begun
                if later > at
                and levels[other * 7 % 5] < priority
                and stored[other] < at - SCHEDULING_NOISE
            ]
        best_later = min(best_later, priority)
    assert inversions == []


def test_fifo_inside_a_priority(database: str) -> None:
    order: list[int] = []
    app = Offhours(database, threads=1)
    task = app.task(order.append, name="append")
    jobs = task.submit_many([(n,) for n in range(500)])
    with app:
        jobs[-1].wait(20)
    assert order == list(range(500))


def test_priorities_in_order(database: str) -> None:
    order: list[str] = []
    app = Offhours(database, threads=1)
    task = app.task(order.append, name="append")
    for priority in reversed(TaskPriority):
        task.options(priority=priority).submit(priority.name)
    last = app.jobs(limit=1)[0]
    with app:
        app.wait_for(last.id, 20)
        for job in app.jobs():
            assert app.wait_for(job.id, 20).state is JobState.SUCCEEDED
    assert order == ["CRITICAL", "HIGH", "NORMAL", "LOW", "BACKGROUND"]
