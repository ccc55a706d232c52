"""What every executor promises about a run, whatever runs it and on whichever store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offhours import Cancelled, Context, Defer, JobState, Offhours, Retry, context
from offhours.core.errors import JobCancelled, JobFailed, ResultNotStored
from offhours.handles import TaskHandle

WAIT = 20
EXECUTORS = ("thread", "async", "inline")


class House:
    """An app whose tasks all run on one kind of executor."""

    def __init__(self, kind: str, path: str) -> None:
        self.kind = kind
        mode = "inline" if kind == "inline" else "thread"
        self.app = Offhours(path, executor=mode, poll=0.05)

    def task(self, function: Callable[..., Any], **options: Any) -> TaskHandle[..., Any]:
        options = {"backoff": 0, **options}
        if self.kind != "async":
            return self.app.task(**options)(function)

        async def run(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return function(*args, **kwargs)

        return self.app.task(name=f"async:{function.__name__}", **options)(run)


@pytest.fixture(params=[f"{kind}-{store}" for kind in EXECUTORS for store in ("file", "memory")])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    kind, store = request.param.split("-")
    made = House(kind, str(tmp_path / "jobs.db") if store == "file" else ":memory:")
    with made.app:
        yield made


def test_arguments_in_result_out(house: House) -> None:
    def join(*words: str, end: str = "") -> dict[str, Any]:
        return {"text": " ".join(words) + end}

    job = house.task(join).submit("a", "b", end="!")
    assert job.result(WAIT) == {"text": "a b!"}
    assert job.status is JobState.SUCCEEDED
    assert job.record.attempts == 1


def test_no_result_is_none(house: House) -> None:
    def nothing() -> None: ...

    assert house.task(nothing).submit().result(WAIT) is None


def test_failure_keeps_type_message_and_traceback(house: House) -> None:
    def explode() -> None:
        raise ValueError("the fuse was wet")

    job = house.task(explode).submit()
    with pytest.raises(JobFailed, match="the fuse was wet") as caught:
        job.result(WAIT)
    assert caught.value.code == "error"
    assert "ValueError: the fuse was wet" in caught.value.error
    assert "in explode" in caught.value.error


def test_retries_until_it_works(house: House) -> None:
    tries = []

    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("not yet")
        return len(tries)

    job = house.task(flaky, retries=2).submit()
    assert job.result(WAIT) == 3
    assert [e.kind for e in job.history()].count("job.retried") == 2


def test_retries_are_used_up(house: House) -> None:
    tries = []

    def always() -> None:
        tries.append(1)
        raise ConnectionError("no")

    job = house.task(always, retries=2).submit()
    assert job.wait(WAIT) is JobState.FAILED
    assert (len(tries), job.record.attempts) == (3, 3)


def test_some_errors_are_not_retried(house: House) -> None:
    tries = []

    def wrong() -> None:
        tries.append(1)
        raise KeyError("k")

    job = house.task(wrong, retries=5, give_up_on=(KeyError,)).submit()
    assert job.wait(WAIT) is JobState.FAILED
    assert len(tries) == 1


def test_a_task_can_ask_for_a_retry(house: House) -> None:
    tries = []

    def patient() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise Retry(after=0, reason="the server is busy")
        return "done"

    job = house.task(patient, retries=1, backoff="1h").submit()
    assert job.result(WAIT) == "done"


def test_deferral_spends_no_attempt(house: House) -> None:
    tries = []

    def later() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise Defer(until=0, reason="rate limit")
        return "now"

    job = house.task(later).submit()
    assert job.result(WAIT) == "now"
    record = job.record
    assert (record.attempts, record.deferrals) == (1, 3)
    deferred = [e for e in job.history() if e.kind == "job.deferred"]
    assert all("rate limit" in (e.data or "") for e in deferred)


def test_a_deferral_that_makes_no_sense_fails(house: House) -> None:
    def lost() -> None:
        raise Defer(until="whenever")

    job = house.task(lost, retries=3).submit()
    assert job.wait(WAIT) is JobState.FAILED
    assert job.record.code == "bad_defer"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_task_cannot_take_its_worker_along(house: House, kind: type[BaseException]) -> None:
    def leave() -> None:
        raise kind("bye")

    def stay() -> int:
        return 1

    job = house.task(leave, retries=3).submit()
    assert job.wait(WAIT) is JobState.FAILED
    assert kind.__name__ in (job.record.error or "")
    assert house.task(stay).submit().result(WAIT) == 1


class Liar(Exception):
    def __str__(self) -> str:
        raise RuntimeError("you will never know")


class Cyclic(Exception):
    def __init__(self) -> None:
        super().__init__("round and round")
        self.__cause__ = self


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (lambda: Liar(), "Liar"),
        (lambda: Cyclic(), "round and round"),
        (lambda: ValueError("x" * 10_000_000), "ValueError"),
        (lambda: ValueError("nul \0 and \ud800"), "nul \\0 and"),
        (lambda: ValueError(threading.Lock()), "lock"),
    ],
)
def test_strange_exceptions(house: House, error: Callable[[], Exception], expected: str) -> None:
    def strange() -> None:
        raise error()

    job = house.task(strange).submit()
    assert job.wait(WAIT) is JobState.FAILED
    stored = job.record.error or ""
    assert expected in stored
    assert len(stored) <= 64_000


def test_deep_recursion(house: House) -> None:
    def fall(n: int) -> int:
        return fall(n + 1)

    job = house.task(fall).submit(0)
    assert job.wait(WAIT) is JobState.FAILED
    assert "RecursionError" in (job.record.error or "")


@pytest.mark.parametrize("result", [object(), float("nan"), "x" * 1_100_000, {1: 2}])
def test_a_result_that_cannot_be_stored_is_no_failure(house: House, result: Any) -> None:
    def produce() -> Any:
        return result

    job = house.task(produce).submit()
    assert job.wait(WAIT) is JobState.SUCCEEDED
    assert job.result() is result  # this process still has it
    house.app._work.local._results.clear()
    with pytest.raises(ResultNotStored, match="result"):
        job.result()


def test_progress_and_partial_results(house: House) -> None:
    def steps(ctx: Context) -> None:
        for n in range(5):
            ctx.progress(n / 4, f"step {n}", partial=[n])

    if house.kind == "async":

        @house.app.task
        async def run(ctx: Context) -> None:
            steps(ctx)

        job = run.submit()
    else:
        job = house.task(steps).submit()
    job.wait(WAIT)
    assert job.progress == {"fraction": 1.0, "message": "step 4", "partial": [4]}


def test_the_context_knows_the_job(house: House) -> None:
    def who() -> dict[str, Any]:
        here = context()
        return {"id": here.job_id, "key": here.idempotency_key, "meta": here.metadata}

    job = house.task(who).options(metadata={"who": "ann"}).submit()
    found = job.result(WAIT)
    assert (found["id"], found["meta"]) == (job.id, {"who": "ann"})
    assert str(job.id) in found["key"]


def test_cancel_before_it_runs(house: House) -> None:
    def never() -> None:
        raise AssertionError("it ran")

    job = house.task(never).options(delay="1h").submit()
    assert job.cancel("not needed")
    assert job.status is JobState.CANCELLED
    with pytest.raises(JobCancelled, match="not needed"):
        job.result(WAIT)


def test_a_task_that_stops_when_asked(house: House) -> None:
    def stop() -> None:
        context().request_cancel()
        context().checkpoint()

    job = house.task(stop, retries=3).submit()
    assert job.wait(WAIT) is JobState.CANCELLED


def test_checkpoint_enforces_the_timeout(house: House) -> None:
    def slow() -> None:
        while True:
            context().checkpoint()

    job = house.task(slow, timeout=0.1).submit()
    assert job.wait(WAIT) is JobState.FAILED
    assert job.record.code == "timeout"


def test_local_jobs_keep_objects_as_they_are(house: House) -> None:
    thing = object()
    job = house.app.submit(lambda given: given, args=(thing,), durable=False)
    assert job.result(WAIT) is thing


def test_cancelled_is_not_swallowed_by_except_exception(house: House) -> None:
    def swallow() -> str:
        try:
            context().request_cancel()
            context().checkpoint()
        except Exception:
            return "swallowed"
        return "missed"

    assert issubclass(Cancelled, BaseException)
    assert not issubclass(Cancelled, Exception)
    assert house.task(swallow).submit().wait(WAIT) is JobState.CANCELLED


def test_output_of_many_jobs(house: House) -> None:
    def double(n: int) -> int:
        return 2 * n

    task = house.task(double)
    jobs = task.submit_many([(n,) for n in range(300)])
    assert [job.result(WAIT) for job in jobs] == [2 * n for n in range(300)]
    assert house.app.counts()["succeeded"] == 300
