"""Background work steps aside for the person in front, and every state says why."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from offhours import Context, JobState, Offhours, TaskPriority
from offhours.core.errors import QueueFull
from offhours.core.times import SECOND
from offhours.testing import MemoryApp, memory_app

HOLDER = """
    import sys, time
    from offhours import Offhours

    app = Offhours(sys.argv[1], foreground_ttl="2s")
    with app.foreground("wf_other"):
        print("in", flush=True)
        sys.stdin.read() if len(sys.argv) > 2 else time.sleep(600)
"""


def noop(*args: object) -> None: ...


def boom() -> None:
    raise ValueError("wet fuse")


def test_background_waits_while_a_workflow_is_active(tmp_path: Path, until) -> None:
    app = Offhours(tmp_path / "jobs.db")
    with app:
        with app.foreground("wf_123"):
            low = app.submit(noop, priority=TaskPriority.LOW)
            background = app.submit(noop, priority=TaskPriority.BACKGROUND)
            normal = app.submit(noop)
            assert normal.wait(20) is JobState.SUCCEEDED
            for job in (low, background):
                assert job.status is JobState.PENDING
                answer = job.why()
                assert answer.code == "workflow"
                assert "wf_123" in str(answer)
                assert answer.until is not None
        assert low.wait(20) is JobState.SUCCEEDED
        assert background.wait(20) is JobState.SUCCEEDED
    started = [e for e in app_events(tmp_path) if e.kind == "job.started"]
    left = next(e.seq for e in app_events(tmp_path) if e.kind == "foreground.left")
    assert all(e.seq > left for e in started if e.job_id in (low.id, background.id))


def app_events(folder: Path) -> list:
    app = Offhours(folder / "jobs.db")
    events = list(app.events())
    app.close()
    return events


def test_running_work_steps_aside_at_its_checkpoint(tmp_path: Path, until) -> None:
    steps: list[int] = []
    entered = threading.Event()
    app = Offhours(tmp_path / "jobs.db")

    @app.task(priority=TaskPriority.BACKGROUND)
    def long(ctx: Context) -> int:
        while not finish.is_set():
            ctx.checkpoint()
            steps.append(1)
            entered.set()
        return len(steps)

    finish = threading.Event()
    with app:
        job = long.submit()
        assert entered.wait(20)
        with app.foreground("wf"):
            until(lambda: stands_still(steps))
            before = len(steps)
            assert app.submit(noop).wait(20) is JobState.SUCCEEDED
            assert len(steps) == before
            assert job.status is JobState.RUNNING
        until(lambda: len(steps) > before)
        finish.set()
        assert job.wait(20) is JobState.SUCCEEDED


def stands_still(steps: list[int]) -> bool:
    before = len(steps)
    threading.Event().wait(0.15)
    return len(steps) == before


def test_a_task_that_finishes_does_not_step_aside(tmp_path: Path) -> None:
    go = threading.Event()
    inside = threading.Event()
    app = Offhours(tmp_path / "jobs.db")

    @app.task(priority=TaskPriority.BACKGROUND, step_aside="finish")
    def stubborn(ctx: Context) -> str:
        inside.set()
        go.wait(20)
        ctx.checkpoint()
        return "finished"

    with app:
        job = stubborn.submit()
        assert inside.wait(20)
        with app.foreground("wf"):
            go.set()
            assert job.result(20) == "finished"


def test_another_process_in_front_holds_this_ones_background(tmp_path: Path, script, until) -> None:
    app = Offhours(tmp_path / "jobs.db")
    with app:
        holder = script(HOLDER, tmp_path / "jobs.db")
        assert holder.stdout.readline() == "in\n"
        job = app.submit(noop, priority=TaskPriority.BACKGROUND)
        assert "wf_other" in str(job.why())
        holder.kill()  # a crash never leaves the house asleep
        assert job.wait(20) is JobState.SUCCEEDED


def test_throttle_between_background_starts(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", background_throttle="100ms")
    with app:
        jobs = [app.submit(noop, priority=TaskPriority.BACKGROUND) for _ in range(5)]
        for job in jobs:
            job.wait(20)
        starts = sorted(job.record.started_at for job in jobs)
    gaps = [later - sooner for sooner, later in itertools.pairwise(starts)]
    assert min(gaps) >= SECOND // 10


def test_at_most_so_many_background_jobs_at_once(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", threads=4, background_limit=1)
    now, most = [], []

    @app.task(priority=TaskPriority.BACKGROUND)
    def count() -> None:
        now.append(1)
        most.append(len(now))
        threading.Event().wait(0.01)
        now.pop()

    with app:
        for job in count.submit_many([()] * 20):
            job.wait(20)
    assert max(most) == 1


# -- why ------------------------------------------------------------------------------------------


@pytest.fixture
def app():
    with memory_app() as made:
        yield made


def test_why_not_due(app: MemoryApp) -> None:
    job = app.submit(noop, delay="10m")
    answer = job.why()
    assert (answer.code, answer.until) == ("not_due", job.record.run_at)
    assert "in 10 min" in str(answer)


def test_why_behind_others(app: MemoryApp) -> None:
    for _ in range(3):
        app.submit(noop, priority="high")
    job = app.submit(noop)
    assert (job.why().code, str(job.why())) == ("behind", "3 jobs are ahead of it; 0 run now")
    app.drain()
    assert app.submit(noop).why().code == "next"


def test_why_no_worker(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")
    assert app.submit(noop).why().code == "no_worker"
    app.close()


def test_why_no_handler_and_parked_not_burnt(app: MemoryApp) -> None:
    job = app.submit_by_name("elsewhere:task", args=(1,))
    assert job.why().code == "no_handler"
    app.drain()
    assert job.status is JobState.HELD
    assert "elsewhere:task" in str(job.why())
    seen = []
    app.task(name="elsewhere:task")(seen.append)
    app.drain()
    app.drain()
    assert (job.status, seen, job.record.attempts) == (JobState.SUCCEEDED, [1], 1)


def test_why_retry(app: MemoryApp) -> None:
    task = app.task(retries=2, backoff="30s")(boom)
    job = task.submit()
    app.drain()
    answer = job.why()
    assert answer.code == "retry"
    assert "ValueError: wet fuse" in str(answer)
    assert "2 of 3 attempts left" in str(answer)
    assert answer.until == job.record.run_at


def test_why_throttled_and_limited() -> None:
    with memory_app(background_throttle="10s") as app:
        first = app.submit(noop, priority="background")
        second = app.submit(noop, priority="background")
        app.drain()
        assert first.status is JobState.SUCCEEDED
        answer = second.why()
        assert answer.code == "throttled"
        assert answer.until == app.clock.micros() + 10 * SECOND
        app.clock.advance("10s")
        app.drain()
        assert second.status is JobState.SUCCEEDED


def test_why_running(tmp_path: Path, until) -> None:
    go = threading.Event()
    app = Offhours(tmp_path / "jobs.db")

    @app.task
    def long(ctx: Context) -> None:
        ctx.progress(0.4, "reading")
        go.wait(20)

    with app:
        job = long.submit()
        until(lambda: job.progress)
        answer = job.why()
        assert answer.code == "running"
        for words in ("attempt 1", "40%", "reading", app.workers()[0].label):
            assert words in str(answer)
        job.cancel()
        assert job.why().code == "cancelling"
        go.set()
        job.wait(20)


def test_why_final(app: MemoryApp) -> None:
    good, bad, gone = app.submit(noop), app.task(boom).submit(), app.submit(noop, delay=9)
    gone.cancel("enough")
    app.drain()
    assert good.why().code == "succeeded"
    assert "wet fuse" in str(bad.why())
    assert "enough" in str(gone.why())


def test_why_deferred(app: MemoryApp) -> None:
    job = app.submit(noop)
    app.defer(job.id, "2h", "quota")
    assert job.why().code == "deferred"
    assert "quota" in str(job.why())


# -- a bounded queue ------------------------------------------------------------------------------


def test_a_full_queue_refuses_or_sheds() -> None:
    with memory_app(max_queue_size=2) as app:
        app.submit(noop)
        app.submit(noop)
        with pytest.raises(QueueFull, match="max_queue_size"):
            app.submit(noop)
        app.drain()
        app.submit(noop)
    with memory_app(max_queue_size=1, when_full="shed") as app:
        low = app.submit(noop, priority="low")
        app.submit(noop, priority="high")
        assert low.status is JobState.CANCELLED


def test_a_full_queue_blocks_until_there_is_room(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", max_queue_size=5, when_full="block", submit_timeout="20s")
    with app:
        jobs = [app.submit(noop) for _ in range(100)]
        for job in jobs:
            job.wait(20)
    short = Offhours(
        tmp_path / "jobs.db", max_queue_size=1, when_full="block", submit_timeout="50ms"
    )
    short.submit(noop)
    with pytest.raises(QueueFull):
        short.submit(noop)
    short.close()


def test_a_job_submitted_by_name_has_its_tasks_policy(app: MemoryApp) -> None:
    job = app.submit_by_name("elsewhere:flaky")
    assert job.record.max_attempts is None
    tries = []

    @app.task(name="elsewhere:flaky", retries=2, backoff=0, timeout="1m")
    def flaky() -> None:
        tries.append(1)
        raise ValueError("again")

    app.drain()
    assert (job.status, len(tries)) == (JobState.FAILED, 3)
    assert app.submit_by_name("elsewhere:flaky", retries=0).wait() is JobState.FAILED
    assert len(tries) == 4
