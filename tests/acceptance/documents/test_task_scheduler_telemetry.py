"""The task scheduler telemetry document, example by example."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError

import pytest
from tests.acceptance.documents.conftest import Example
from tests.acceptance.documents.doubles import busy_service, call
from tests.acceptance.documents.source import Document

from offhours import ServiceType, TaskSchedulerService, get_service
from offhours.api import ApiServer
from offhours.core.errors import QuotaExceeded, ScheduleError
from offhours.testing import MemoryApp, memory_app

DOCUMENT = Document("5-task-scheduler-telemetry.md")
ROUTES = {
    "Get Task Scheduler Status": "status",
    "Get Active Tasks Summary": "tasks",
    "Get Task Execution Analytics": "analytics",
    "Get Cron Scheduling Status": "cron",
    "Get Task Performance Metrics": "performance",
}


def test_each_block_is_run_or_has_a_reason() -> None:
    DOCUMENT.accounts_for({})


class TestUsage:
    @DOCUMENT.runs("Get Service Status")
    def test_status(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        done = example.run()
        told = capsys.readouterr().out.splitlines()
        assert told == [
            "Task Scheduler: TaskSchedulerService", "Healthy: True", "Active tasks: 0.0",
            "Check interval: 60.0s", "Task runs: 0.0", "Task errors: 0.0",
        ]  # fmt: skip
        assert done.task_scheduler is get_service(ServiceType.TASK_SCHEDULER)

    @DOCUMENT.runs("Monitor Task Execution")
    def test_metrics(
        self,
        example: Example,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        example.run()
        told = capsys.readouterr().out
        assert told == "Active tasks: 0\nTask running: Yes\nError rate: 0.000\nLast run: 0s ago\n"
        service = get_service(ServiceType.MAINTENANCE)
        assert caplog.records == []
        service.checks, service.task_errors = 5, 1
        example.run()
        [record] = caplog.records
        assert record.getMessage() == "High task error rate: 20.00%"

    @DOCUMENT.runs("Schedule and Monitor Tasks", "Get All Scheduled Tasks", "Handle Deferred Tasks")
    def test_schedule_list_and_defer(
        self, example: Example, capsys: pytest.CaptureFixture[str]
    ) -> None:
        example.run("Schedule and Monitor Tasks")
        told = capsys.readouterr().out
        assert re.search(r"Scheduled task: Weekly Cleanup \(task_\d{10}\.\d{3}\)", told)
        assert "Execution time: 2025-08-21T02:00:00Z" in told
        assert "Cron schedule: 0 2 * * *" in told
        example.run("Get All Scheduled Tasks")
        told = capsys.readouterr().out
        assert "Total active tasks: 2" in told
        assert "  Daily Backup (PENDING)" in told and "    Deferrals: 0" in told
        example.run("Handle Deferred Tasks")
        told = capsys.readouterr().out
        assert "Reason: Waiting for external API rate limit reset" in told
        assert "Total deferrals: 1" in told

    @DOCUMENT.runs("Check Service Health")
    def test_health(self, example: Example, caplog: pytest.LogCaptureFixture) -> None:
        done = example.run()
        assert caplog.records == []
        done.task_scheduler.app.stop()
        service = get_service(ServiceType.MAINTENANCE)
        service.end()
        service.begin = lambda: None  # type: ignore[method-assign]  # asked for, it would start
        example.run()
        assert [record.getMessage() for record in caplog.records if record.name == "example"] == [
            "Task scheduler is unhealthy", "Background task is not running",
            "Shutdown event is set",
        ]  # fmt: skip

    @DOCUMENT.runs("Validation Steps")
    def test_its_own_test(self, example: Example) -> None:
        example.wait(example.run().test_task_scheduler_telemetry())


class TestForms:
    """What the service answers has the form that is shown, whatever its values."""

    def test_every_metric_of_the_table_is_collected(self) -> None:
        table = DOCUMENT.section("Telemetry Data Collected")
        names = re.findall(r"^\| ([a-z_]+) \|", table, re.MULTILINE)
        told = get_service(ServiceType.MAINTENANCE)._collect_custom_metrics()
        assert len(names) == 19 and set(names) == set(told)
        assert all(type(value) is float for value in told.values())

    @DOCUMENT.runs("TaskSchedulerStatus", "Task Execution Statistics", "Cron Scheduling Analytics")
    def test_figures(self, example: Example) -> None:
        service = busy_service()
        for key, told in (
            ("TaskSchedulerStatus", service.get_status().to_dict()),
            ("Task Execution Statistics", service.get_statistics()),
            ("Cron Scheduling Analytics", service.get_cron_analytics()),
        ):
            assert shape(told) == shape(example.value(key)), key

    @DOCUMENT.runs("ScheduledTask (Core Data Model)", "ScheduledTaskInfo (API Response Format)")
    def test_tasks(self, example: Example) -> None:
        service = busy_service()
        task = asyncio.run(service.get_task("known"))
        assert task is not None
        wanted = example.value("ScheduledTask (Core Data Model)")
        assert set(task.to_dict()) == set(wanted)
        assert set(wanted["deferral_history"][0]) <= set(task.deferral_history[0])
        infos = asyncio.run(service.get_scheduled_tasks())
        info = example.value("ScheduledTaskInfo (API Response Format)")
        assert set(infos[0].to_dict()) == set(info)

    @DOCUMENT.runs("Service Capabilities Metadata")
    def test_capabilities(self, example: Example) -> None:
        told, wanted = busy_service().get_capabilities().to_dict(), example.value()
        assert set(wanted) <= set(told)
        assert told["features"] == wanted["features"]
        assert set(wanted["actions"]) <= set(told["actions"])
        assert (told["version"], told["dependencies"]) == (wanted["version"], ["TimeService"])

    @DOCUMENT.runs(
        "Memory Graph Integration", "Task Execution Event Node", "Task Deferral Event Node"
    )
    def test_nodes_of_the_graph(self, example: Example) -> None:
        app, task_id = deferred_once()
        known = app.graph.node(task_id)
        assert known is not None and known.metadata["name"] == "Daily Report"
        for key, number, ref in (
            ("Memory Graph Integration", "task_id", "schedule_1"),
            ("Task Execution Event Node", "execution_id", "exec_1.1"),
            ("Task Deferral Event Node", "deferral_id", "defer_1.1"),
        ):
            wanted, node = example.value(key), app.graph.node(ref)
            assert node is not None
            told = node.to_dict(app.graph.neighbours(ref, direction="out"))
            assert (told["node_type"], told[number]) == (wanted["node_type"], ref)
            assert wanted["metadata"].keys() <= told["metadata"].keys(), key
            related, documented = (
                {each["type"] for each in one["relationships"]} for one in (told, wanted)
            )
            assert documented <= related, key


class TestRoutes:
    """The five routes, on a server."""

    @pytest.fixture
    def ask(self) -> Any:
        app = memory_app()
        busy_service(app)
        with ApiServer(app) as server:

            def ask(path: str) -> dict[str, Any]:
                return call("GET", server.url + path.lstrip("/"), server.token)[1]

            yield ask

    @DOCUMENT.runs(*(f"{heading} #{n}" for heading in ROUTES for n in (1, 2)))
    def test_answers_have_the_documented_form(
        self, example: Example, ask: Callable[[str], dict[str, Any]]
    ) -> None:
        for heading, word in ROUTES.items():
            method, path = example.text(f"{heading} #1").split()
            assert (method, path) == ("GET", f"/v1/telemetry/task-scheduler/{word}")
            wanted = json.loads(example.text(f"{heading} #2"))
            assert shape(ask(path)) == shape(wanted), path

    def test_each_documented_parameter_is_taken(self, ask: Callable[[str], dict[str, Any]]) -> None:
        path = "/v1/telemetry/task-scheduler"
        tasks = _parameters("Get Active Tasks Summary")
        assert list(tasks) == ["status", "type", "limit"] and len(tasks["status"]) == 5
        for status in tasks["status"]:
            found = ask(f"{path}/tasks?status={status}")["tasks"]
            assert {task["status"] for task in found} <= {status}
        for kind in tasks["type"]:
            assert {task["type"] for task in ask(f"{path}/tasks?type={kind}")["tasks"]} == {kind}
        told = ask(f"{path}/tasks?limit=1")
        assert len(told["tasks"]) == 1 < told["filtered_count"]
        analytics = _parameters("Get Task Execution Analytics")
        assert list(analytics) == ["period", "task_type"]
        for period in analytics["period"]:
            assert ask(f"{path}/analytics?period={period}")["period"] == period
        runs = [
            ask(f"{path}/analytics?task_type={kind}")["execution_summary"]["total_executions"]
            for kind in analytics["task_type"]
        ]
        assert runs == [1, 1]
        for wrong in (
            "tasks?status=DONE", "tasks?type=daily", "tasks?limit=0", "analytics?period=2d",
        ):  # fmt: skip
            with pytest.raises(HTTPError, match="422"):
                ask(f"{path}/{wrong}")


class TestConfiguration:
    @DOCUMENT.runs("Service Configuration")
    def test_the_service_takes_it(self, example: Example) -> None:
        service = TaskSchedulerService(**example.value())
        assert (service.service_name, service.version) == ("TaskSchedulerService", "1.0.0")
        assert service.check_interval_seconds == 60.0
        task = asyncio.run(service.schedule_task("x", "g", "p", "t", schedule_cron="0 9 * * *"))
        service.app.close()
        again = TaskSchedulerService("agent.db")
        [found] = asyncio.run(again.get_scheduled_tasks())
        assert found.task_id == task.task_id, "what it keeps survives a restart"
        again.app.close()

    @DOCUMENT.runs("Cron Support Configuration")
    def test_cron_support(self, example: Example) -> None:
        wanted = example.value()
        service = TaskSchedulerService(app=memory_app())
        assert service.get_cron_analytics()["cron_support_available"] is True
        most = wanted["max_cron_tasks"]
        assert service.get_capabilities().metadata["max_cron_tasks"] == most

        async def use() -> None:
            with pytest.raises(ScheduleError):
                await service.schedule_task("x", "", "p", "t", schedule_cron="61 * * * *")
            for _ in range(most):
                await service.schedule_task("x", "", "p", "t", schedule_cron="*/5 * * * *")
            with pytest.raises(QuotaExceeded, match=f"may have {most} recurring tasks"):
                await service.schedule_task("x", "", "p", "t", schedule_cron="*/5 * * * *")

        asyncio.run(use())


def deferred_once() -> tuple[MemoryApp, str]:
    """A scheduled task that a thought wanted, put off once and then fired; its id."""
    app = memory_app(timezone="UTC")
    service = TaskSchedulerService(app=app)

    async def use() -> str:
        task = await service.schedule_task(
            "Daily Report", "A report", "Write it", "thought_12345", schedule_cron="0 9 * * *"
        )
        later = (app.clock.now() + timedelta(days=1)).isoformat()
        reason = "High system load detected"
        await service.schedule_deferred_task("thought_12345", task.task_id, later, reason, {})
        return task.task_id

    task_id = asyncio.run(use())
    app.clock.advance("1d")
    app.drain()
    return app, task_id


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


def _parameters(heading: str) -> dict[str, list[str]]:
    """The parameters that a section lists, and the values that they may have."""
    listed = re.findall(r"^- `(\w+)`: (.+)$", DOCUMENT.section(heading), re.MULTILINE)
    return {name: told.split()[-1].split("|") if "|" in told else [] for name, told in listed}
