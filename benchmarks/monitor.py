"""What the monitor costs: `python benchmarks/monitor.py`. A table, for each number of tasks.

Events of jobs that were submitted, started and ended are stored, then folded from the first one on,
as after a long stop. Seconds are of
CPU. Memory is what Python allocated for the fold; `stored` is what one look
writes; `a look` is one that finds nothing new, as every five seconds; `an answer` is
`task_metrics`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import machine
import report
from offhours import Offhours
from offhours.core.clock import SystemClock
from offhours.core.notices import Reading
from offhours.core.ports import Store
from offhours.monitor import Monitor
from offhours.monitor.keeping import NAME, PAGE

HEAD = ["tasks", "events", "CPU to fold", "events/s", "memory", "stored", "a look", "an answer"]
INSERT_JOB = """
    insert into jobs (task, args, priority, run_at, queue, created_at, ready, line, state, attempt,
                      started_at, finished_at, on_lost)
    values (?, '[[],{}]', 50, ?, 'default', ?, 0, 0, 'succeeded', 1, ?, ?, 'retry')"""
KINDS = ("job.submitted", "job.started", "job.succeeded")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, nargs="*", default=[1, 20, 200, 2_000])
    asked = parser.parse_args()
    rows = [HEAD, *(row(tasks, asked.events) for tasks in asked.tasks)]
    print(f"{machine.description()}\n\n{report.markdown(rows)}")
    return 0


def row(tasks: int, events: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        app = Offhours(Path(folder) / "jobs.db")
        fill(app, tasks, events)
        count = sum(len(page) for page in pages(app.store))
        monitor = Monitor(app.store, app.clock)
        seconds = timed(monitor.look)
        stored = app.store.notices.reading(NAME)
        assert stored is not None and stored.state is not None
        look = min(timed(monitor.look) for _ in range(20))
        answer = min(timed(monitor.task_metrics) for _ in range(20))
        memory = allocated(lambda: Monitor(app.store, app.clock).look(), app.store)
        app.close()
    return [
        f"{tasks:,}", f"{count:,}", f"{seconds:.2f} s", report.number(count / seconds),
        f"{memory / 1e6:.1f} MB", f"{len(stored.state) / 1e3:,.0f} kB", f"{look * 1e3:.2f} ms",
        f"{answer * 1e3:.2f} ms",
    ]  # fmt: skip


def fill(app: Offhours, tasks: int, events: int) -> None:
    """Finished jobs spread over the last two hours, each with its three events."""
    now, jobs = SystemClock().micros(), events // 3
    with app.transaction() as db:
        for n in range(jobs):
            at = now - 7_200_000_000 + n * 7_200_000_000 // jobs
            took = 1_000 * (1 + n % 997)
            db.execute(INSERT_JOB, (f"task {n * 7919 % tasks}", at, at, at + 500, at + 500 + took))
        [(first,)] = db.execute("select min(id) from jobs").fetchall()
        for n in range(jobs):
            at = now - 7_200_000_000 + n * 7_200_000_000 // jobs
            for kind in KINDS:
                db.execute(
                    "insert into events (at, kind, job_id, attempt) values (?, ?, ?, 1)",
                    (at, kind, first + n),
                )


def pages(store: Store) -> list[list[int]]:
    found, after = [], 0
    while page := [event.seq for event in store.events(after, PAGE)]:
        found.append(page)
        after = page[-1]
    return found


def allocated(call: Callable[[], object], store: Store) -> int:
    """The most memory that Python had allocated in it."""
    stored = store.notices.reading(NAME)
    store.notices.read_on(stored, Reading(NAME, stored.seq if stored else 0), (), 0)
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def timed(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
