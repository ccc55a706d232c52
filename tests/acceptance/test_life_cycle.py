"""Start, drain, signals, crashes, forks, hung threads: what a worker does at its edges."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from offhours import Context, JobState, Offhours
from offhours.core.errors import JobFailed, StoreGone
from offhours.testing import FakeClock

WORKER = """
    import os, sys, time
    from offhours import Offhours, context

    app = Offhours(sys.argv[1], threads=2, stop_timeout=sys.argv[2], lease="2s")

    @app.task(name="nap")
    def nap(seconds):
        os.write(1, b"started\\n")
        time.sleep(seconds)

    @app.task(name="attentive")
    def attentive():
        os.write(1, b"started\\n")
        while True:
            context().checkpoint()
            time.sleep(0.001)

    sys.exit(app.run())
"""


def lines(process, count: int) -> None:
    for _ in range(count):
        assert process.stdout.readline() == "started\n"


def test_terminate_finishes_what_runs_and_hands_back_the_rest(database: str, script) -> None:
    app = Offhours(database)
    jobs = [app.submit_by_name("nap", args=(0.3,)) for _ in range(20)]
    worker = script(WORKER, database, "20s")
    lines(worker, 2)
    began = time.monotonic()
    worker.terminate()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 5
    states = [job.status for job in jobs]
    assert states.count(JobState.SUCCEEDED) == 2
    assert states.count(JobState.PENDING) == 18
    assert sum(job.record.attempts for job in jobs) == 2
    assert app.workers() == []
    app.close()


def test_a_drain_that_takes_too_long_hands_back_what_runs(tmp_path: Path, script) -> None:
    app = Offhours(tmp_path / "jobs.db")
    job = app.submit_by_name("nap", args=(60,))
    worker = script(WORKER, tmp_path / "jobs.db", "200ms")
    lines(worker, 1)
    worker.terminate()
    assert worker.wait(20) == 0
    record = job.record
    assert (record.state, record.attempts, record.crashes) == (JobState.PENDING, 0, 0)
    app.close()


def test_terminate_leaves_the_block_and_drains(tmp_path: Path, script) -> None:
    program = """
        import os, sys, time
        from offhours import Offhours

        app = Offhours(sys.argv[1], threads=1)

        @app.task(name="nap")
        def nap(seconds):
            os.write(1, b"started\\n")
            time.sleep(seconds)

        with app:
            os.write(1, b"started\\n")
            time.sleep(60)
    """
    app = Offhours(tmp_path / "jobs.db")
    jobs = [app.submit_by_name("nap", args=(0.3,)) for _ in range(3)]
    process = script(program, tmp_path / "jobs.db")
    lines(process, 2)  # the block's and the first job's
    process.terminate()
    assert process.wait(20) == 0
    assert [job.status for job in jobs] == ["succeeded", "pending", "pending"]
    assert app.workers() == []
    app.close()


def test_two_interrupts_stop_at_once(tmp_path: Path, script, until) -> None:
    app = Offhours(tmp_path / "jobs.db")
    job = app.submit_by_name("nap", args=(60,))
    worker = script(WORKER, tmp_path / "jobs.db", "60s")
    lines(worker, 1)
    worker.send_signal(signal.SIGINT)
    until(lambda: job.status is JobState.RUNNING and app.counts()["running"] == 1)
    deadline = time.monotonic() + 20
    while worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)  # on a busy machine two signals can become one
        worker.send_signal(signal.SIGINT)
    assert worker.wait(10) == 130
    assert (job.status, job.record.attempts) == (JobState.PENDING, 0)
    app.close()


def test_cancel_reaches_another_process(database: str, script) -> None:
    app = Offhours(database)
    job = app.submit_by_name("attentive")
    worker = script(WORKER, database, "5s")
    lines(worker, 1)
    began = time.monotonic()
    assert job.cancel() is False
    assert job.wait(20) is JobState.CANCELLED
    assert time.monotonic() - began < 2
    worker.terminate()
    assert worker.wait(20) == 0
    app.close()


def test_a_killed_workers_job_runs_again_within_seconds(tmp_path: Path, script, until) -> None:
    app = Offhours(tmp_path / "jobs.db")
    job = app.submit_by_name("attentive")
    first = script(WORKER, tmp_path / "jobs.db", "5s")
    lines(first, 1)
    second = script(WORKER, tmp_path / "jobs.db", "5s")
    until(lambda: len(app.workers()) == 2)
    first.kill()
    began = time.monotonic()
    lines(second, 1)
    assert time.monotonic() - began < 5
    assert job.cancel() is False
    assert job.wait(20) is JobState.CANCELLED
    assert (job.record.attempts, job.record.crashes) == (2, 1)
    kinds = [event.kind for event in app.events()]
    assert kinds.count("worker.lost") == 1
    second.terminate()
    app.close()


def test_leaving_the_block_drains(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", threads=1)
    entered = threading.Event()

    @app.task
    def slow() -> str:
        entered.set()
        time.sleep(0.1)
        return "done"

    with app:
        jobs = [slow.submit() for _ in range(3)]
        assert entered.wait(20)
    assert jobs[0].result() == "done"
    assert jobs[2].status is JobState.PENDING
    with app:  # and it can go on
        assert jobs[2].result(20) == "done"
    app.close()


def test_a_hung_thread_is_reported_and_its_slot_replaced(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", threads=1)
    release = threading.Event()

    @app.task(timeout=0.1)
    def hang() -> str:
        release.wait(30)
        return "too late"

    @app.task
    def quick() -> int:
        return 1

    with app:
        job = hang.submit()
        with pytest.raises(JobFailed, match="did not end within its timeout") as caught:
            job.result(20)
        assert caught.value.code == "timeout"
        assert quick.submit().result(20) == 1
        release.set()
        assert [quick.submit().result(20) for _ in range(3)] == [1, 1, 1]
    assert job.status is JobState.FAILED
    assert "job.stuck" in [event.kind for event in job.history()]
    app.close()


def test_a_coroutine_is_stopped_at_its_timeout_and_by_cancel(tmp_path: Path, until) -> None:
    import asyncio

    app = Offhours(tmp_path / "jobs.db")

    @app.task(timeout=0.05)
    async def slow() -> None:
        await asyncio.sleep(60)

    @app.task
    async def patient(ctx: Context) -> None:
        ctx.progress(0.1)
        while True:
            await asyncio.sleep(0.01)
            ctx.checkpoint()

    with app:
        assert slow.submit().wait(20) is JobState.FAILED
        job = patient.submit()
        until(lambda: job.progress)
        job.cancel()
        assert job.wait(20) is JobState.CANCELLED
    app.close()


def test_at_most_once_is_lost_visibly(tmp_path: Path, script) -> None:
    app = Offhours(tmp_path / "jobs.db")
    job = app.submit_by_name("nap", args=(30,), on_lost="fail")
    worker = script(WORKER, tmp_path / "jobs.db", "5s")
    lines(worker, 1)
    worker.kill()
    worker.wait()
    with app:
        assert job.wait(20) is JobState.FAILED
    assert job.record.code == "lost"
    app.close()


def test_durable_false_is_lost_visibly(tmp_path: Path, script, until) -> None:
    program = """
        import os, sys
        from offhours import Offhours
        app = Offhours(sys.argv[1])
        print(app.submit(lambda: 1, durable=False).id, flush=True)
        os._exit(1)
    """
    process = script(program, tmp_path / "jobs.db")
    job_id = int(process.stdout.readline())
    process.wait(20)
    with Offhours(tmp_path / "jobs.db") as app:
        assert app.wait_for(job_id, 20).code == "lost"
        assert "durable=False" in str(app.why(job_id))
    app.close()


def test_poison_is_quarantined(database: str, script) -> None:
    program = """
        import os, sys
        from offhours import Offhours
        app = Offhours(sys.argv[1], threads=1)

        @app.task(name="poison")
        def poison():
            os._exit(9)

        @app.task(name="fine")
        def fine():
            return 1

        app.run()
    """
    app = Offhours(database)
    poison = app.submit_by_name("poison", retries=100)
    fine = [app.submit_by_name("fine") for _ in range(5)]
    for _ in range(3):
        assert script(program, database).wait(20) == 9
    last = script(program, database)
    assert [job.result(20) for job in fine] == [1] * 5
    assert (poison.status, poison.record.code) == (JobState.FAILED, "quarantined")
    assert "not tried again" in str(poison.why())
    assert sum(job.record.crashes for job in fine) == 0
    last.terminate()
    assert last.wait(20) == 0
    app.close()


def test_a_wall_clock_that_jumps_kills_nobody(tmp_path: Path, until) -> None:
    """Two workers; the clock leaps by a day: leases are judged by the monotonic clock."""
    clock = FakeClock()
    one = Offhours(tmp_path / "jobs.db", clock=clock)
    two = Offhours(tmp_path / "jobs.db", clock=clock)
    go = threading.Event()

    def wait() -> str:
        go.wait(20)
        return "done"

    one.task(name="wait")(wait)
    with one:
        job = one.submit("wait")
        until(lambda: job.status is JobState.RUNNING)
        with two:
            for moment in ("2026-01-02T00:00Z", "2025-12-31T23:00Z", "2026-01-01T00:00Z"):
                clock.jump(moment)
                for _ in range(3):
                    clock.advance("1s")
                    time.sleep(0.02)
            go.set()
            clock.advance("2s")
            until(lambda: clock.advance("100ms") or job.status is JobState.SUCCEEDED)
    assert job.record.crashes == 0
    assert "worker.lost" not in [event.kind for event in one.events()]
    one.close()
    two.close()


def test_retention_deletes_what_is_old(tmp_path: Path) -> None:
    from offhours.testing import MemoryApp

    with MemoryApp(retention="1d") as app:
        job = app.task(name="t")(lambda: None).submit()
        app.drain()
        assert job.status is JobState.SUCCEEDED
        app.clock.advance("2d")
        keep = app.submit("t")
        app._work.worker.prune(app.clock.micros())
        assert [record.id for record in app.jobs()] == [keep.id]


def test_progress_is_stored_even_when_throttled(tmp_path: Path) -> None:
    from offhours.testing import memory_app

    with memory_app() as app:

        @app.task
        def steps(ctx: Context) -> None:
            for n in range(101):
                ctx.progress(n / 100, partial={"done": n})

        job = steps.submit()
        app.drain()
        assert job.progress == {"fraction": 1.0, "message": "", "partial": {"done": 100}}
        stored = [e for e in job.history() if e.kind == "job.progress"]
        assert len(stored) <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_database_that_is_gone_spoils_no_fork_for_others(tmp_path: Path) -> None:
    lost, kept = (Offhours(tmp_path / name) for name in ("lost.db", "kept.db"))
    for path in tmp_path.glob("lost.db*"):
        path.unlink()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert kept.submit_by_name("t").status is JobState.PENDING
    with pytest.raises(StoreGone):
        lost.submit_by_name("t")
    lost.close()
    kept.close()


def test_a_forked_child_can_open_its_own(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")
    app.task(name="t")(print)
    app.submit("t")
    child = os.fork()
    if child == 0:
        try:
            mine = Offhours(tmp_path / "jobs.db")
            mine.submit_by_name("t")
            mine.close()
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    app.submit("t")
    assert app.counts()["ready"] == 3
    app.close()


def test_a_task_cannot_close_its_app(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")

    @app.task(name="closes")
    def closes() -> None:
        app.close()

    with app:
        job = closes.submit()
        assert job.wait(20) is JobState.FAILED
    assert "a task cannot close its app" in (job.record.error or "")
    app.close()
