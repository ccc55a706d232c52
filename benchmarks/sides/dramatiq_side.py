"""Dramatiq on Redis, in an environment of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import dramatiq
import measures
import performing
import queues
import redis_database
from dramatiq.brokers.redis import RedisBroker

logging.disable(logging.WARNING)


class Dramatiq(queues.Queue):
    def __init__(self, folder: Path, threads: int = 4) -> None:
        super().__init__(folder)
        self.threads = threads
        self.broker = RedisBroker(url=redis_database.URL)
        self.actor = dramatiq.actor(performing.perform, broker=self.broker, max_retries=1)

    def fresh(self) -> None:
        redis_database.empty()

    def submit(self, what: str, number: float) -> object:
        return self.actor.send(what, number)

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        for number, at in calls:
            delay = round((at - time.time()) * 1000)
            self.actor.send_with_options(args=(what, number), delay=delay)

    def stored(self) -> int:
        return int(self.broker.client.llen("dramatiq:default"))

    def work(self) -> None:
        dramatiq.Worker(self.broker, worker_threads=self.threads, worker_timeout=100).start()
        threading.Event().wait()

    def close(self) -> None:
        redis_database.empty()


if __name__ == "__main__":
    measures.main(Dramatiq)
