"""Huey on SQLite, in an environment of its own."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import common
from huey import SqliteHuey

logging.disable(logging.WARNING)
starts = common.Starts()
done: list[int] = []


def queue(path: Path | str, fsync: bool | None = None) -> SqliteHuey:
    """`fsync=None` is Huey's default, and leaves SQLite its own: synchronous=FULL."""
    return SqliteHuey(filename=str(path), fsync=fsync)


def noop(number: int) -> None:
    pass


def count(number: int) -> None:
    done.append(number)


def probe(number: int) -> None:
    starts.mark(number)


def tell(number: int) -> None:
    common.tell_start(number)


def submit(folder: Path, n: int, threads: int, fsync: bool | None) -> common.Figures:
    return common.per_second(queue(folder / "jobs.db", fsync).task()(noop), n, threads)


def drain(folder: Path, n: int, workers: int, fsync: bool | None) -> common.Figures:
    """From the start of the consumer until every task has run."""
    fast = queue(folder / "jobs.db", fsync=False).task(name="count")(count)
    for number in range(n):
        fast(number)
    huey = queue(folder / "jobs.db", fsync)
    huey.task(name="count")(count)
    consumer = huey.create_consumer(workers=workers, periodic=False)
    began = time.perf_counter()
    consumer.start()
    common.wait_until(lambda: len(done) == n)
    seconds = time.perf_counter() - began
    consumer.stop(graceful=True)
    return {"per_second": n / seconds}


def latency(folder: Path, n: int, pause: float) -> common.Figures:
    huey = queue(folder / "jobs.db")
    task = huey.task()(probe)
    consumer = huey.create_consumer(periodic=False)
    consumer.start()
    figures = common.start_latency(task, starts.wait, n, pause)
    consumer.stop()
    return figures


def latency_across(folder: Path, n: int, pause: float) -> common.Figures:
    task = queue(folder / "jobs.db").task()(tell)
    with common.other_process("work", str(folder / "jobs.db")) as started:
        return common.start_latency(task, started, n, pause)


def work(path: str) -> None:
    huey = queue(path)
    huey.task()(tell)
    consumer = huey.create_consumer(periodic=False)
    consumer.start()
    common.work_until_told()
    consumer.stop()


def store_future(folder: Path, path: str, stored: int) -> common.Figures:
    huey = queue(path, fsync=False)
    task = huey.task()(noop)
    for number in range(stored):
        huey.add_schedule(task.s(number, delay=86_400))
    return {}


def idle(folder: Path, seconds: float, stored: int) -> common.Figures:
    path = str(folder / "jobs.db")
    if stored:
        common.in_own_process("store_future", disk=str(folder), path=path, stored=stored)
    huey = queue(path)
    huey.task()(noop)
    consumer = huey.create_consumer()
    consumer.start()
    figures = common.at_rest(seconds)
    consumer.stop()
    return figures


MEASURES: dict[str, common.Measure] = {
    "submit": submit,
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
