"""Offhours with its jobs at Celery workers, its store on SQLite or on PostgreSQL."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import celery_side
import common
import measures
import postgres_database
import queues
import redis_database

JOBS = Path(__file__).with_name("celery_jobs.py")


class AtCelery(queues.Queue):
    """The worker's process claims and records; a Celery worker that it starts runs the jobs."""

    def __init__(self, folder: Path, store: str = "sqlite", threads: int = 2) -> None:
        super().__init__(folder)
        self.on_server, self.threads = store == "postgres", threads
        path = postgres_database.URL if self.on_server else str(folder / "jobs.db")
        os.environ |= {
            "OFFHOURS_APP": str(JOBS),
            "OFFHOURS_DB": path,
            "OFFHOURS_BROKER_URL": redis_database.URL,
        }

    @functools.cached_property
    def jobs(self) -> ModuleType:
        import celery_jobs  # which opens the store

        return celery_jobs

    def fresh(self) -> None:
        redis_database.empty()
        if self.on_server:
            postgres_database.create()

    def submit(self, what: str, number: float) -> object:
        return self.jobs.perform.submit(what, number)

    def submit_many(self, what: str, numbers: Iterable[float]) -> object:
        return self.jobs.perform.submit_many([(what, number) for number in numbers])

    def stored(self) -> int:
        return sum(self.jobs.app.counts().values())

    def settle(self, n: int) -> None:
        common.wait_until(lambda: self.jobs.app.counts()["succeeded"] == n, every=0.01)

    def work(self) -> None:
        self.ending = threading.Event()
        concurrency = ["--concurrency", str(self.threads)]
        application = ["-m", "celery", "--app", "offhours.celery.celery_app", "worker"]
        # The warning is that we are root, in a container.
        command = [sys.executable, "-W", "ignore", *application, *concurrency, *celery_side.QUIET]
        with subprocess.Popen(command) as worker:
            try:
                with self.jobs.app:
                    self.ending.wait()
            finally:
                worker.terminate()

    def leave(self) -> None:
        self.ending.set()

    def close(self) -> None:
        if "jobs" in self.__dict__:
            self.jobs.app.close()
        redis_database.empty()
        if self.on_server:
            postgres_database.drop()


if __name__ == "__main__":
    measures.main(AtCelery)
