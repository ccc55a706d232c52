"""Offhours, as its users use it."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import apsw
import common
import measures
import performing
import queues

from offhours import Offhours, TaskHandle, TaskPriority, context
from offhours.core.times import SECOND
from offhours.core.triggers import Every

starts = common.Starts()


class OffhoursQueue(queues.Queue):
    def __init__(
        self,
        folder: Path,
        durability: str = "normal",
        threads: int = 4,
        executor: str = "thread",
        step_aside: str = "cooperate",
        background: bool = False,
    ) -> None:
        super().__init__(folder)
        self.settings = {"durability": durability, "threads": threads}
        self.app: Offhours | None = None
        self.task_options = {
            "executor": executor,
            "step_aside": step_aside,
            "priority": TaskPriority.BACKGROUND if background else TaskPriority.NORMAL,
        }

    @functools.cached_property
    def task(self) -> TaskHandle[[str, float], None]:
        self.app = Offhours(self.store(), **self.settings)
        return self.app.task(**self.task_options)(perform)

    def store(self) -> str:
        return str(self.folder / "jobs.db")

    def fresh(self) -> None:
        self.close()
        super().fresh()

    def submit(self, what: str, number: float) -> object:
        return self.task.submit(what, number)

    def submit_many(self, what: str, numbers: Iterable[float]) -> object:
        return self.task.submit_many([(what, number) for number in numbers])

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        by_moment: dict[float, list[tuple[str, float]]] = {}
        for number, at in calls:
            by_moment.setdefault(at, []).append((what, number))
        for at, some in by_moment.items():
            moment = datetime.fromtimestamp(at, UTC)
            self.task.options(at=moment).submit_many(some)

    def stored(self) -> int:
        return sum(self.task.app.counts().values())

    def work(self) -> None:
        self.ending = threading.Event()
        with self.task.app:
            self.ending.wait()

    def leave(self) -> None:
        self.ending.set()

    def foreground(self) -> AbstractContextManager[None]:
        return self.task.app.foreground("bench")

    def close(self) -> None:
        if self.app is not None:
            self.app.close()
            self.app = None
            del self.task


def perform(what: str, number: float) -> None:
    performing.perform(what, number, context().checkpoint)


def noop(number: int) -> None:
    pass


def probe(number: int) -> None:
    starts.mark(number)


def drain(folder: Path, n: int, threads: int, durability: str) -> common.Figures:
    """From the start of the worker until every outcome is recorded."""
    common.in_own_process("store_noops", disk=str(folder), path=str(folder / "jobs.db"), n=n)
    return drained(Offhours(folder / "jobs.db", threads=threads, durability=durability), n)


def drained(app: Offhours, n: int) -> common.Figures:
    last = app.job(n)
    app.task(noop)
    began = time.perf_counter()
    app.start()
    last.wait()
    common.wait_until(lambda: app.counts()["succeeded"] == n)
    seconds = time.perf_counter() - began
    rss = common.rss_bytes() / 1e6
    app.close()
    return {"per_second": n / seconds, "rss_mb": rss}


def store_noops(folder: Path, path: str, n: int) -> common.Figures:
    app = Offhours(path)
    app.task(noop).submit_many([(number,) for number in range(n)])
    app.close()
    return {}


def latency(folder: Path, n: int, pause: float) -> common.Figures:
    with Offhours(folder / "jobs.db") as app:
        return common.start_latency(app.task(probe).submit, starts.wait, n, pause)


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


OWN: dict[str, common.Measure] = {
    "drain": drain,
    "store_noops": store_noops,
    "latency": latency,
    "lateness": lateness,
    "stored_schedules": stored_schedules,
    "store_schedules": store_schedules,
}

if __name__ == "__main__":
    measures.main(OffhoursQueue, OWN)
