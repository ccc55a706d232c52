"""How a run ends, whatever its task does: every attempt has an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.error import HTTPError

from tests.unit.engine.test_lane import job

from offhours.core.outcomes import Cancelled, Deferred, Done, Failed, HandedBack, Outcome, Stopped
from offhours.core.times import SECOND
from offhours.engine.codec import Codec
from offhours.engine.foreground import Foreground
from offhours.engine.registry import Registry, Task
from offhours.engine.runner import ERROR_LIMIT, TaskRunner, describe
from offhours.testing import FakeClock


def runner(function: Callable[..., Any] | None = None) -> TaskRunner:
    registry = Registry()
    if function is not None:
        registry.add(Task("t", function, Codec(function, "t")))
    return TaskRunner(
        registry, FakeClock(), foreground=Foreground(), save_progress=lambda *told: None,
        max_payload=1_000,
    )  # fmt: skip


def outcome_of(function: Callable[..., Any], args: str = "[[],{}]") -> Outcome:
    return runner(function).run(job(1, args=args))


def test_a_task_that_has_gone_since_its_job_was_claimed_costs_no_attempt() -> None:
    made = runner()
    gone = HandedBack("no handler")
    assert made.run(job(1)) == gone
    assert asyncio.run(made.run_async(job(1))) == gone
    assert made.lend(job(1), lambda: None) == gone
    assert made.running == {}


def test_arguments_that_fit_no_more_fail_the_attempt_by_name() -> None:
    failed = outcome_of(len, "not JSON")
    assert isinstance(failed, Failed) and "no longer fit the task" in failed.error


def test_what_nobody_runs_is_no_result() -> None:
    async def work() -> None: ...

    for function, kind in ((lambda: work(), "coroutine"), (lambda: (n for n in "ab"), "generator")):
        failed = outcome_of(function)
        assert isinstance(failed, Failed) and not failed.retry
        assert (failed.code, kind in failed.error) == ("not_run", True)


def test_a_result_that_cannot_be_stored_says_why_and_is_done() -> None:
    done = outcome_of(lambda: "x" * 2_000)
    assert isinstance(done, Done) and done.result is None
    assert "the result was not stored" in (done.note or "")


def test_a_cancellation_among_several_errors_stops_the_run() -> None:
    def work() -> None:
        deep = BaseExceptionGroup("inner", [Cancelled("asked"), OSError("the network")])
        raise BaseExceptionGroup("outer", [ValueError("a fault"), deep])

    assert outcome_of(work) == Stopped()


def test_errors_without_a_cancellation_among_them_fail_it() -> None:
    def work() -> None:
        raise ExceptionGroup("outer", [ValueError("a fault"), OSError("the network")])

    failed = outcome_of(work)
    assert isinstance(failed, Failed) and failed.code == "error"
    assert "a fault" in failed.error and "the network" in failed.error


def test_an_error_that_cannot_be_looked_at_is_an_outcome_all_the_same() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

        @property
        def retry_after(self) -> float:
            raise KeyboardInterrupt

    def work() -> None:
        raise Odd

    failed = outcome_of(work)
    assert isinstance(failed, Failed) and (failed.code, failed.retry) == ("error", False)
    assert "Odd" in failed.error


def test_a_description_has_a_beginning_an_end_and_a_bound() -> None:
    text = describe(ValueError("<" + "x" * 2 * ERROR_LIMIT + ">"))
    assert len(text) <= ERROR_LIMIT
    assert text.startswith("ValueError: <") and text.endswith(">")
    assert "characters ..." in text


def test_a_provider_that_says_when_it_takes_calls_again_is_waited_for() -> None:
    def work() -> None:
        headers = Message()
        headers["Retry-After"] = "30"
        raise HTTPError("https://models.test", 429, "Too Many Requests", headers, None)

    moved = outcome_of(work)
    assert isinstance(moved, Deferred)
    assert moved.until == FakeClock().micros() + 30 * SECOND
    assert moved.reason == "rate limit: HTTPError"
