"""Faults that once stopped a worker, lost work or undid a wish; each in its smallest form."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from offhours import Context, Defer, JobState, Offhours, Retry, context
from offhours.core.errors import ArgumentError, Busy, InputError, OptionError, StoreUnusable
from offhours.testing import MemoryApp, memory_app


def noop(*args: object) -> None: ...


def raise_defer() -> None:
    raise Defer("10m", reason=ValueError("odd"))  # type: ignore[arg-type]


def raise_surrogate() -> None:
    raise Defer("10m", reason="file \udcff")


def raise_retry(after: object) -> None:
    raise Retry(after=after)  # type: ignore[arg-type]


class Server(Exception):
    def __init__(self, header: str) -> None:
        super().__init__("429")
        self.response = SimpleNamespace(headers={"Retry-After": header})


class Nasty(Exception):
    @property
    def retry_after(self) -> float:
        raise RuntimeError("not today")


class WeirdKey:
    def __repr__(self) -> str:
        return "\ud800"


BAD_RUNS = {
    "defer with an object": raise_defer,
    "defer with a surrogate": raise_surrogate,
    "negative retry": lambda: raise_retry(-1),
    "retry in words": lambda: raise_retry("tomorrow"),
    "retry beyond time": lambda: raise_retry(1e300),
    "a date beyond time": lambda: (_ for _ in ()).throw(
        Server("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
    ),
    "seconds beyond time": lambda: (_ for _ in ()).throw(Server("9" * 30)),
    "a property that raises": lambda: (_ for _ in ()).throw(Nasty()),
    "a result with odd keys": lambda: {WeirdKey(): 1},
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_no_outcome_stops_the_worker(name: str) -> None:
    run = BAD_RUNS[name]

    def bad() -> object:
        result = run()
        return next(result) if hasattr(result, "__next__") else result

    app = Offhours(":memory:", threads=1)
    task = app.task(retries=2)(bad)
    with app:
        job = task.submit()
        assert app.submit(noop).wait(20) is JobState.SUCCEEDED
        assert job.status in (JobState.SUCCEEDED, JobState.FAILED, JobState.PENDING)
        str(job.why())
        assert app.counts()["running"] == 0
    app.close()


def test_a_policy_that_overflows_loses_nothing() -> None:
    with memory_app() as app:
        task = app.task(name="t", retries=5, factor=1000, backoff="1d", max_backoff="1d")

        @task
        def fail() -> None:
            raise ValueError("again")

        job = fail.submit()
        for _ in range(6):
            app.drain()
            app.clock.advance("2d")
        assert (job.status, job.record.attempts) == (JobState.FAILED, 6)
    with pytest.raises(OptionError, match="factor"):
        app.task(factor=1e200)(noop)


def test_a_move_that_the_store_cannot_take_fails_that_job_alone(monkeypatch) -> None:
    from offhours.engine import runner

    def dump(value: object, name: str, limit: int) -> object:
        return object() if value == "bad" else '"fine"'  # nothing can encode that

    monkeypatch.setattr(runner, "dump", dump)
    with memory_app() as app:
        echo = app.task(name="echo")(lambda value: value)
        jobs = [echo.submit(value) for value in ("a", "bad", "b")]
        app.drain()
        assert [job.status for job in jobs] == ["succeeded", "failed", "succeeded"]
        assert jobs[1].record.code == "internal"


@pytest.mark.parametrize("how", ["raise", "defer", "return"])
def test_a_cancel_outlives_what_the_run_does_next(app: MemoryApp, how: str) -> None:
    runs = []

    @app.task(retries=3, backoff=0)
    def run() -> None:
        runs.append(1)
        app.cancel(context().job_id, "enough")
        if how == "raise":
            raise ValueError("no")
        if how == "defer":
            raise Defer(0, "later")

    job = run.submit()
    app.drain()
    assert len(runs) == 1
    assert job.status is (JobState.SUCCEEDED if how == "return" else JobState.CANCELLED)


@pytest.fixture
def app():
    with memory_app() as made:
        yield made


def test_a_cancelled_coroutine_stops_at_its_await(tmp_path: Path, until) -> None:
    app = Offhours(tmp_path / "jobs.db")

    @app.task
    async def sleep(ctx: Context) -> None:
        ctx.progress(0)
        await asyncio.sleep(60)

    with app:
        job = sleep.submit()
        until(lambda: job.progress)
        began = time.monotonic()
        job.cancel()
        assert job.wait(20) is JobState.CANCELLED
        assert time.monotonic() - began < 5
    app.close()


def test_a_change_of_directory_does_not_change_the_database(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    app = Offhours("jobs.db")
    monkeypatch.chdir(tmp_path / "b")
    with app:
        assert app.submit(noop).wait(20) is JobState.SUCCEEDED
    assert list((tmp_path / "b").iterdir()) == []
    app.close()


def test_a_deleted_database_is_noticed(tmp_path: Path, until) -> None:
    path = tmp_path / "jobs.db"
    app = Offhours(path, lease="500ms")
    with app:
        for file in tmp_path.iterdir():
            file.unlink()

        def refused() -> bool:
            try:
                app.submit(noop)
            except InputError:
                raise
            except Exception:
                return True
            return False

        until(refused)
    with pytest.raises(StoreUnusable, match="deleted or replaced"):
        app.store.beat(1, 0, "[]")
    app.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_uses_connections_of_its_own(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")
    app.submit(noop)
    child = os.fork()
    if child == 0:
        try:
            app.submit(noop)
            os._exit(0 if app.counts()["ready"] == 2 else 2)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    app.submit(noop)
    assert app.counts()["ready"] == 3
    connection = apsw.Connection(str(tmp_path / "jobs.db"))
    assert connection.execute("pragma integrity_check").get == "ok"
    connection.close()
    app.close()


def test_a_start_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", lock_timeout="100ms")
    other = apsw.Connection(str(tmp_path / "jobs.db"))
    other.execute("begin immediate")
    with pytest.raises(Busy):
        app.start()
    assert not app.running
    other.execute("rollback")
    other.close()
    with app:
        assert app.submit(noop).wait(20) is JobState.SUCCEEDED
    app.close()


def test_all_who_wait_for_a_lock_are_told_at_the_deadline(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", lock_timeout="300ms")
    other = apsw.Connection(str(tmp_path / "jobs.db"))
    other.execute("begin immediate")
    waits: list[float] = []

    def submit() -> None:
        began = time.monotonic()
        with pytest.raises(Busy):
            app.submit(noop)
        waits.append(time.monotonic() - began)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(waits) == 8
    assert max(waits) < 1.5
    other.execute("rollback")
    other.close()
    app.close()


def test_a_stop_while_the_database_is_locked_leaves_nothing_running(tmp_path: Path, until) -> None:
    app = Offhours(tmp_path / "jobs.db", lock_timeout="10s")
    task = app.task(noop)
    app.start()
    for _ in range(200):
        task.submit()
    other = apsw.Connection(str(tmp_path / "jobs.db"))
    other.set_busy_timeout(5000)
    other.execute("begin immediate")
    stopper = threading.Thread(target=app.stop, args=(0.2,))
    stopper.start()
    time.sleep(0.5)
    other.execute("rollback")
    other.close()
    stopper.join(20)
    until(lambda: app.counts()["running"] == 0)
    with app:
        until(lambda: app.counts()["succeeded"] == 200)
    app.close()


def test_slots_come_back_when_hung_threads_return(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", threads=1)
    release = threading.Event()

    @app.task(timeout="50ms")
    def hang() -> None:
        release.wait(30)

    with app:
        for job in hang.submit_many([()] * 3):
            assert job.wait(30) is JobState.FAILED
        release.set()
        assert app.submit(noop).wait(20) is JobState.SUCCEEDED
    app.close()


def test_a_late_thread_does_not_hide_the_next_attempt(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db", threads=2)
    first, second = threading.Event(), threading.Event()
    attempts: list[int] = []

    @app.task(timeout="100ms", retries=1, backoff=0)
    def hang(ctx: Context) -> None:
        attempts.append(1)
        (first if len(attempts) == 1 else second).wait(30)

    with app:
        job = hang.submit()
        while len(attempts) < 2:
            time.sleep(0.005)
        first.set()  # the first thread returns while the second attempt hangs
        assert job.wait(20) is JobState.FAILED
        second.set()
    app.close()


def test_local_jobs_and_a_full_queue_do_not_block_each_other(tmp_path: Path) -> None:
    app = Offhours(
        tmp_path / "jobs.db", max_queue_size=2, when_full="block", submit_timeout="20s", threads=1
    )
    with app:
        jobs = [app.submit(lambda: 1, durable=False) for _ in range(30)]
        assert [job.result(20) for job in jobs] == [1] * 30
    app.close()


def test_starting_and_stopping_leaves_no_threads_or_descriptors(tmp_path: Path) -> None:
    app = Offhours(tmp_path / "jobs.db")

    def cycle() -> tuple[int, int]:
        with app:
            app.submit(noop).wait(20)
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    if not sys.platform.startswith("linux"):
        pytest.skip("counts descriptors in /proc")
    for _ in range(3):
        before = cycle()
    for _ in range(10):
        after = cycle()
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 2
    app.close()


def test_a_task_may_wait_for_its_child_inline(app: MemoryApp) -> None:
    @app.task
    def child() -> int:
        return 20

    @app.task
    def parent() -> int:
        return child.submit().result(5) + 1

    assert parent.submit().result() == 21


def test_a_clock_that_was_set_back_does_not_delay_what_was_handed_back(app: MemoryApp) -> None:
    app.clock.jump("2026-01-01T12:00Z")
    job = app.submit(noop)
    app.drain()
    job = app.submit(noop)
    [claimed] = [j for j in app.jobs() if j.id == job.id]
    from offhours.core import states
    from offhours.core.ports import ClaimOrder, name_list

    worker = app._work.worker.id
    tasks = name_list([claimed.task])
    app.store.exchange([], ClaimOrder(worker, 1, 1, tasks), app.clock.micros())
    app.clock.jump("2026-01-01T11:00Z")
    app.store.apply([states.hand_back(app.record(job.id), "drain")], app.clock.micros())
    assert app.counts()["ready"] == 1


def test_at_most_once_is_not_handed_back_while_it_runs(tmp_path: Path, until) -> None:
    app = Offhours(tmp_path / "jobs.db")
    begun, release = threading.Event(), threading.Event()

    @app.task(on_lost="fail")
    def once() -> None:
        begun.set()
        release.wait(30)

    app.start()
    job = once.submit()
    assert begun.wait(20)
    app.stop(0.1)
    assert (job.status, job.record.code) == (JobState.FAILED, "lost")
    release.set()
    app.close()


@dataclass
class Point:
    x: int


def bare(points: list) -> object:  # type: ignore[type-arg]
    return points


def with_context_first(ctx: Context, number: int, also: int = 1) -> int:
    return number + also


def with_optional_context(number: int, ctx: Context | None = None) -> bool:
    return ctx is not None


def test_objects_that_would_arrive_as_dicts_are_refused(app: MemoryApp) -> None:
    with pytest.raises(ArgumentError, match=r"points\[0\].*annotate"):
        app.submit(bare, args=([Point(1)],))
    with pytest.raises(ArgumentError, match="set of tuples"):
        app.submit(bare, args=([{(1, 2)}],))


def test_words_that_look_like_marks_are_only_words(app: MemoryApp) -> None:
    value = [{"object": 1, "$": "object", "v": ["object"]}, "object", b"x"]
    job = app.submit(bare, args=(value,))
    app.drain()
    assert job.result() == value


def test_the_context_may_stand_first_or_be_optional(app: MemoryApp) -> None:
    first = app.submit(with_context_first, args=(3,), kwargs={"also": 4})
    optional = app.submit(with_optional_context, args=(3,))
    app.drain()
    assert (first.result(), optional.result()) == (7, True)


def test_a_forgotten_coroutine_is_a_failure(app: MemoryApp) -> None:
    async def work() -> int:
        return 1

    @app.task
    def wrapper() -> object:
        return work()

    job = wrapper.submit()
    app.drain()
    assert (job.status, job.record.code) == (JobState.FAILED, "not_run")


def test_progress_survives_odd_text_and_refuses_what_is_too_large(app: MemoryApp) -> None:
    @app.task
    def tell(ctx: Context) -> None:
        ctx.progress(0.5, "\udcff")
        with pytest.raises(InputError, match="partial"):
            ctx.progress(0.6, partial="x" * 100_000)

    job = tell.submit()
    app.drain()
    assert job.status is JobState.SUCCEEDED
    assert job.progress == {"fraction": 0.5, "message": "\\udcff"}


def test_one_key_for_many_jobs_is_refused(app: MemoryApp) -> None:
    with pytest.raises(OptionError, match="unique"):
        app.task(noop).options(unique="k").submit_many([(1,), (2,)])


def test_the_reason_of_a_cancel_reaches_who_asks(tmp_path: Path, until) -> None:
    app = Offhours(tmp_path / "jobs.db")

    @app.task
    def attentive(ctx: Context) -> None:
        while True:
            ctx.checkpoint()
            time.sleep(0.001)

    with app:
        job = attentive.submit()
        until(lambda: job.status is JobState.RUNNING)
        job.cancel("the user closed the page")
        job.wait(20)
        assert "the user closed the page" in str(job.why())
    app.close()


INTERRUPTED = """
    import signal, sys, threading
    from offhours import Offhours

    class Interrupt(BaseException):
        pass

    def strike(number, frame):
        raise Interrupt

    signal.signal(signal.SIGALRM, strike)
    app = Offhours(sys.argv[1])
    acknowledged = []

    def others():
        for n in range(1500):
            acknowledged.append(app.submit_by_name("t", args=("other", n)).id)

    threads = [threading.Thread(target=others) for _ in range(2)]
    for thread in threads:
        thread.start()
    interrupts = 0
    while any(thread.is_alive() for thread in threads):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0003)
            for _ in range(1000):  # an interrupt inside a finaliser is swallowed by Python
                acknowledged.append(app.submit_by_name("t", args=("main", 0)).id)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:
            interrupts += 1
    app.submit_by_name("t", args=("last", 0))
    others_stored = [j for j in app.jobs(limit=1_000_000) if '"other"' in j.args]
    assert len(set(acknowledged)) == len(acknowledged)
    assert len(others_stored) == 3000, len(others_stored)
    print(interrupts > 20, flush=True)
"""


@pytest.mark.timeout(60)
def test_interrupts_neither_hang_nor_double_a_commit(tmp_path: Path, script) -> None:
    process = script(INTERRUPTED, tmp_path / "jobs.db")
    out, errors = process.communicate(timeout=50)
    assert (out.strip(), errors) == ("True", "")
