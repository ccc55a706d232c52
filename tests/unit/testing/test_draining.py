"""`drain`: what is due, what follows from it, and time that passes until more is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import offhours
from offhours import Defer, Flow, Offhours
from offhours.core.errors import NotStarted, OptionError, ResultTimeout
from offhours.testing import FakeClock, drain, immediate, memory_app


def test_what_is_due_runs_and_what_it_submits() -> None:
    app = memory_app()

    @app.task(name="child")
    def child() -> None: ...

    @app.task(name="parent")
    def parent() -> None:
        child.submit()

    parent.submit()
    child.options(delay="1h").submit()
    ran = drain(app)
    assert [(run.task, run.outcome) for run in ran] == [
        ("parent", "succeeded"),
        ("child", "succeeded"),
    ]
    assert ran[1].job.record.parent_id == ran[0].job.id
    assert drain(app) == []


def test_time_passes_from_instant_to_instant() -> None:
    app = memory_app()

    @app.task(name="flaky", retries=3)
    def flaky(ctx: offhours.Context) -> None:
        if ctx.attempt < 3:
            raise ConnectionError("no route")

    flaky.submit()
    ran = drain(app, until="1h")
    assert [(run.attempt, run.outcome) for run in ran] == [
        (1, "retried"),
        (2, "retried"),
        (3, "succeeded"),
    ]
    assert ran[0].at < ran[1].at < ran[2].at
    assert app.clock.now() == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_sleeps_deferrals_expiries_and_waits_come_in_their_time() -> None:
    app = memory_app()

    @app.task(name="sleeper")
    def sleeper(ctx: offhours.Context) -> str:
        ctx.sleep("2h")
        return "awake"

    @app.task(name="later")
    def later() -> None:
        if app.clock.now().hour < 3:
            raise Defer(until="2026-01-01T03:00:00Z", reason="rate limit")

    @app.task(name="waits")
    def waits(ctx: offhours.Context) -> object:
        return ctx.wait_for_signal("paid", timeout="90m")

    slept, waited = sleeper.submit(), waits.submit()
    later.submit()
    app.pause(queue="mail")
    expired = sleeper.options(queue="mail", expires="30m").submit()
    ran = drain(app, until=timedelta(hours=4))
    assert {(run.task, run.outcome) for run in ran} == {
        ("sleeper", "slept"), ("later", "deferred"), ("waits", "held"),
        ("waits", "failed"), ("sleeper", "succeeded"), ("later", "succeeded"),
    }  # fmt: skip
    assert slept.result() == "awake" and slept.finished_at == datetime(2026, 1, 1, 2, tzinfo=UTC)
    assert waited.finished_at == datetime(2026, 1, 1, 1, 30, tzinfo=UTC)
    assert expired.finished_at == datetime(2026, 1, 1, 0, 30, tzinfo=UTC)


def test_a_limit_lets_the_next_one_go_in_its_time() -> None:
    app = memory_app()
    task = app.task(name="slow", rate="1/m")(lambda: None)
    task.submit_many([()] * 3)
    starts = [run.at.timestamp() for run in drain(app, until="10m")]
    assert [round(start - starts[0]) for start in starts] == [0, 60, 120]


def test_a_foreground_workflow_holds_background_work_until_its_lease_ends() -> None:
    app = memory_app()
    task = app.task(name="quiet", priority=offhours.TaskPriority.BACKGROUND)(lambda: None)
    with app.foreground("ann types"):
        task.submit()
        assert drain(app) == []
    assert len(drain(app)) == 1


def test_a_run_that_waits_itself_takes_no_time() -> None:
    app = memory_app()

    @app.task(name="short")
    def short(ctx: offhours.Context) -> float:
        ctx.sleep("1s")
        return ctx.age

    job = short.submit()
    drain(app, until="1m")
    assert job.status == "succeeded"


def test_schedules_at_a_clock_change() -> None:
    app = memory_app(FakeClock("2026-03-28T12:00:00Z"))
    task = app.task(name="nightly")(lambda: None)
    app.schedule(task, "every day at 2:30am", timezone="Europe/Berlin")
    ran = drain(app, until="2026-03-30T12:00:00Z")
    assert [run.at.isoformat() for run in ran] == [
        "2026-03-29T01:00:00+00:00",
        "2026-03-30T00:30:00+00:00",
    ]


def test_the_same_in_threads() -> None:
    app = Offhours(":memory:", clock=FakeClock())

    @app.task(name="flaky", retries=1)
    def flaky(ctx: offhours.Context) -> None:
        if ctx.attempt == 1:
            raise ConnectionError("no route")

    try:
        app.schedule(flaky, "every day at 7am")
        flaky.submit()
        ran = drain(app, until="9h")
        assert [(run.attempt, run.outcome) for run in ran] == [
            (1, "retried"), (2, "succeeded"), (1, "retried"), (2, "succeeded"),
        ]  # fmt: skip
        assert ran[2].at == datetime(2026, 1, 1, 7, tzinfo=UTC)
    finally:
        app.close()


def test_threads_that_hang_are_named() -> None:
    app = Offhours(":memory:", clock=FakeClock())
    gate = offhours.core.clock.Signal()
    app.task(name="hangs")(gate.wait).submit()
    with pytest.raises(ResultTimeout, match=r"job 1 \(hangs\) is not done"):
        drain(app, seconds=0.05)
    gate.set()
    drain(app)
    app.close()


def test_the_machines_clock_cannot_be_moved() -> None:
    app = Offhours(":memory:", executor="inline")
    with pytest.raises(OptionError, match="FakeClock"):
        drain(app, until="1h")
    app.close()


class TestImmediate:
    def test_jobs_and_flows_have_run_when_they_are_submitted(self) -> None:
        app, flow = memory_app(), Flow("two")
        task = app.task(name="double")(lambda n: 2 * n)
        flow.chain(flow.step("a", task, args=(1,)), flow.step("b", task, args=(2,)))
        with immediate(app):
            assert task.submit(21).status == "succeeded"
            assert app.submit_flow(flow).status == "succeeded"
        assert task.submit(21).status == "pending"

    def test_a_job_of_a_transaction_runs_at_the_next_one(self) -> None:
        app = memory_app()
        task = app.task(name="mail")(lambda: None)
        with immediate(app):
            with app.transaction() as tx:
                job = task.options(connection=tx).submit()
            assert job.status == "pending"
            task.submit()
        assert job.status == "succeeded"

    def test_a_retry_waits_for_its_time(self) -> None:
        app = memory_app()

        @app.task(retries=1)
        def flaky() -> None:
            raise ConnectionError("no route")

        with immediate(app):
            assert flaky.submit().why().code == "retry"

    def test_threads_are_refused(self) -> None:
        app = Offhours(":memory:")
        with pytest.raises(NotStarted, match="inline"), immediate(app):
            pass
        app.close()
