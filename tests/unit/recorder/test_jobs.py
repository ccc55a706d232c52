"""`app.intercept(chain)`: jobs are tool calls."""

from __future__ import annotations

from typing import Any

import pytest

from offhours import Defer, JobState, Offhours
from offhours.core.errors import JobFailed, TaskError
from offhours.recorder import Interceptor, InterceptorChain, ToolCall
from offhours.testing import memory_app


def double(number: int) -> int:
    return 2 * number


def test_tasks_before_and_after_sync_and_async(witnessed: Any) -> None:
    with Offhours(":memory:") as app:
        early = app.task(name="early")(double)
        app.intercept(witnessed.chain)

        @app.task(name="late")
        async def late(number: int) -> float:
            return 1 / number

        assert early.submit(21).result(20) == 42
        assert late.submit(number=2).result(20) == 0.5
        with pytest.raises(JobFailed):
            late.submit(number=0).result(20)
        assert (witnessed.figures("early"), witnessed.figures("late")) == ((1, 0), (2, 1))
        assert witnessed.lines[0] == "before early {}"
        assert early(4) == 8, "a call of one's own is none of a job"
        assert witnessed.figures("early") == (1, 0)


def test_a_refused_job_fails_and_a_deferred_one_waits(witnessed: Any) -> None:
    app = memory_app()
    app.intercept(witnessed.chain)
    forbidden = app.task(name="forbidden", retries=0)(double)
    refused = forbidden.submit(1)
    app.drain()
    assert refused.status is JobState.FAILED and "not today" in (refused.record.error or "")
    assert witnessed.lines == ["before forbidden {}"]

    class Later(Interceptor):
        def before(self, call: ToolCall) -> None:
            raise Defer("1h", "no budget")

    app.intercept(InterceptorChain([Later()]))
    moved = forbidden.submit(2)
    app.drain()
    assert moved.status is JobState.PENDING and "no budget" in moved.why().sentence


def test_a_job_of_this_process_goes_by_its_functions_name(witnessed: Any) -> None:
    app = memory_app()
    app.intercept(witnessed.chain)
    job = app.submit(lambda: "local", durable=False)
    app.drain()
    assert job.status is JobState.SUCCEEDED
    assert witnessed.lines[0].endswith("<locals>.<lambda> {}")


def test_what_runs_elsewhere_is_refused_not_let_through(witnessed: Any) -> None:
    app = Offhours(":memory:")
    app.task(executor="process", name="elsewhere")(double)
    with pytest.raises(TaskError, match="does not reach elsewhere"):
        app.intercept(witnessed.chain)
    app.task(name="here")(double)

    other = Offhours(":memory:")
    other.intercept(witnessed.chain)
    with pytest.raises(TaskError, match="does not reach elsewhere"):
        other.task(executor="process", name="elsewhere")(double)
    assert other.registry.names() == []
    app.close()
    other.close()
