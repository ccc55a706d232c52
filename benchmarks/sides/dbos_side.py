"""DBOS on SQLite, in an environment of its own."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import measures
import performing
import queues
from dbos import DBOS, DBOSConfig, SetEnqueueOptions

logging.disable(logging.WARNING)
OFTEN = 0.1  # how often its worker looks for jobs, in seconds; its default is 1


class Dbos(queues.Queue):
    def __init__(self, folder: Path, polling: float = OFTEN) -> None:
        super().__init__(folder)
        self.polling = polling
        self.opened = False

    def database(self) -> str:
        return f"sqlite:///{self.folder / 'jobs.db'}"

    def open(self, listen: bool) -> None:
        config: DBOSConfig = {
            "name": "bench",
            "system_database_url": self.database(),
            "log_level": "CRITICAL",
            "application_version": "1",
            "executor_id": "bench",
        }
        DBOS(config=config)
        self.task = DBOS.workflow(name="perform")(performing.perform_plainly)
        if not listen:
            DBOS.listen_queues([])
        DBOS.launch()
        DBOS.register_queue("jobs", polling_interval_sec=self.polling)
        self.opened = True

    def fresh(self) -> None:
        self.close()
        super().fresh()

    def submit(self, what: str, number: float) -> object:
        if not self.opened:
            self.open(listen=False)
        return DBOS.enqueue_workflow("jobs", self.task, what, number)

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> None:
        if not self.opened:
            self.open(listen=False)
        for number, at in calls:
            with SetEnqueueOptions(delay_seconds=at - time.time()):
                self.submit(what, number)

    def stored(self) -> int:
        with sqlite3.connect(self.folder / "jobs.db") as database:
            [count] = database.execute("select count(*) from workflow_status").fetchone()
        return int(count)

    def work(self) -> None:
        self.open(listen=True)
        threading.Event().wait()

    def close(self) -> None:
        if self.opened:
            DBOS.destroy(destroy_registry=True)
            self.opened = False


if __name__ == "__main__":
    measures.main(Dbos)
