"""Procrastinate on PostgreSQL, in an environment of its own."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import measures
import performing
import postgres_database
import queues
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

logging.disable(logging.WARNING)
DATABASE = postgres_database.URL
CONNECTIONS = 8  # so that eight threads submit at once


class Procrastinate(queues.Queue):
    def __init__(self, folder: Path, threads: int = 1) -> None:
        super().__init__(folder)
        self.threads = threads

    @functools.cached_property
    def app(self) -> App:
        app = App(connector=SyncPsycopgConnector(conninfo=DATABASE, max_size=CONNECTIONS))
        self.task = app.task(name="perform")(performing.perform)
        app.open()
        return app

    def fresh(self) -> None:
        self.close()
        postgres_database.create()
        self.app.schema_manager.apply_schema()

    def submit(self, what: str, number: float) -> object:
        assert self.app
        return self.task.defer(what=what, number=number)

    def submit_many(self, what: str, numbers: Iterable[float]) -> object:
        assert self.app
        return self.task.batch_defer(*[{"what": what, "number": number} for number in numbers])

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        assert self.app
        by_moment: dict[float, list[float]] = {}
        for number, at in calls:
            by_moment.setdefault(at, []).append(number)
        for at, numbers in by_moment.items():
            later = self.task.configure(schedule_at=datetime.fromtimestamp(at, UTC))
            later.batch_defer(*[{"what": what, "number": number} for number in numbers])

    def stored(self) -> int:
        return postgres_database.count("procrastinate_jobs")

    def work(self) -> None:
        app = App(connector=PsycopgConnector(conninfo=DATABASE))
        app.task(name="perform")(performing.perform)
        app.run_worker(concurrency=self.threads, fetch_job_polling_interval=1)

    def close(self) -> None:
        if "app" in self.__dict__:
            self.app.close()
            del self.app
        postgres_database.drop()


if __name__ == "__main__":
    measures.main(Procrastinate)
