"""The end of a worker: asked for under load, from inside, twice, by odd signals, at exit."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path

import pytest

from offhours import JobState, Offhours
from offhours.core.addresses import is_server


@pytest.mark.timeout(120)
def test_a_drain_under_load_fails_no_job(
    database: str, worker, until, ledger, nightly: bool
) -> None:
    """SIGTERM again and again while thousands of jobs are queued and more come in."""
    app = Offhours(database)
    queued, drains = (1_500, 2) if is_server(database) else (20_000, 5) if nightly else (4_000, 2)
    ids = [job.id for job in app.task(name="work")(lambda n: n).submit_many([(0,)] * queued)]
    ids += [app.submit_by_name("nap", args=(0.2,), priority=10).id for _ in range(20)]
    ends = []
    for _ in range(drains):
        process = worker(threads=4)
        done = app.counts()["succeeded"]
        until(lambda done=done: app.counts()["succeeded"] > done)
        ids += [app.submit_by_name("work", args=(0,)).id for _ in range(50)]
        began = time.monotonic()
        process.terminate()
        assert process.wait(60) == 0
        ends.append(time.monotonic() - began)
        assert app.workers() == [] and app.counts()["running"] == 0
    last = worker(threads=4)
    until(lambda: app.counts()["succeeded"] == len(ids), 60)
    last.terminate()
    assert last.wait(60) == 0
    rows = app.store._db.read("select attempt - returned, crashes, state from jobs")
    print(f"{drains} drains under load: {max(ends):.2f} s at most; {len(rows):,} jobs, none failed")
    assert max(ends) < 30
    assert set(rows) == {(1, 0, "succeeded")}
    assert ledger.overlaps() == []
    app.close()


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGTERM, signal.SIGINT), 130),
        ((signal.SIGINT, signal.SIGINT), 130),
        ((signal.SIGTERM, signal.SIGTERM), 130),
    ],
)
def test_a_second_signal_hands_back_at_once(
    tmp_path: Path, worker, until, ledger, signals: tuple[int, int], code: int
) -> None:
    app = Offhours(tmp_path / "jobs.db")
    process = worker(threads=1, stop_timeout="60s")
    job = app.submit_by_name("nap", args=(60,))
    until(ledger.runs)
    process.send_signal(signals[0])
    with pytest.raises(AssertionError):
        until(lambda: process.poll() is not None, 0.3)  # it drains
    began = time.monotonic()
    process.send_signal(signals[1])
    assert process.wait(30) == code
    assert time.monotonic() - began < 5
    assert (job.status, job.record.attempts, job.record.crashes) == (JobState.PENDING, 0, 0)
    app.close()


SIGNALLED_WHILE_IT_WAITS = """
    import os, signal, sys, threading
    from offhours import Offhours

    threads = []
    def struck(frame, event, argument):
        # The main thread is about to wait, or has just waited, inside of the standard library.
        if frame.f_code.co_filename == threading.__file__ or event == "c_call":
            count[0] += 1
            if count[0] == int(sys.argv[2]):
                signal.raise_signal(signal.SIGTERM)

    count = [0]
    app = Offhours(sys.argv[1])
    app.start()
    sys.setprofile(struck)
    code = app.run()
    sys.setprofile(None)
    print(code)
"""


@pytest.mark.parametrize("moment", [16, 18])
def test_a_signal_at_any_moment_of_waiting_is_heard(tmp_path: Path, script, moment: int) -> None:
    process = script(SIGNALLED_WHILE_IT_WAITS, tmp_path / "jobs.db", moment)
    out, errors = process.communicate(timeout=30)
    assert (out, errors) == ("0\n", "")


def test_a_hangup_kills_and_a_broken_pipe_does_not(database: str, worker, until) -> None:
    """HUP is a crash like any other: the job is rescued. PIPE is ignored by Python."""
    app = Offhours(database)
    process = worker(threads=1)
    job = app.submit_by_name("nap", args=(0.5,))
    until(lambda: job.status is JobState.RUNNING)
    process.send_signal(signal.SIGPIPE)
    assert job.wait(20) is JobState.SUCCEEDED
    job = app.submit_by_name("nap", args=(0.5,))
    until(lambda: job.status is JobState.RUNNING)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == -signal.SIGHUP
    second = worker(threads=1)
    assert job.wait(20) is JobState.SUCCEEDED
    assert job.record.crashes == 1
    second.terminate()
    assert second.wait(20) == 0
    app.close()


def test_a_drained_coroutine_is_handed_back_not_cancelled(tmp_path: Path, until) -> None:
    app = Offhours(tmp_path / "jobs.db")
    started, stopped = threading.Event(), threading.Event()

    @app.task(retries=0)
    async def sleep() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    app.start()
    job = sleep.submit()
    assert started.wait(20)
    assert app.stop(0.1) is False
    assert stopped.is_set()
    assert (job.status, job.record.attempts) == (JobState.PENDING, 0)
    kinds = [event.kind for event in job.history()]
    assert kinds == ["job.submitted", "job.started", "job.returned"]
    app.close()


@pytest.mark.parametrize("kind", ["thread", "coroutine"])
def test_a_task_may_stop_its_app(tmp_path: Path, until, kind: str) -> None:
    app = Offhours(tmp_path / "jobs.db")
    answers = []

    def stop() -> str:
        answers.append(app.stop())
        return "done"

    async def stop_async() -> str:
        return stop()

    task = app.task(name="stop")(stop if kind == "thread" else stop_async)
    began = time.monotonic()
    with app:
        job = task.submit()
        until(lambda: answers)
    assert time.monotonic() - began < 5
    assert (job.status, answers) == (JobState.SUCCEEDED, [False])
    assert not app.running and app.workers() == []
    app.close()


def test_an_inline_task_may_stop_its_app(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", executor="inline")
    task = app.task(name="stop")(lambda: app.stop())
    job = task.submit()
    app.drain()
    app.stop()
    assert job.result() is False
    assert app.workers() == []
    app.close()


STOPS_ITSELF = """
    import sys
    from offhours import Offhours
    app = Offhours(sys.argv[1])

    @app.task(name="stop")
    def stop():
        return app.stop()

    job = stop.submit()
    code = app.run()
    print(job.status, job.result())
    sys.exit(code)
"""

AT_EXIT = """
    import atexit, sys, threading, time
    from offhours import Offhours
    app = Offhours(sys.argv[1])
    started = threading.Event()

    @app.task(name="nap")
    def nap():
        started.set()
        time.sleep(0.3)

    atexit.register(lambda: print(app.stop(), job.status))
    app.start()
    job = nap.submit()
    started.wait(20)
"""


@pytest.mark.parametrize(
    ("code", "said"), [(STOPS_ITSELF, "succeeded False\n"), (AT_EXIT, "True succeeded\n")]
)
def test_no_end_hangs(tmp_path: Path, script, code: str, said: str) -> None:
    process = script(code, tmp_path / "jobs.db")
    out, errors = process.communicate(timeout=20)
    assert (out, errors, process.returncode) == (said, "", 0)
    app = Offhours(tmp_path / "jobs.db")
    assert app.workers() == []
    app.close()


def test_old_and_new_code_each_run_what_they_know(database: str, script, until) -> None:
    """Two releases on one database: the new task waits for the new code, without spending a try."""
    program = """
        import sys
        from offhours import Offhours
        app = Offhours(sys.argv[1], poll=0.05)
        for name in sys.argv[2:]:
            app.task(name=name)(lambda n, name=name: f"{name} by {sys.argv[2:]}")
        print("ready", flush=True)
        sys.exit(app.run())
    """
    app = Offhours(database)
    old = script(program, database, "both", "old")
    assert old.stdout.readline() == "ready\n"
    new_jobs = [app.submit_by_name("new", args=(n,)) for n in range(5)]
    old_jobs = [app.submit_by_name("old", args=(n,)) for n in range(5)]
    both = [app.submit_by_name("both", args=(n,)) for n in range(5)]
    assert {job.result(20) for job in old_jobs} == {"old by ['both', 'old']"}
    until(lambda: all(job.status is JobState.HELD for job in new_jobs))
    assert "no handler" in str(new_jobs[0].why()) or "knows" in str(new_jobs[0].why())
    new = script(program, database, "both", "new")
    assert {job.result(20) for job in new_jobs} == {"new by ['both', 'new']"}
    assert all(job.result(20).startswith("both by") for job in both)
    assert {job.record.attempts for job in new_jobs + old_jobs + both} == {1}
    for process in (old, new):
        process.terminate()
        assert process.wait(20) == 0
    app.close()
