"""Celery on Redis, in an environment of its own."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import measures
import performing
import queues
import redis_database
from celery import Celery

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")  # that we are root, in a container
NAME = "celery"
QUIET = ("--loglevel", "error", "--without-gossip", "--without-mingle", "--without-heartbeat")


class CeleryQueue(queues.Queue):
    def __init__(
        self, folder: Path, pool: str = "solo", threads: int = 1, acks_late: bool = False
    ) -> None:
        super().__init__(folder)
        self.pool, self.threads = pool, threads
        self.app = Celery(NAME, broker=redis_database.URL)
        self.app.conf.update(
            task_ignore_result=True,
            task_acks_late=acks_late,
            worker_prefetch_multiplier=100,
            broker_connection_retry_on_startup=True,
        )
        self.task = self.app.task(name="perform")(performing.perform)

    def fresh(self) -> None:
        redis_database.empty()

    def submit(self, what: str, number: float) -> object:
        return self.task.delay(what, number)

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        for number, at in calls:
            self.task.apply_async((what, number), eta=datetime.fromtimestamp(at, UTC))

    def stored(self) -> int:
        return int(redis_database.client().llen(NAME))

    def work(self) -> None:
        options = ["--pool", self.pool, "--concurrency", str(self.threads), *QUIET]
        self.app.worker_main(["worker", *options])

    def leave(self) -> None:
        if self.pool == "solo":
            super().leave()
        os.kill(os.getpid(), signal.SIGTERM)  # it ends its pool

    def close(self) -> None:
        redis_database.empty()


if __name__ == "__main__":
    measures.main(CeleryQueue)
