"""Goals: scheduled, deferred, cancelled; what an agent made expires, and is not too frequent."""

from __future__ import annotations

import json

import pytest

from offhours.core.errors import (
    Conflict,
    GoalNotFound,
    IllegalMove,
    OptionError,
    QuotaExceeded,
    ScheduleError,
)
from offhours.core.model import JobState
from offhours.core.quotas import Quota
from offhours.core.times import to_datetime
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_a_goal_has_a_status_from_first_to_last(app: MemoryApp) -> None:
    agent = app.agent("scout")
    once = agent.schedule("Look.", "in 2 hours", name="once")
    often = agent.schedule("Look.", "every hour", name="often")
    assert [once.status, often.status] == ["PENDING", "PENDING"]
    app.clock.advance("1h")
    app.drain()
    assert [once.status, often.status] == ["PENDING", "ACTIVE"]
    app.clock.advance("1h")
    app.drain()
    assert [once.status, often.status] == ["COMPLETE", "ACTIVE"]
    assert once.next_at is None and often.next_at is not None
    assert [goal.task_id for goal in agent.goals()] == [once.task_id, often.task_id]
    assert often.record.cron == "every hour" and once.record.cron is None


def test_a_goal_that_is_cancelled_ends_with_what_is_not_finished_of_it(app: MemoryApp) -> None:
    agent = app.agent("scout")
    agent.handler(lambda thought: thought.snooze("1d"))
    goal = agent.schedule("Look.", "every hour")
    app.clock.advance("1h")
    app.drain()
    [waiting] = app.jobs(state="pending")
    assert goal.cancel("enough") and goal.status == "CANCELLED"
    assert app.record(waiting.id).state is JobState.CANCELLED
    assert not goal.cancel() and goal.why() == "it was cancelled"
    app.clock.advance("1d")
    app.drain()
    assert goal.record.runs == 1
    with pytest.raises(IllegalMove, match="was cancelled and cannot be deferred"):
        goal.defer("1h")


def test_a_goal_moves_to_later_with_its_reason(app: MemoryApp) -> None:
    agent = app.agent("scout")
    goal = agent.schedule("Look.", "in 1 hour")
    goal.defer("3h", reason="the site is down")
    app.clock.advance("2h")
    assert app.drain() == 0
    app.clock.advance("1h")
    app.drain()
    assert goal.status == "COMPLETE" and goal.record.deferrals == 1
    [deferral] = goal.deferrals()
    assert deferral.reason == "the site is down"
    assert deferral.until - deferral.at == 3 * 3_600_000_000
    [told] = [event for event in app.events() if event.kind == "schedule.deferred"]
    assert json.loads(told.data or "")["reason"] == "the site is down"


def test_a_recurring_goal_goes_on_by_its_plan_after_a_deferral(app: MemoryApp) -> None:
    agent = app.agent("scout")
    goal = agent.schedule("Look.", "every hour")
    at = to_datetime(app.clock.micros())
    goal.defer("150m")
    fires = []
    for _ in range(16):
        app.clock.advance("15m")
        app.drain()
        fires += [
            (to_datetime(app.clock.micros()) - at).total_seconds() / 60
            for thought in agent.thoughts()
            if thought.acknowledge()
        ]
    assert fires == [150, 180, 240]


def test_a_goal_that_is_over_is_taken_up_again_by_a_deferral(app: MemoryApp) -> None:
    agent = app.agent("scout")
    goal = agent.schedule("Look.", "2020-01-01T00:00Z")
    app.drain()
    assert goal.status == "COMPLETE"
    goal.defer("2020-01-01T00:00Z", reason="once more")
    app.drain()
    assert goal.record.runs == 2 and len(agent.take()) == 2


def test_what_an_agent_made_expires_with_a_reminder(app: MemoryApp) -> None:
    agent = app.agent("scout")
    goal = agent.schedule("Look.", "every day at 7am", expires="2d")
    notes = []
    for _ in range(72):
        app.clock.advance("1h")
        app.drain()
        notes += [(thought.note, thought.acknowledge()) for thought in agent.thoughts()]
    assert len(notes) == 2 and goal.status == "COMPLETE"
    assert notes[0][0] is None and "this was its last fire" in (notes[1][0] or "")
    forever = agent.schedule("Look.", "every day at 7am", created_by="human")
    assert forever.record.expires_at is None
    month = agent.schedule("Look.", "every day at 7am").record
    assert month.expires_at == app.clock.micros() + 30 * 86_400_000_000


def test_an_agent_is_told_every_minute_at_most(app: MemoryApp) -> None:
    with pytest.raises(ScheduleError, match=r"may fire every 1 min at most"):
        app.agent("scout").schedule("Look.", "every 30 seconds")
    with pytest.raises(ScheduleError, match=r"may fire every 10 min at most"):
        app.agent("thinker", calls_model=True).schedule("Look.", "every 5 minutes")
    app.agent("scout").schedule("Look.", "every 30 seconds", created_by="human")


def test_that_an_agent_calls_a_model_may_be_said_later(app: MemoryApp) -> None:
    agent = app.agent("scout")
    agent.schedule("Look.", "every 5 minutes")
    for again in (app.agent("scout", calls_model=True), app.agent("scout"), agent):
        with pytest.raises(ScheduleError, match=r"may fire every 10 min at most"):
            again.schedule("Look.", "every 5 minutes")


def test_an_agent_has_so_many_goals_at_most(app: MemoryApp) -> None:
    agent = app.agent("scout")
    for n in range(50):
        agent.schedule(f"Look {n}.", "in 1 hour")
    with pytest.raises(QuotaExceeded, match="scout may have 50 active tasks"):
        agent.schedule("One more.", "in 1 hour")
    assert len(app.schedules.page(limit=100)) == 50
    app.clock.advance("1h")
    app.drain()
    agent.schedule("One more.", "in 1 hour")


def test_quotas_of_an_agent(app: MemoryApp) -> None:
    agent = app.agent("scout")
    agent.quota(active=3, cron=1, memory=1_000)
    agent.schedule("Look.", "every hour")
    with pytest.raises(QuotaExceeded, match="may have 1 recurring tasks, and this would be"):
        agent.schedule("Look.", "every day at 7am")
    with pytest.raises(QuotaExceeded, match=r"may store 1,000 bytes"):
        agent.schedule("x" * 1_000, "in 1 hour")
    agent.schedule("Look.", "in 1 hour")
    [(quota, usage)] = app.agents.quotas()
    assert (quota.active, usage.active, usage.cron) == (3, 2, 1)
    agent.quota()
    agent.schedule("x" * 1_000, "every hour")
    assert app.agents.quotas()[0][0] == Quota("agent", "scout")


def test_quotas_of_a_tenant_hold_for_jobs_and_goals(app: MemoryApp) -> None:
    app.quota("acme", active=3)
    task = app.task(name="t")(lambda: 1)
    task.options(tenant="acme").submit()
    app.agent("scout").schedule("Look.", "in 1 hour", tenant="acme")
    with pytest.raises(QuotaExceeded, match="tenant acme may have 3 active tasks"):
        task.options(tenant="acme").submit_many([(), ()])
    task.options(tenant="acme").submit()
    with pytest.raises(QuotaExceeded, match="nothing was stored"):
        task.options(tenant="acme").submit()
    with pytest.raises(QuotaExceeded):
        app.agent("scout").schedule("Look.", "in 1 hour", tenant="acme")
    task.options(tenant="other").submit()
    app.drain()
    task.options(tenant="acme").submit()
    app.quota("acme", memory=10)
    with pytest.raises(QuotaExceeded, match="tenant acme may store 10 bytes"):
        task.options(tenant="acme", metadata={"much": "x" * 20}).submit()


def test_a_person_is_asked_about_a_goal_that_is_deferred_too_often(app: MemoryApp) -> None:
    agent = app.agent("scout")
    agent.quota(deferrals=2)
    goal = agent.schedule("Look.", "in 1 hour", name="look")
    goal.defer("1h", "busy")
    goal.defer("1h", "busy")
    app.clock.advance("1h")
    app.drain()
    assert agent.take() == []
    [question] = app.approvals()
    assert question.question == "the goal 'look' was moved to later 2 times; may it go on?"
    app.approve(question.id, by="ann")
    app.drain()
    assert len(agent.take()) == 1


def test_what_is_wrong_is_refused(app: MemoryApp) -> None:
    agent = app.agent("scout")
    with pytest.raises(OptionError, match="created_by: expected human, agent, code"):
        agent.schedule("Look.", "every hour", created_by="me")
    with pytest.raises(GoalNotFound, match="no goal 'x'"):
        app.agents.goals.record("x")
    with pytest.raises(OptionError, match="quota: 'activ' is unknown"):
        agent.quota(activ=1)
    with pytest.raises(OptionError, match="cron: expected a whole number"):
        agent.quota(cron=-1)


def test_an_id_is_given_once(app: MemoryApp) -> None:
    agent = app.agent("scout")
    ids = {agent.schedule("Look.", "in 1 hour").task_id for _ in range(20)}
    assert len(ids) == 20
    add = app.agents.goals.add
    given = {"prompt": "p", "name": "n", "goal": "", "origin": None, "created_by": "code"}
    add("scout", "in 1 hour", task_id="mine", **given)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="there is a goal 'mine' already"):
        add("scout", "in 1 hour", task_id="mine", **given)  # type: ignore[arg-type]


def test_what_is_over_since_long_is_forgotten_and_stays_counted(app: MemoryApp) -> None:
    agent = app.agent("scout")
    goal = agent.schedule("Look.", "2020-01-01T00:00Z")
    app.drain()
    agent.take()[0].acknowledge()
    now = app.clock.micros()
    app.store.prune(now + 1, 0, 1_000, now + 1)
    with pytest.raises(GoalNotFound):
        _ = goal.record
    assert agent.inbox(None) == [] and app.schedules.page() == []
    tallies = app.store.agents.tallies()
    assert (tallies["goals.created"], tallies["goals.complete"]) == (1, 1)
