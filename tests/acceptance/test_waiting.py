"""Waiting for jobs: from threads, from coroutines, in this process and another's."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from offhours import Offhours
from offhours.core.errors import JobFailed, JobNotFound
from offhours.testing import memory_app


def double(n: int) -> int:
    return 2 * n


def test_many_coroutines_wait_and_hold_no_thread(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")
    task = app.task(double)

    async def ask() -> list[int]:
        jobs = task.submit_many([(n,) for n in range(300)])
        answers = asyncio.gather(*jobs)
        await asyncio.sleep(0.05)  # all of them wait
        threads = threading.active_count()
        app.start()
        found = await answers
        assert threads < before + 3
        return list(found)

    before = threading.active_count()
    assert asyncio.run(ask()) == [2 * n for n in range(300)]
    app.stop()
    app.close()


def test_a_coroutine_waits_for_what_another_process_runs(tmp_path: Path) -> None:
    here, there = Offhours(tmp_path / "jobs.db"), Offhours(tmp_path / "jobs.db")
    there.task(name="double")(double)

    async def ask() -> int:
        job = here.submit_by_name("double", args=(21,))
        waiting = asyncio.ensure_future(job)
        await asyncio.sleep(0.02)
        there.start()
        return int(await asyncio.wait_for(waiting, 20))

    assert asyncio.run(ask()) == 42
    # The one who watched has nothing left to watch, and the next one is watched again.
    assert asyncio.run(ask()) == 42
    there.stop()
    here.close()
    there.close()


def test_a_coroutine_that_waits_no_longer_is_forgotten(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")
    task = app.task(double)
    job = task.submit(1)

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job, 0.05)

    asyncio.run(give_up())
    assert not app._work.waiters
    with app:
        assert job.result(timeout=20) == 2
    app.close()


def test_an_awaited_failure_is_raised() -> None:
    app = memory_app()

    @app.task(retries=0)
    def fail() -> None:
        raise ValueError("no")

    async def ask(job_id: int) -> None:
        await app.result_async(job_id)

    with pytest.raises(JobFailed):
        asyncio.run(ask(fail.submit().id))
    with pytest.raises(JobNotFound):
        asyncio.run(ask(999))
