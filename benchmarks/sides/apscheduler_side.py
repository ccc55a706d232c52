"""APScheduler 3, in an environment of its own."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import common
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

logging.disable(logging.WARNING)
late = common.Lateness(0)


def on_sqlite(folder: Path) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore(SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.db'}"))
    scheduler.start()
    return scheduler


def mark_due(moment: float) -> None:
    late.waits.append(time.time() - moment)


def due(folder: Path, rate: int, seconds: float) -> common.Figures:
    """In one process: a second one would not be told of new jobs."""
    scheduler, n = on_sqlite(folder), max(1, round(rate * seconds))
    ahead = time.time() + 1 + n / 100  # it stores some 300 a second
    for number in range(n):
        moment = ahead + number / rate
        when = datetime.fromtimestamp(moment, UTC)
        scheduler.add_job(mark_due, "date", run_date=when, args=(moment,), misfire_grace_time=60)
    assert time.time() < ahead
    common.wait_until(lambda: len(late.waits) == n)
    scheduler.shutdown()
    return common.percentiles([max(0.0, one) for one in late.waits])


def idle(folder: Path, seconds: float, stored: int) -> common.Figures:
    scheduler = on_sqlite(folder)
    figures = common.at_rest(seconds)
    scheduler.shutdown()
    return figures


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
    common.main({"lateness": lateness, "due": due, "idle": idle, "cpu_of": common.cpu_of})
