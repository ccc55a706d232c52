"""Huey on SQLite, in an environment of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import common
import measures
import performing
import queues
from huey import SqliteHuey

logging.disable(logging.WARNING)
starts = common.Starts()


class Huey(queues.Queue):
    """`fsync=None` is Huey's default, and leaves SQLite its own: synchronous=FULL."""

    def __init__(self, folder: Path, fsync: bool | None = None, threads: int = 1) -> None:
        super().__init__(folder)
        self.fsync, self.threads = fsync, threads
        self.open()

    def open(self) -> None:
        self.huey = SqliteHuey(filename=str(self.folder / "jobs.db"), fsync=self.fsync)
        self.task = self.huey.task(name="perform")(performing.perform)

    def fresh(self) -> None:
        self.huey.storage.close()
        super().fresh()
        self.open()

    def submit(self, what: str, number: float) -> object:
        return self.task(what, number)

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        for number, at in calls:
            self.huey.add_schedule(self.task.s(what, number, delay=at - time.time()))

    def stored(self) -> int:
        return int(self.huey.pending_count())

    def work(self) -> None:
        self.huey.create_consumer(workers=self.threads, periodic=False).start()
        threading.Event().wait()


def latency(folder: Path, n: int, pause: float) -> common.Figures:
    """In one process with its consumer."""
    queue = Huey(folder)
    task = queue.huey.task(name="probe")(starts.mark)
    consumer = queue.huey.create_consumer(periodic=False)
    consumer.start()
    figures = common.start_latency(task, starts.wait, n, pause)
    consumer.stop()
    return figures


if __name__ == "__main__":
    measures.main(Huey, {"latency": latency})
