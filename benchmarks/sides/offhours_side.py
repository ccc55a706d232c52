"""Offhours, as its users use it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import apsw
import common

from offhours import Offhours
from offhours.core.times import SECOND
from offhours.core.triggers import Every

starts = common.Starts()


def noop(number: int) -> None:
    pass


def probe(number: int) -> None:
    starts.mark(number)


def tell(number: int) -> None:
    common.tell_start(number)


def submit(folder: Path, n: int, threads: int, durability: str) -> common.Figures:
    app = Offhours(folder / "jobs.db", durability=durability)
    figures = common.per_second(app.task(noop).submit, n, threads)
    app.close()
    return figures


def bulk(folder: Path, n: int, at_once: int) -> common.Figures:
    app = Offhours(folder / "jobs.db")
    task = app.task(noop)
    at_once = min(at_once, n)
    calls = [(number,) for number in range(at_once)]
    task.submit_many(calls)
    began = time.perf_counter()
    for _ in range(n // at_once):
        task.submit_many(calls)
    seconds = time.perf_counter() - began
    app.close()
    return {"per_second": n // at_once * at_once / seconds}


def drain(folder: Path, n: int, threads: int, durability: str) -> common.Figures:
    """From the start of the worker until every outcome is recorded."""
    with_jobs = Offhours(folder / "jobs.db")
    with_jobs.task(noop).submit_many([(number,) for number in range(n)])
    with_jobs.close()
    app = Offhours(folder / "jobs.db", threads=threads, durability=durability)
    last = app.job(n)
    app.task(noop)
    began = time.perf_counter()
    app.start()
    last.wait()
    common.wait_until(lambda: app.counts()["succeeded"] == n)
    seconds = time.perf_counter() - began
    app.stop()
    return {"per_second": n / seconds}


def latency(folder: Path, n: int, pause: float) -> common.Figures:
    with Offhours(folder / "jobs.db") as app:
        return common.start_latency(app.task(probe).submit, starts.wait, n, pause)


def latency_across(folder: Path, n: int, pause: float) -> common.Figures:
    app = Offhours(folder / "jobs.db")
    with common.other_process("work", str(folder / "jobs.db")) as started:
        figures = common.start_latency(app.task(tell).submit, started, n, pause)
    app.close()
    return figures


def work(path: str) -> None:
    app = Offhours(path)
    app.task(tell)
    with app:
        common.work_until_told()


def store_future(folder: Path, path: str, stored: int) -> common.Figures:
    app = Offhours(path)
    app.task(noop).options(delay="1d").submit_many([(number,) for number in range(stored)])
    app.close()
    return {}


def idle(folder: Path, seconds: float, stored: int) -> common.Figures:
    path = str(folder / "jobs.db")
    if stored:
        common.in_own_process("store_future", disk=str(folder), path=path, stored=stored)
    app = Offhours(path)
    app.task(noop)
    with app:
        return common.at_rest(seconds)


def lateness(folder: Path, rate: int, seconds: float) -> common.Figures:
    app = Offhours(folder / "jobs.db")
    late = common.Lateness(rate)
    app.task(name="mark")(late.mark)
    _every_second(app, late)
    with app:
        return late.figures(seconds)


def _every_second(app: Offhours, late: common.Lateness) -> None:
    start = int(time.time()) + 1
    for number, phase in enumerate(late.phases):
        anchor = round((start + phase) * SECOND)
        app.schedule("mark", Every(SECOND, anchor), args=(number,), catch_up="skip",
                     overlap="allow", name=f"second {number}")  # fmt: skip


def stored_schedules(folder: Path, stored: int, seconds: float) -> common.Figures:
    path = str(folder / "jobs.db")
    common.in_own_process("store_schedules", disk=str(folder), path=path, stored=stored)
    began = time.perf_counter()
    app = Offhours(path)
    late = common.Lateness(1)
    app.task(name="mark")(late.mark)
    with app:
        app.submit("mark", args=(0,)).wait()
        start_ms = (time.perf_counter() - began) * 1000
        figures = {"start_ms": start_ms, **common.at_rest(seconds)}
        _every_second(app, late)
        return figures | late.figures(seconds)


def store_schedules(folder: Path, path: str, stored: int) -> common.Figures:
    """One through the front door; the others are its copies, a second apart from noon on."""
    app = Offhours(path)
    app.task(name="mark")(noop)
    due = app.schedule("mark", "every 400 days", args=(0,), name="0").record
    app.close()
    connection = apsw.Connection(path)
    columns = [row[1] for row in connection.execute("pragma table_info(schedules)")]
    values = {"id": "null", "name": "number", "due_at": f"{due.due_at} + number * {SECOND}"}
    connection.execute(
        f"with recursive n (number) as (select 1 union all select number + 1 from n "
        f"where number < {stored}) insert into schedules ({', '.join(columns)}) "
        f"select {', '.join(values.get(column, column) for column in columns)} "
        "from n, schedules where schedules.id = 1"
    )
    connection.close()
    return {}


MEASURES: dict[str, common.Measure] = {
    "submit": submit,
    "bulk": bulk,
    "drain": drain,
    "latency": latency,
    "latency_across": latency_across,
    "lateness": lateness,
    "stored_schedules": stored_schedules,
    "store_schedules": store_schedules,
    "store_future": store_future,
    "idle": idle,
    "cpu_of": common.cpu_of,
}

if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(sys.argv[2])
    else:
        common.main(MEASURES)
