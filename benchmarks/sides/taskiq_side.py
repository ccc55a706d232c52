"""Taskiq on a Redis stream (acknowledged after the run), in an environment of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import measures
import performing
import queues
import redis_database
from taskiq import TaskiqScheduler
from taskiq.api import run_receiver_task, run_scheduler_task
from taskiq_redis import ListRedisScheduleSource, RedisStreamBroker

logging.disable(logging.WARNING)
OFTEN = timedelta(seconds=1)  # a schedule is looked at no oftener by its documentation


class Taskiq(queues.Queue):
    """Its calls are coroutines: they run on a loop of their own here."""

    def __init__(self, folder: Path, threads: int = 4) -> None:
        super().__init__(folder)
        self.threads = threads
        # From the start of the stream: what was sent before the worker came is run, too.
        self.broker = RedisStreamBroker(redis_database.URL, consumer_id="0")
        self.task = self.broker.task(task_name="perform")(performing.perform)
        self.source = ListRedisScheduleSource(redis_database.URL)
        self.loop = asyncio.new_event_loop()
        self.opened = False

    def run(self, it: Coroutine[Any, Any, object]) -> None:
        if not self.opened:
            threading.Thread(target=self.loop.run_forever, daemon=True).start()
            self.opened = True
            self.run(self.broker.startup())
        asyncio.run_coroutine_threadsafe(it, self.loop).result()

    def fresh(self) -> None:
        redis_database.empty()

    def submit(self, what: str, number: float) -> object:
        return self.run(self.task.kiq(what, number))

    def submit_many(self, what: str, numbers: Iterable[float]) -> None:
        """No bulk call, but many may be on their way at once."""

        async def send() -> None:
            waiting = list(numbers)
            for first in range(0, len(waiting), 100):
                some = waiting[first : first + 100]
                await asyncio.gather(*(self.task.kiq(what, number) for number in some))

        self.run(send())

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        async def send() -> None:
            for number, at in calls:
                moment = datetime.fromtimestamp(at, UTC)
                await self.task.schedule_by_time(self.source, moment, what, number)

        self.run(send())

    def stored(self) -> int:
        return int(redis_database.client().xlen("taskiq"))

    def work(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        scheduler = TaskiqScheduler(self.broker, [self.source])
        await asyncio.gather(
            run_receiver_task(
                self.broker, sync_workers=self.threads, max_prefetch=100, run_startup=True
            ),
            run_scheduler_task(scheduler, interval=OFTEN),
        )

    def close(self) -> None:
        redis_database.empty()


if __name__ == "__main__":
    measures.main(Taskiq)
