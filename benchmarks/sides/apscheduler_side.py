"""APScheduler 3, in an environment of its own."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import common
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

logging.disable(logging.WARNING)
late = common.Lateness(0)


def mark(number: int) -> None:
    late.mark(number)


def lateness(folder: Path, rate: int, seconds: float, stored: bool) -> common.Figures:
    global late
    late = common.Lateness(rate)
    url = f"sqlite:///{folder / 'jobs.db'}"
    store = SQLAlchemyJobStore(url=url) if stored else MemoryJobStore()
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore(store)
    start = int(datetime.now(UTC).timestamp()) + 1
    for number, phase in enumerate(late.phases):
        first = datetime.fromtimestamp(start + phase, UTC)
        scheduler.add_job(
            mark, "interval", seconds=1, start_date=first, args=(number,), max_instances=3
        )
    scheduler.start()
    figures = late.figures(seconds)
    scheduler.shutdown(wait=False)
    return figures


if __name__ == "__main__":
    common.main({"lateness": lateness})
