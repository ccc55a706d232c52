"""A handler works on each thought as a job: retried, deferred, and paid for by its agent."""

from __future__ import annotations

import pytest

from offhours import Defer
from offhours.agents import Thought
from offhours.core.errors import OptionError
from offhours.core.model import JobState
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_a_handler_gets_each_thought_and_acknowledges_it(app: MemoryApp) -> None:
    agent, seen = app.agent("scout"), list[str]()

    @agent.handler
    def work(thought: Thought) -> int:
        seen.append(thought.prompt)
        return len(seen)

    goal = agent.schedule("Look around.", "every hour", origin={"user": "ann"})
    app.clock.advance("2h")
    app.drain()
    agent.think("by hand")
    app.drain()
    assert seen == ["Look around.", "by hand"]
    assert agent.inbox() == [] and len(agent.inbox("acknowledged")) == 2
    job = next(job for job in app.jobs() if job.task == "offhours.handle:scout" and job.schedule_id)
    assert job.schedule_id == goal.record.schedule_id and job.parent_id is not None
    assert '"origin":{"user":"ann"}' in (job.metadata or "")


def test_what_waits_is_worked_on_when_a_handler_comes(app: MemoryApp) -> None:
    agent, seen = app.agent("scout"), list[str]()
    agent.think("early")
    agent.handler(lambda thought: seen.append(thought.prompt))
    app.drain()
    assert seen == ["early"]


def test_a_coroutine_can_be_a_handler(app: MemoryApp) -> None:
    agent, seen = app.agent("scout"), list[str]()

    @agent.handler
    async def work(thought: Thought) -> None:
        seen.append(thought.prompt)

    agent.think("hello")
    app.drain()
    assert seen == ["hello"] and agent.inbox() == []


def test_a_handler_that_fails_is_retried_and_then_the_thought_is_there_again(
    app: MemoryApp,
) -> None:
    agent, tries = app.agent("scout"), list[int]()

    @agent.handler(retries=1, backoff=0)
    def work(thought: Thought) -> None:
        tries.append(thought.id)
        raise OSError("the network")

    agent.think("hello")
    assert agent.take() == []  # it is with the handler
    app.drain()
    assert len(tries) == 2
    [thought] = agent.take()
    assert thought.prompt == "hello"


def test_a_handler_that_snoozes_is_called_again_then(app: MemoryApp) -> None:
    agent, tries = app.agent("scout"), list[int]()

    @agent.handler
    def work(thought: Thought) -> None:
        tries.append(thought.id)
        if len(tries) == 1:
            thought.snooze("3h")

    agent.think("later, perhaps")
    app.drain()
    [job] = app.jobs()
    assert job.state is JobState.PENDING and job.reason == "snoozed"
    app.clock.advance("3h")
    app.drain()
    assert len(tries) == 2 and agent.inbox() == []


def test_a_goal_counts_the_deferrals_of_its_handler(app: MemoryApp) -> None:
    agent, tries = app.agent("scout"), list[int]()

    @agent.handler
    def work(thought: Thought) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Defer("1h", reason="the site is down")

    goal = agent.schedule("Look around.", "2020-01-01T00:00Z")
    app.drain()
    assert goal.status == "ACTIVE"
    for _ in range(2):
        app.clock.advance("1h")
        app.drain()
    assert goal.status == "COMPLETE" and goal.record.deferrals == 2
    assert [each.reason for each in goal.deferrals()] == ["the site is down"] * 2


def test_a_goal_whose_handler_fails_has_failed(app: MemoryApp) -> None:
    agent = app.agent("scout")

    @agent.handler(retries=0)
    def work(thought: Thought) -> None:
        raise ValueError("no")

    goal = agent.schedule("Look around.", "2020-01-01T00:00Z")
    app.drain()
    assert goal.status == "FAILED"


def test_a_second_fire_waits_for_no_handler_that_is_still_at_work(app: MemoryApp) -> None:
    agent = app.agent("scout")

    @agent.handler
    def work(thought: Thought) -> None:
        raise Defer("90m")

    goal = agent.schedule("Look around.", "every hour")
    for _ in range(2):
        app.clock.advance("1h")
        app.drain()
    record = app.schedules.record(goal.record.schedule_id)
    assert (record.runs, record.skipped) == (1, 1)


def test_a_handler_has_a_name_of_its_own(app: MemoryApp) -> None:
    with pytest.raises(OptionError, match="it runs in a thread, under a name of its own"):
        app.agent("scout").handler(name="mine")(lambda thought: None)


def test_thoughts_of_one_thread_are_worked_on_one_after_the_other(app: MemoryApp) -> None:
    agent = app.agent("scout")

    @agent.handler
    def work(thought: Thought) -> None: ...

    for thread in ("c9", "c9", "c10", "isolated"):
        agent.think(f"In {thread}.", thread=thread)
    jobs = [job for job in reversed(app.jobs()) if job.task.startswith("offhours.handle:")]
    keys = [(job.concurrency_key, job.per_key) for job in jobs]
    assert keys[0] == keys[1] == ("offhours.handle:scout c9", 1)
    assert keys[2] == ("offhours.handle:scout c10", 1) and keys[3] == (None, None)
    app.drain()
    assert all(app.record(job.id).state == "succeeded" for job in jobs)
