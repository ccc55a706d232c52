"""Budgets: reserved before a run, counted after it, inherited, and named by `why`."""

from __future__ import annotations

import json
from typing import Any

import pytest

import offhours
from offhours import Defer
from offhours.core.accounts import account_of, inherited
from offhours.core.budgets import Amounts, Budget, Spent, no_room, over
from offhours.core.errors import BudgetExceeded, IllegalMove, JobFailed, OptionError
from offhours.core.model import JobState
from offhours.core.times import DAY, SECOND
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def caller(app: MemoryApp, **each: Any) -> Any:
    """A task that uses so much."""

    @app.task(name="call")
    def call() -> str:
        offhours.context().spend(**(each or {"tokens": 100}))
        return "done"

    return call


def test_an_agent_whose_budget_is_used_up_waits_until_it_refills(app: MemoryApp) -> None:
    agent, task = app.agent("scout"), caller(app)
    agent.budget(tokens=200, per="day", on_breach="defer")
    jobs = [agent.submit(task) for _ in range(3)]
    other = task.submit()
    app.drain()
    assert [job.status for job in jobs] == ["succeeded", "succeeded", "pending"]
    assert other.status is JobState.SUCCEEDED
    why = jobs[2].why()
    assert why.code == "gate" and why.until is not None
    assert "the budget of agent scout is used up: 200 tokens of 200 tokens" in str(why)
    assert "it refills at 2026-01-02T00:00:00Z" in str(why), str(why)
    assert jobs[2].record.attempts == 0
    app.clock.advance("1d")
    app.drain()
    assert jobs[2].result() == "done"
    [state] = app.agents.budgets()
    assert state.spent.amounts == Amounts(tokens=100) and state.spent.runs == 1


def test_a_run_that_uses_too_much_is_moved_and_goes_on_with_its_steps(app: MemoryApp) -> None:
    ran: list[str] = []

    @app.task(name="steps")
    def steps(ctx: offhours.Context) -> str:
        for name in ("a", "b", "c"):
            ctx.step(name, ran.append, name)
            ctx.spend(usd=1.5)
        return "done"

    app.budget(usd=2, per="day", on_breach="defer")
    job = steps.submit()
    app.drain()
    assert job.status is JobState.PENDING and ran == ["a", "b"]
    [deferral] = app.agents.deferrals.of_job(job.id)
    assert "the budget of all work is used up: 3.00 usd of 2.00 usd" in deferral.reason
    app.budget(usd=20, per="day", on_breach="defer")
    app.clock.advance("1d")
    app.drain()
    assert job.result() == "done" and ran == ["a", "b", "c"]


def test_a_budget_that_stops_fails_the_job_and_is_not_retried(app: MemoryApp) -> None:
    agent, task = app.agent("scout"), caller(app, tool_calls=2)
    agent.budget(tool_calls=1)
    first, second = agent.submit(task, retries=5), agent.submit(task)
    app.drain()
    assert [first.status, second.status] == ["failed", "failed"]
    assert (first.record.code, first.record.attempts) == ("budget", 1)
    with pytest.raises(JobFailed, match="2 tool calls of 1 tool calls; it never refills"):
        second.result()


def test_a_recursive_spawner_halts_within_one_step_of_the_cap(app: MemoryApp) -> None:
    ran: list[int] = []

    @app.task(name="spawn")
    def spawn(ctx: offhours.Context) -> None:
        ran.append(ctx.job_id)
        ctx.spend(tool_calls=1)
        spawn.submit()
        spawn.submit()

    spawn.options(budget={"tool_calls": 25}).submit()
    app.drain()
    assert len(ran) == 25
    counts = app.counts()
    assert counts["succeeded"] == 25 and counts["failed"] == 26 and counts["ready"] == 0


def test_a_spawner_that_tells_nothing_halts_by_its_seconds(app: MemoryApp) -> None:
    ran: list[int] = []

    @app.task(name="spawn")
    def spawn() -> None:
        ran.append(1)
        app.clock.advance("10s")
        spawn.submit()

    spawn.options(budget=Budget(seconds="1m")).submit()
    app.drain()
    assert len(ran) == 6


def test_an_agents_children_pay_from_its_budget(app: MemoryApp) -> None:
    agent, task = app.agent("scout"), caller(app)
    agent.budget(tokens=150)

    @app.task(name="parent")
    def parent() -> None:
        for _ in range(3):
            task.submit()

    agent.submit(parent)
    app.drain()
    states = sorted(job.state for job in app.jobs(task="call"))
    assert states == ["failed", "failed", "succeeded"]  # the second finds 100, uses 200


def test_a_tenants_children_pay_from_its_budget(app: MemoryApp) -> None:
    task = caller(app)
    app.budget(tenant="acme", tokens=100)
    app.task(name="parent")(lambda: [task.submit() for _ in range(2)] and None).options(
        tenant="acme"
    ).submit()
    app.drain()
    assert sorted(job.state for job in app.jobs(task="call")) == ["failed", "succeeded"]


def test_a_budget_of_one_job_is_not_that_of_its_children(app: MemoryApp) -> None:
    task = caller(app)

    @app.task(name="parent")
    def parent(ctx: offhours.Context) -> None:
        task.submit()
        ctx.spend(tokens=10)

    parent.options(budget={"tokens": 10, "scope": "job"}).submit()
    app.drain()
    assert {job.state for job in app.jobs()} == {"succeeded"}


def test_jobs_of_one_call_share_their_budget(app: MemoryApp) -> None:
    jobs = caller(app).options(budget={"tokens": 200}).submit_many([()] * 4)
    app.drain()
    assert sorted(job.status for job in jobs) == ["failed"] * 2 + ["succeeded"] * 2


def test_a_person_is_asked_and_their_yes_lets_this_job_go_on(app: MemoryApp) -> None:
    task = caller(app)
    app.budget(tokens=150, on_breach="ask")
    jobs = [task.submit() for _ in range(3)]
    app.drain()
    assert [job.status for job in jobs] == ["succeeded", "held", "held"]
    assert "approval" in str(jobs[1].why())
    second, third = sorted(app.approvals(), key=lambda asked: asked.job_id)
    assert second.question == "the budget of all work is used up; may job 2 go on?"
    app.approve(second.id, by="ann")
    app.deny(third.id, by="ann", note="too much")
    app.drain()
    assert [job.status for job in jobs] == ["succeeded", "succeeded", "failed"]
    assert jobs[2].record.code == "denied"
    assert "ann has denied that it goes on (too much)" in (jobs[2].record.error or "")


def test_the_agent_that_spends_cannot_decide(app: MemoryApp) -> None:
    agent, task = app.agent("scout"), caller(app)

    @app.task(name="parent")
    def parent() -> None:
        task.submit()

    agent.submit(parent)
    app.drain()
    app.budget(tokens=50, on_breach="ask")
    agent.submit(parent)
    app.drain()
    agent.submit(parent)
    app.drain()
    [question, *_] = app.approvals()
    with pytest.raises(IllegalMove, match="scout has asked for this"):
        app.approve(question.id, by="scout")


def test_what_runs_beside_may_still_use_up_what_is_left(app: MemoryApp) -> None:
    agent = app.agent("scout")
    agent.budget(tokens=1_000, reserve={"tokens": 600})
    seen: list[Any] = []

    @app.task(name="inner")
    def inner() -> None: ...

    @app.task(name="outer")
    def outer() -> None:
        job = agent.submit(inner)
        app.drain()
        seen.append((job.status, str(job.why())))

    agent.submit(outer)
    app.drain()
    [(state, why)] = seen
    assert state is JobState.PENDING and "may be used up by 1 run that have begun" in why
    app.clock.advance("5s")
    app.drain()
    assert app.counts()["succeeded"] == 2


def test_a_run_for_which_too_little_is_left_does_not_start(app: MemoryApp) -> None:
    agent, task = app.agent("scout"), caller(app)
    agent.budget(tokens=250, reserve={"tokens": 100})
    jobs = [agent.submit(task) for _ in range(3)]
    app.drain()
    assert [job.status for job in jobs] == ["succeeded", "succeeded", "failed"]
    assert "with what this run is expected to use" in (jobs[2].record.error or "")


def test_what_a_job_used_is_told_and_nobody_needs_a_budget(app: MemoryApp) -> None:
    usage = {"gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 12}
    job = caller(app, usage=usage, usd=0.25).submit()
    app.drain()
    [told] = [event for event in job.history() if event.kind == "job.spent"]
    assert json.loads(told.data or "") == {"tokens": 42, "usd": 250_000}


def test_a_lifted_budget_holds_no_more(app: MemoryApp) -> None:
    agent, task = app.agent("scout"), caller(app)
    agent.budget(tokens=0, per="1h", on_breach="defer")
    job = agent.submit(task)
    app.drain()
    assert job.status is JobState.PENDING
    agent.budget()
    app.clock.advance("1h")
    app.drain()
    assert job.status is JobState.SUCCEEDED and app.agents.budgets() == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"tokens": -1}, "tokens: expected a whole number from 0 on, got -1"),
        ({"tokens": 1.5}, "tokens: expected a whole number"),
        ({"usd": "5"}, "usd: expected a number from 0 on"),
        ({"usd": 1, "on_breach": "panic"}, "on_breach: expected defer, stop, ask"),
        ({"usd": 1, "on_breach": "defer"}, '"defer" needs per='),
        ({"usd": 1, "per": 0.1}, "per: expected at least a second"),
        ({"usd": 1, "scope": "forest"}, "scope: expected tree or job"),
        ({"usd": 1, "reserve": {"euros": 1}}, "reserve: expected tokens, usd"),
        ({"dollars": 1}, "budget: 'dollars' is unknown"),
        ({"per": "day"}, "budget: say how much"),
    ],
)
def test_a_budget_that_cannot_hold_is_refused(
    app: MemoryApp, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(OptionError, match=problem):
        app.budget(**fields)
    with pytest.raises(OptionError, match=problem):
        app.task(name="x")(lambda: None).options(budget=fields)


def test_it_refills_at_full_spans() -> None:
    day = Budget(tokens=10, per="day").stored("all", "")
    now = 20_000 * DAY + 5 * SECOND
    assert day.since(now) == 20_000 * DAY and day.refills_at(now) == 20_001 * DAY
    assert no_room(day, Spent(Amounts(tokens=9), 3), now) is None
    full = no_room(day, Spent(Amounts(tokens=10), 3), now)
    assert full is not None and full.until == 20_001 * DAY and full.spent
    assert over(day, Spent(Amounts(tokens=10), 3), now) is None
    beside = Spent(Amounts(tokens=4), 2, Amounts(tokens=6), 3)
    crowded = no_room(day, beside, now)
    assert crowded is not None and not crowded.spent


def test_who_pays_is_handed_down() -> None:
    child = inherited('{"agent":"a"}', "acme", '{"agent":"b","who":"x"}', "other")
    account = account_of(child, "other")
    assert account.agents == {"a", "b"} and account.tenants == {"acme", "other"}
    grandchild = inherited(child, "other", None, None)
    assert account_of(grandchild, None).agents == {"a", "b"}
    assert inherited(None, None, None, None) is None
    assert inherited('{"who":"ann"}', None, '{"x":1}', None) == '{"x":1}'


def test_an_error_that_is_let_pass_fails_the_run_and_a_deferral_does_not(app: MemoryApp) -> None:
    caught: list[type] = []

    @app.task(name="catch")
    def catch(ctx: offhours.Context) -> None:
        try:
            ctx.spend(tokens=5)
        except (BudgetExceeded, Defer) as error:
            caught.append(type(error))
            raise

    catch.options(budget={"tokens": 1}).submit()
    catch.options(budget={"tokens": 1, "per": "hour", "on_breach": "defer"}).submit()
    app.drain()
    assert caught == [BudgetExceeded, Defer]


def test_who_changed_a_budget_or_a_quota_stands_in_the_audit_log(app: MemoryApp) -> None:
    agent = app.agent("scout")
    with app.acting_as("ann"):
        agent.budget(tokens=5)
        agent.budget(tokens=9)
        agent.budget()
        agent.quota(active=1)
    told = [(each.actor, each.action) for each in app.audit()]
    assert told == [("ann", "quota.set"), ("ann", "budget.lifted")] + [("ann", "budget.set")] * 2
    changed = app.audit()[2]
    assert json.loads(changed.was or "")["tokens"] == 5
    assert json.loads(changed.became or "")["tokens"] == 9
