"""Approvals, signals and failures on purpose."""

from __future__ import annotations

import pytest

import offhours
from offhours import Defer
from offhours.recorder import InterceptorChain, PerfCatcherInterceptor
from offhours.testing import MemoryApp, approve, deny, drain, failing, memory_app, signal


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


@pytest.mark.parametrize(("decide", "answer"), [(approve, True), (deny, False)])
def test_a_question_is_answered(app: MemoryApp, decide: object, answer: bool) -> None:
    @app.task
    def pay(ctx: offhours.Context, amount: int) -> bool:
        return bool(ctx.approve("Pay it?", args={"amount": amount}))

    job = pay.submit(70)
    with pytest.raises(AssertionError, match="job 1 asks nothing: no worker"):
        decide(job)  # type: ignore[operator]
    assert [ran.outcome for ran in drain(app)] == ["held"]
    assert decide(job, by="ann").question == "Pay it?"  # type: ignore[operator]
    drain(app)
    assert job.result() is answer


def test_a_signal_goes_to_who_waits_for_it(app: MemoryApp) -> None:
    @app.task
    def order(ctx: offhours.Context) -> object:
        return ctx.wait_for_signal("paid", timeout="1d")

    job = order.submit()
    drain(app)
    with pytest.raises(AssertionError, match="does not wait for the signal payed: it waits for pa"):
        signal(job, "payed", 3)
    signal(job, "paid", 3)
    drain(app)
    assert job.result() == 3
    with pytest.raises(AssertionError, match="it succeeded"):
        signal(job, "paid")


class TestFailing:
    def test_the_first_runs_fail(self, app: MemoryApp) -> None:
        task = app.task(retries=5)(_double)
        job = task.submit(4)
        with failing(task, ConnectionError("no route"), times=2):
            assert task(4) == 8
            outcomes = [ran.outcome for ran in drain(app, until="1h")]
        assert outcomes == ["retried", "retried", "succeeded"] and job.result() == 8

    def test_all_fail_while_the_block_runs(self, app: MemoryApp) -> None:
        task = app.task(_double)
        with failing(task):
            job = task.submit(4)
            drain(app)
        assert job.status == "failed"
        assert "_double fails on purpose" in (job.record.error or "")
        assert task.submit(4).result() == 8

    def test_a_deferral_is_no_failure(self, app: MemoryApp) -> None:
        task = app.task(_double)
        task.submit(4)
        with failing(task, Defer("1m", "busy"), times=1):
            assert [ran.outcome for ran in drain(app, until="1h")] == ["deferred", "succeeded"]

    def test_coroutines_and_intercepted_tasks(self, app: MemoryApp) -> None:
        @app.task(name="later")
        async def later() -> int:
            return 1

        app.intercept(InterceptorChain([PerfCatcherInterceptor()]))
        with failing(later, ValueError("no"), times=1):
            first, second = later.submit(), later.submit()
            drain(app)
        assert [first.status, second.status] == ["failed", "succeeded"]


def _double(n: int) -> int:
    return 2 * n
