"""The task scheduler telemetry document's own examples and validation steps.

The document is not part of this repository; without it beside the checkout its examples are
skipped, and the steps are held all the same.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tests.acceptance.test_documents import DOCUMENTS
from tests.conftest import Until

import offhours
from offhours import Offhours, ServiceType, TaskSchedulerService, get_service
from offhours.core.errors import OptionError, QuotaExceeded, ScheduleError
from offhours.faces.base import forget_shared
from offhours.testing import MemoryApp, memory_app

DOCUMENT = DOCUMENTS / "5-task-scheduler-telemetry.md"
needs_document = pytest.mark.skipif(not DOCUMENT.is_file(), reason=f"{DOCUMENT} is not there")


def blocks(heading: str, language: str = "python") -> list[str]:
    """The blocks of code below a heading, up to the next one of its level."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}[ \t]*$", text, re.MULTILINE)
    assert found, heading
    part = re.split(rf"^#{{2,{len(found[1])}}} ", text[found.end() :], flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def run(code: str, **names: Any) -> dict[str, Any]:
    """Run an example, which may await; what it defines."""
    space = {"get_service": get_service, "ServiceType": ServiceType,
             "logger": logging.getLogger("example"), **names}  # fmt: skip
    compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, space)
    if inspect.iscoroutine(result):
        asyncio.run(result)
    return space


@pytest.fixture(autouse=True)
def _process_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "process.db"))
    forget_shared()
    yield
    service = None
    if offhours.faces.base._shared is not None:  # type: ignore[attr-defined]
        service = get_service(ServiceType.MAINTENANCE)
        service.end()
    forget_shared()


@pytest.fixture
def made() -> Iterator[Callable[..., TaskSchedulerService]]:
    """Services that are stopped at the end."""
    services: list[TaskSchedulerService] = []

    def make(*args: Any, **options: Any) -> TaskSchedulerService:
        services.append(TaskSchedulerService(*args, **options))
        return services[-1]

    yield make
    for service in services:
        service.end()
        service.app.close()


@needs_document
class TestExamples:
    """What stands in the document, word by word."""

    def test_get_service_status(self, capsys: pytest.CaptureFixture[str]) -> None:
        run(blocks("Get Service Status")[0])
        told = capsys.readouterr().out.splitlines()
        assert told[:4] == [
            "Task Scheduler: TaskSchedulerService", "Healthy: True", "Active tasks: 0.0",
            "Check interval: 60.0s",
        ]  # fmt: skip

    def test_monitor_task_execution(
        self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        run(blocks("Monitor Task Execution")[0])
        told = capsys.readouterr().out
        assert "Active tasks: 0\nTask running: Yes\nError rate: 0.000\nLast run: 0s ago" in told
        assert caplog.records == []

    def test_schedule_list_and_defer(self, capsys: pytest.CaptureFixture[str]) -> None:
        service = get_service(ServiceType.TASK_SCHEDULER)
        run(blocks("Schedule and Monitor Tasks")[0], task_scheduler=service)
        told = capsys.readouterr().out
        assert re.search(r"Scheduled task: Weekly Cleanup \(task_\d{10}\.\d{3}\)", told)
        assert "Execution time: 2025-08-21T02:00:00Z" in told
        assert "Cron schedule: 0 2 * * *" in told
        run(blocks("Get All Scheduled Tasks")[0], task_scheduler=service)
        told = capsys.readouterr().out
        assert "Total active tasks: 2" in told
        assert "  Daily Backup (PENDING)" in told and "    Deferrals: 0" in told
        run(blocks("Handle Deferred Tasks")[0], task_scheduler=service)
        told = capsys.readouterr().out
        assert "Reason: Waiting for external API rate limit reset" in told
        assert "Total deferrals: 1" in told

    def test_check_service_health(self, caplog: pytest.LogCaptureFixture) -> None:
        run(blocks("Check Service Health")[0])
        assert caplog.records == []
        get_service(ServiceType.MAINTENANCE).app.stop()
        service = get_service(ServiceType.MAINTENANCE)
        service.end()
        code = blocks("Check Service Health")[0].replace(
            "get_service(ServiceType.MAINTENANCE)", "service"
        )
        run(code, service=service)
        assert [record.getMessage() for record in caplog.records if record.name == "example"] == [
            "Task scheduler is unhealthy", "Background task is not running",
            "Shutdown event is set",
        ]  # fmt: skip

    def test_its_own_test(self) -> None:
        services: list[TaskSchedulerService] = []

        def make(**options: Any) -> TaskSchedulerService:
            services.append(TaskSchedulerService(**options))
            return services[-1]

        space = run(blocks("Validation Steps")[0], Mock=Mock, TaskSchedulerService=make)
        asyncio.run(space["test_task_scheduler_telemetry"]())
        asyncio.run(services[0].stop())
        services[0].app.close()

    def test_every_metric_of_the_table_is_collected(self) -> None:
        table = DOCUMENT.read_text(encoding="utf-8").split("## Data Structures")[0]
        names = re.findall(r"^\| ([a-z_]+) \|", table, re.MULTILINE)
        told = get_service(ServiceType.MAINTENANCE)._collect_custom_metrics()
        assert len(names) == 19 and set(names) == set(told)
        assert all(type(value) is float for value in told.values())

    @pytest.mark.parametrize(
        ("heading", "ask"),
        [
            ("Get Task Scheduler Status", lambda s: s.telemetry_status()),
            ("Get Active Tasks Summary", lambda s: s.telemetry_tasks()),
            ("Get Task Execution Analytics", lambda s: s.telemetry_analytics()),
            ("Get Cron Scheduling Status", lambda s: s.telemetry_cron()),
            ("Get Task Performance Metrics", lambda s: s.telemetry_performance()),
        ],
    )
    def test_the_answers_have_the_documented_form(
        self, heading: str, ask: Callable[[TaskSchedulerService], Any]
    ) -> None:
        wanted = json.loads(blocks(heading, "json")[0])
        assert shape(ask(busy_service())) == shape(wanted)

    @pytest.mark.parametrize(
        ("heading", "ask"),
        [
            ("TaskSchedulerStatus", lambda s: s.get_status().to_dict()),
            ("Task Execution Statistics", lambda s: s.get_statistics()),
            ("Cron Scheduling Analytics", lambda s: s.get_cron_analytics()),
        ],
    )
    def test_the_data_structures_have_the_documented_form(
        self, heading: str, ask: Callable[[TaskSchedulerService], Any]
    ) -> None:
        assert shape(ask(busy_service())) == shape(literal(blocks(heading)[0]))

    def test_tasks_have_the_documented_form(self) -> None:
        service = busy_service()
        task = asyncio.run(service.get_task("known"))
        assert task is not None
        wanted = literal(blocks("ScheduledTask (Core Data Model)")[0])
        assert set(task.to_dict()) == set(wanted)
        assert set(wanted["deferral_history"][0]) <= set(task.deferral_history[0])
        infos = asyncio.run(service.get_scheduled_tasks())
        assert set(infos[0].to_dict()) == set(
            literal(blocks("ScheduledTaskInfo (API Response Format)")[0])
        )

    def test_capabilities_have_the_documented_form(self) -> None:
        told = busy_service().get_capabilities().to_dict()
        wanted = literal(blocks("Service Capabilities Metadata")[0])
        assert set(wanted) <= set(told)
        assert told["features"] == wanted["features"]
        assert set(wanted["actions"]) <= set(told["actions"])


def literal(code: str) -> Any:
    """A block that shows a structure: Python, with the booleans of JSON."""
    names = {"true": True, "false": False}
    tree = ast.parse(code.strip(), mode="eval")
    return eval(compile(tree, "<structure>", "eval"), names)


def shape(value: Any) -> Any:
    """What is where, whatever its value: numbers are numbers, lists are like their first."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


def busy_service(app: MemoryApp | None = None) -> TaskSchedulerService:
    """A service on a fake clock to which all sorts of things have happened."""
    app = memory_app() if app is None else app
    service = TaskSchedulerService(app=app)

    async def use() -> None:
        await service.schedule_task("Report", "Know", "Write it.", "t1", schedule_cron="0 9 * * *")
        await service.schedule_task("Once", "Know", "Do it.", "t2", defer_until="2020-01-01T00:00Z")
        when = app.clock.now() + timedelta(days=3)
        await service.schedule_deferred_task("t3", "known", when, "High system load", {"a": 1})
        with pytest.raises(ScheduleError):
            await service.schedule_task("Bad", "", "No.", "t4", schedule_cron="61 * * * *")

    asyncio.run(use())
    app.clock.advance("1d")
    app.drain()
    return service


class TestValidationSteps:
    """The seven steps of the document."""

    def test_1_initialise_with_database_and_time_service(
        self, tmp_path: Path, made: Callable[..., TaskSchedulerService]
    ) -> None:
        class Time:
            def now(self) -> datetime:
                return datetime(2030, 1, 1, tzinfo=UTC)

        service = made(tmp_path / "agent.db", Time(), 5)
        assert service.app.clock.now() == datetime(2030, 1, 1, tzinfo=UTC)
        assert service.check_interval_seconds == 5.0 and (tmp_path / "agent.db").exists()
        with pytest.raises(OptionError, match="check_interval_seconds"):
            TaskSchedulerService(check_interval_seconds=0)

    def test_2_and_3_schedule_verify_execution_and_metrics(self) -> None:
        app = memory_app()
        service = busy_service(app)
        told = service._collect_custom_metrics()
        assert told["scheduled_tasks_created"] == 3.0 and told["active_tasks"] == 2.0
        assert told["scheduled_tasks_completed"] == 1.0 and told["scheduled_tasks_failed"] == 0.0
        assert told["cron_trigger_count"] == 1.0 and told["deferral_requests"] == 1.0
        assert (told["request_count"], told["error_count"], told["error_rate"]) == (4, 1, 0.25)
        prompts = [(t.prompt, t.origin["thought_id"]) for t in service.agent.thoughts()]
        assert prompts == [("Do it.", "t2"), ("Write it.", "t1")]
        statuses = {t.name: t.status for t in asyncio.run(service.get_scheduled_tasks())}
        assert statuses == {"Report": "ACTIVE", "Deferred: known": "PENDING"}

    def test_2_a_failing_handler_is_a_failed_task(self) -> None:
        app = memory_app()
        service = TaskSchedulerService(app=app)

        @service.agent.handler(retries=0)
        def handle(thought: offhours.agents.Thought) -> None:  # type: ignore[attr-defined]
            app.clock.advance("4s")
            raise ValueError("no")

        asyncio.run(service.schedule_task("Once", "", "Do.", "t", "2020-01-01T00:00Z"))
        app.drain()
        told = service._collect_custom_metrics()
        assert told["scheduled_tasks_failed"] == 1.0 and told["active_tasks"] == 0.0
        assert told["avg_task_execution_time"] == 4.0
        summary = service.telemetry_analytics("1h")["execution_summary"]
        assert (summary["failed_executions"], summary["success_rate"]) == (1, 0.0)
        errors = service.telemetry_performance()["error_analysis"]
        assert errors["most_common_error"] == "Task execution failed"

    def test_4_cron_expressions(self) -> None:
        service = TaskSchedulerService(app=memory_app(), max_cron_tasks=2)

        async def use() -> None:
            for wrong in ("every day", "* * * *", "99 * * * *", ""):
                with pytest.raises((ScheduleError, OptionError)):
                    await service.schedule_task("x", "", "p", "t", schedule_cron=wrong)
            with pytest.raises(OptionError, match="by defer_until or by schedule_cron"):
                await service.schedule_task("x", "", "p", "t")
            for _ in range(2):
                await service.schedule_task("x", "", "p", "t", schedule_cron="*/5 * * * *")
            with pytest.raises(QuotaExceeded, match="may have 2 recurring tasks"):
                await service.schedule_task("x", "", "p", "t", schedule_cron="*/5 * * * *")

        asyncio.run(use())
        cron = service.telemetry_cron()
        assert cron["active_cron_tasks"] == 2
        assert cron["cron_expressions"][0]["description"] == "Every 5 minutes"
        assert cron["validation_stats"] == {
            "valid_expressions": 2, "invalid_attempts": 4, "success_rate": 0.333,
        }  # fmt: skip

    def test_4_both_times_mean_first_then_again_and_again(self) -> None:
        app = memory_app()
        service = TaskSchedulerService(app=app)
        first = app.clock.now() + timedelta(minutes=90)
        task = asyncio.run(
            service.schedule_task("x", "", "p", "t", first, schedule_cron="0 * * * *")
        )
        fires = []
        for _ in range(12):
            app.clock.advance("15m")
            app.drain()
            taken = [thought.record for thought in service.agent.take()]
            fires += [thought.fire_at for thought in taken if thought.taken == 1]
        start = app.clock.micros() - 3 * 3_600_000_000
        minutes = [(at - start) // 60_000_000 for at in fires if at is not None]
        assert task.status == "PENDING" and minutes == [90, 120, 180]

    def test_5_deferral_and_its_history(self) -> None:
        app = memory_app()
        service = TaskSchedulerService(app=app)

        async def use() -> None:
            when = app.clock.now() + timedelta(hours=1)
            task = await service.schedule_task("x", "g", "p", "t1", defer_until=when)
            for n in range(3):
                later = when + timedelta(hours=n + 1)
                again = await service.schedule_deferred_task(
                    f"thought_{n}", task.task_id, later, "System maintenance", {"n": n}
                )
            assert again.task_id == task.task_id and again.deferral_count == 3
            assert again.defer_until == later.isoformat().replace("+00:00", "Z")
            assert [each["context"] for each in again.deferral_history] == [
                {"n": 0}, {"n": 1}, {"n": 2}
            ]  # fmt: skip
            assert again.deferral_history[-1]["thought_id"] == "thought_2"
            assert len(await service.get_scheduled_tasks()) == 1

        asyncio.run(use())
        patterns = service.telemetry_analytics("1d")["deferral_patterns"]
        assert patterns["common_deferral_reasons"] == [{"reason": "System maintenance", "count": 3}]
        assert service.get_statistics()["most_deferred_task"]["deferral_count"] == 3

    def test_6_health_and_errors(
        self, tmp_path: Path, made: Callable[..., TaskSchedulerService], until: Until
    ) -> None:
        service = made(tmp_path / "agent.db", None, 0.02)
        assert not asyncio.run(service.is_healthy()) and not service.get_status().is_healthy
        asyncio.run(service.start())
        assert asyncio.run(service.is_healthy()) and service._task is not None
        until(lambda: service.checks > 1)
        assert service._collect_custom_metrics()["task_running"] == 1.0
        asyncio.run(service.stop())
        assert not asyncio.run(service.is_healthy())
        assert service._shutdown_event.is_set() and service._task.done()
        asyncio.run(service.start())
        assert asyncio.run(service.is_healthy())

        def broken(now: int) -> int:
            raise OSError("gone")

        service.app.store.agents.expire = broken  # type: ignore[method-assign]
        until(lambda: service.task_errors > 0)
        assert service.get_status().last_error == "OSError: gone" and service.task_running

    def test_7_cancel_and_clean_up(self) -> None:
        service = busy_service()
        tasks = asyncio.run(service.get_scheduled_tasks())
        assert asyncio.run(service.cancel_task(tasks[0].task_id))
        assert not asyncio.run(service.cancel_task(tasks[0].task_id))
        assert not asyncio.run(service.cancel_task("unknown"))
        assert len(asyncio.run(service.get_scheduled_tasks())) == 1
        task = asyncio.run(service.get_task(tasks[0].task_id))
        assert task is not None and task.status == "CANCELLED"
        listed = service.telemetry_tasks(status="CANCELLED")["tasks"]
        assert [each["task_id"] for each in listed] == [tasks[0].task_id]


class TestPromises:
    def test_what_is_due_already_comes_with_the_next_check(
        self, made: Callable[..., TaskSchedulerService], until: Until
    ) -> None:
        service = made(time_service=Mock(), check_interval_seconds=0.2)
        asyncio.run(service.start())
        task = asyncio.run(
            service.schedule_task("x", "", "Do it.", "t", defer_until="2025-08-15T12:00:00Z")
        )
        assert task.defer_until == "2025-08-15T12:00:00Z"
        assert service._collect_custom_metrics()["active_tasks"] == 1.0
        [thought] = service.agent.take(wait=20)
        assert thought.prompt == "Do it."
        until(lambda: service._collect_custom_metrics()["active_tasks"] == 0.0)

    def test_tasks_survive_a_restart(
        self, tmp_path: Path, made: Callable[..., TaskSchedulerService]
    ) -> None:
        first = made(tmp_path / "agent.db")
        task = asyncio.run(first.schedule_task("x", "g", "p", "t", schedule_cron="0 9 * * *"))
        second = made(tmp_path / "agent.db")
        [found] = asyncio.run(second.get_scheduled_tasks())
        assert found.task_id == task.task_id and found.schedule_cron == "0 9 * * *"

    def test_a_time_service_that_is_moved_fires_what_is_due(
        self, made: Callable[..., TaskSchedulerService]
    ) -> None:
        class Time:
            moment = datetime(2030, 1, 1)

            def now(self) -> datetime:
                return self.moment

        time = Time()
        service = made(time_service=time)
        asyncio.run(service.start())
        asyncio.run(
            service.schedule_task("x", "", "New year!", "t", defer_until="2031-01-01T00:00:00Z")
        )
        assert service.agent.take() == []
        time.moment = datetime(2031, 1, 1)
        assert [thought.prompt for thought in service.agent.take(wait=20)] == ["New year!"]

    def test_it_stands_on_an_app_and_leaves_it_running(self, tmp_path: Path) -> None:
        with Offhours(tmp_path / "jobs.db") as app:
            service = TaskSchedulerService(app=app)
            service.begin()
            service.end()
            assert app.running
        app.close()

    def test_figures_stay_when_tasks_are_forgotten(self) -> None:
        app = memory_app()
        service = busy_service(app)
        before = service._collect_custom_metrics()
        now = app.clock.micros()
        app.store.prune(now + 1, 0, 1_000, now + 1)
        after = service._collect_custom_metrics()
        counted = ("scheduled_tasks_created", "scheduled_tasks_completed", "cron_trigger_count",
                   "deferral_requests", "active_tasks")  # fmt: skip
        assert {name: before[name] for name in counted} == {name: after[name] for name in counted}
        assert after["scheduled_tasks_completed"] == 1.0

    def test_filters_of_the_answers(self) -> None:
        service = busy_service()
        assert service.telemetry_tasks(task_type="recurring")["filtered_count"] == 1
        told = service.telemetry_tasks(limit=1)
        assert len(told["tasks"]) == 1 and told["total_count"] == told["filtered_count"] == 2
        assert told["summary"] == {"pending": 1, "active": 1, "one_time": 1, "recurring": 1}
        assert service.telemetry_tasks(status="COMPLETE")["total_count"] == 3
        only = service.telemetry_analytics("7d", "recurring")["execution_summary"]
        assert only["total_executions"] == 1
        for wrong in ({"status": "DONE"}, {"task_type": "often"}, {"limit": 0}):
            with pytest.raises(OptionError):
                service.telemetry_tasks(**wrong)  # type: ignore[arg-type]
        with pytest.raises(OptionError, match="period: expected one of 1h, 1d, 7d, 30d"):
            service.telemetry_analytics("2h")
