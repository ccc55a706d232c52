"""Offhours, as its users use it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import common

from offhours import Offhours

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


MEASURES: dict[str, common.Measure] = {
    "submit": submit,
    "bulk": bulk,
    "drain": drain,
    "latency": latency,
    "latency_across": latency_across,
    "store_future": store_future,
    "idle": idle,
    "cpu_of": common.cpu_of,
}

if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(sys.argv[2])
    else:
        common.main(MEASURES)
