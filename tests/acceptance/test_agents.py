"""Agents with real threads and processes: killed, told of by webhook, stopped by their budgets."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.notify_program import hook
from tests.acceptance.process_tasks import be_rate_limited, spend
from tests.conftest import Until
from tests.unit.notify.doubles import answer, web

from offhours import Budget, Defer, Offhours, TaskSchedulerService, context
from offhours.agents import Thought
from offhours.core.model import JobState
from offhours.testing import FakeClock, memory_app

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")

KILLED = """
    import os, signal, sys
    from offhours import Offhours
    from offhours.core import points

    app = Offhours(sys.argv[1], lease="1s")
    agent = app.agent("scout")
    if sys.argv[2] == "die":
        agent.schedule("Look around.", "2020-01-01T00:00Z")
        points.on_reach = lambda name: (
            os.kill(os.getpid(), signal.SIGKILL) if name == "after effect" else None
        )
    with app:
        [thought] = agent.take(wait=30)
        app.wait_for(thought.job_id, 30)
        print(thought.id, thought.attempt, app.job(thought.job_id).record.crashes)
        assert agent.take(wait=0.2, lease=0) == []
"""


def test_killed_after_it_left_the_thought_it_leaves_no_second_one(
    tmp_path: Path, script: Callable[..., subprocess.Popen[str]]
) -> None:
    database = tmp_path / "jobs.db"
    first = script(KILLED, database, "die")
    assert first.wait(60) == -signal.SIGKILL
    second = script(KILLED, database, "live")
    told, problem = second.communicate(timeout=90)
    assert second.returncode == 0, problem
    assert told.split() == ["1", "1", "1"]  # the same thought; its run was done again
    with Offhours(database) as app:
        assert len(app.agent("scout").inbox()) == 1
    app.close()


def test_a_webhook_is_told_the_thought_and_that_no_human_spoke(
    tmp_path: Path, until: Until
) -> None:
    with web(answer("200 OK")) as server, Offhours(tmp_path / "jobs.db") as app:
        scout = app.agent("scout")
        scout.deliver(hook(server.port))
        app.agent("other").think("not for this webhook")
        scout.schedule("Look around.", "2020-01-01T00:00Z", goal="stay informed")
        until(lambda: server.requests)
        [body] = [json.loads(request.body) for request in server.requests]
        [event] = body["events"]
        assert event["wake_up"]["prompt"] == "Look around."
        assert event["wake_up"]["human_input"] is False
        assert body["subject"] == "a thought for scout: stay informed"
        [thought] = scout.take()
        assert thought.id == event["thought"]
    app.close()


def test_a_budget_holds_at_a_worker_that_another_process_has_told_of_it(
    tmp_path: Path, until: Until
) -> None:
    with Offhours(tmp_path / "jobs.db") as worker:
        task = worker.task(name="t")(lambda: "done")
        other = Offhours(tmp_path / "jobs.db")
        other.agent("scout").budget(tokens=0, per="day", on_breach="defer")
        until(lambda: worker._work.purse._known)
        job = worker.agent("scout").submit(task)
        until(lambda: job.record.deferrals == 1)
        assert "the budget of agent scout is used up" in str(job.why())
        other.close()
    worker.close()


def test_runs_in_other_processes_spend_and_are_limited(tmp_path: Path, until: Until) -> None:
    with Offhours(tmp_path / "jobs.db", processes=1) as app:
        task = app.task(executor="process")(spend)
        jobs = task.options(budget={"tokens": 250}).submit_many([(100,)] * 4)
        until(lambda: all(job.status.final for job in jobs), 60)
        assert sorted(job.status for job in jobs) == ["failed", "failed", "succeeded", "succeeded"]
        assert {job.record.code for job in jobs if job.status is JobState.FAILED} == {"budget"}
        limited = app.task(executor="process")(be_rate_limited).submit(3_600)
        until(lambda: limited.record.deferrals == 1, 60)
        assert limited.record.attempts == 0
        assert "rate limit: RateLimitError" in str(limited.record.reason)
    app.close()


def test_many_spenders_at_once_stay_within_what_is_reserved(tmp_path: Path, until: Until) -> None:
    with Offhours(tmp_path / "jobs.db", threads=8) as app:
        app.budget(tokens=1_000, reserve={"tokens": 100})
        task = app.task(name="spend", retries=0)(spend)
        jobs = task.submit_many([(100,)] * 40)
        until(lambda: all(job.status.final or job.record.deferrals for job in jobs), 60)
        [state] = app.agents.budgets()
        assert state.spent.amounts.tokens <= 1_000
        until(lambda: sum(job.status.final for job in jobs) == 40, 60)
        assert app.agents.budgets()[0].spent.amounts.tokens == 1_000
        assert app.counts()["succeeded"] == 10
    app.close()


def test_a_budget_is_found_when_nobody_has_told_of_it() -> None:
    app = memory_app()
    task = app.task(name="t")(lambda: "done")
    task.submit()
    app.drain()
    app.store.budgets.set(Budget(tokens=0, per="day", on_breach="defer").stored("all", ""), 0)
    app.clock.advance("1m")
    job = task.submit()
    app.drain()
    assert job.status is JobState.PENDING


def test_all_of_it_on_postgresql(postgres_url: str) -> None:
    clock = FakeClock()
    app = Offhours(postgres_url, executor="inline", clock=clock)
    service = TaskSchedulerService(app=app)
    agent, tries = service.agent, list[int]()

    @agent.handler(retries=0)
    def handle(thought: Thought) -> None:
        tries.append(thought.id)
        context().spend(tokens=100, usd=0.5)
        if len(tries) == 1:
            raise Defer("1h", reason="busy")

    agent.budget(tokens=200, per="day", on_breach="defer")
    app.quota("acme", active=1)
    task = asyncio.run(service.schedule_task("Once", "g", "Do.", "t", "2020-01-01T00:00Z"))
    often = asyncio.run(
        service.schedule_task("Often", "g", "Do it again.", "t", schedule_cron="0 * * * *")
    )
    app.drain()
    clock.advance("1h")
    app.drain()
    found = asyncio.run(service.get_task(task.task_id))
    assert found is not None and (found.status, found.deferral_count) == ("COMPLETE", 1)
    assert dict(app.agents.deferrals.reasons("1d")) == {"busy": 1, "budget": 1}
    assert app.agents.deferrals.most()[0].times == 1
    told = service._collect_custom_metrics()
    assert told["deferral_requests"] == 2.0 and told["scheduled_tasks_completed"] == 1.0
    for answer_of in (
        service.telemetry_status, service.telemetry_tasks, service.telemetry_analytics,
        service.telemetry_cron, service.telemetry_performance, service.get_statistics,
    ):  # fmt: skip
        assert json.dumps(answer_of())
    assert asyncio.run(service.cancel_task(often.task_id))
    clock.advance("9d")
    app.drain()
    now = clock.micros()
    app.store.prune(now, 0, 1_000, now)
    assert service._collect_custom_metrics()["scheduled_tasks_created"] == 2.0
    assert asyncio.run(service.get_task(task.task_id)) is None
    app.close()


class TestPage:
    """docs/agents.md runs as it stands."""

    def test_its_snippets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        space: dict[str, Any] = {"__name__": "page"}
        for snippet in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
            exec(compile(snippet, "agents.md", "exec"), space)
        app = space["app"]
        assert space["goal"].status == "PENDING" and space["agent"].inbox() == []
        assert space["ledger"].reasons("7d") == [("rate limit", 1)]
        assert len(app.agents.budgets()) == 3 and len(app.agents.quotas()) == 3
        assert space["service"].telemetry_cron()["active_cron_tasks"] == 2
        app.close()
