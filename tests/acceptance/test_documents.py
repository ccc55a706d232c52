"""The source documents' own examples, run as they stand: only their import lines are changed.

The documents are not part of this repository; without them beside the checkout these tests are
skipped, and `tests/unit/faces` holds the same promises.
"""

from __future__ import annotations

import ast
import asyncio
import enum
import inspect
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
from cronsim import CronSim

import offhours
from offhours import (
    BackgroundTask,
    BackgroundTaskManager,
    NotificationConfig,
    NotificationType,
    Offhours,
    PriorityTaskScheduler,
    TaskPriority,
    TaskStatus,
)
from offhours.core.times import parse_moment
from offhours.faces.base import forget_shared
from offhours.faces.interceptors import forget_global_chain
from offhours.faces.intervals import RecurringTask
from offhours.faces.local_time import LOCAL
from offhours.notify import Mail, Route, Webhook
from offhours.sources.configuration import read

DOCUMENTS = Path(__file__).parents[2].parent / "shared" / "sources"
OPTIMIZER = DOCUMENTS / "1-offline-optimizer.md"
TRAINING = DOCUMENTS / "2-training-scheduler.md"
PROCESSING = DOCUMENTS / "4-background-processing.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENTS.is_dir(), reason=f"the source documents are not in {DOCUMENTS}"
)

OUR_PACKAGES = {"src": "offhours", "ai_karen_engine": "offhours"}


def example(document: Path, *headings: str) -> str:
    """The first Python block below the last of nested headings, its imports made ours."""
    text = document.read_text(encoding="utf-8")
    for heading in headings:
        found = re.search(rf"^#+ {re.escape(heading)}[ \t]*$", text, re.MULTILINE)
        assert found, f"{document.name} has no heading {heading!r}"
        text = text[found.end() :]
    block = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block, f"{document.name}: no example below {headings}"
    return ours(block[1])


def ours(code: str) -> str:
    def replace(line: re.Match[str]) -> str:
        return f"{line[1]}from {OUR_PACKAGES[line[2]]} import"

    packages = "|".join(OUR_PACKAGES)
    return re.sub(rf"^(\s*)from ({packages})(?:\.\w+)* import", replace, code, flags=re.MULTILINE)


def run(code: str, **names: Any) -> SimpleNamespace:
    """Run an example with the names that its document leaves open; what it defines."""
    space = {"__name__": "document_example", **names}
    exec(compile(code, "<example>", "exec"), space)
    return SimpleNamespace(**space)


def run_async(code: str, **names: Any) -> SimpleNamespace:
    """The same for an example that awaits."""
    space = {"__name__": "document_example", **names}
    compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waits = eval(compiled, space)
    if inspect.iscoroutine(waits):
        asyncio.run(waits)
    return SimpleNamespace(**space)


@pytest.fixture(autouse=True)
def _process_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "process.db"))
    forget_shared()
    yield
    forget_shared()


def double(number: int) -> int:
    return 2 * number


def clean_up() -> str:
    return "clean"


class TestPriorityScheduler:
    """Component 2 of the offline optimizer's document."""

    def test_priority_levels(self) -> None:
        theirs = run(example(OPTIMIZER, "Priority Levels"), Enum=enum.Enum).TaskPriority
        assert {p.name: p.value for p in theirs} == {p.name: p.value for p in TaskPriority}

    def test_configuration(self) -> None:
        scheduler = run(
            example(OPTIMIZER, "Component 2: Priority-Aware Task Scheduler", "Configuration")
        ).scheduler
        settings = scheduler.app.settings
        assert (settings.threads, settings.max_queue_size) == (2, 1000)
        assert settings.background_throttle == 100_000
        task = scheduler.get_task(scheduler.submit(clean_up))
        assert task.wait(10) is TaskStatus.COMPLETED
        scheduler.stop()

    def test_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        done = run(
            example(OPTIMIZER, "Component 2: Priority-Aware Task Scheduler", "Usage"),
            process_workflow_step=double,
            step_data=21,
            cleanup_old_data=clean_up,
        )
        told = capsys.readouterr().out
        assert all(word in told for word in ("Status: ", "Duration: ", "Tasks completed: "))
        assert done.scheduler is offhours.get_global_scheduler()
        step = done.scheduler.get_task(done.task_id)
        background = done.scheduler.get_task(done.bg_task_id)
        assert [step.wait(10), background.wait(10)] == ["completed", "completed"]
        assert (step.result, step.name, step.priority) == (42, "workflow_step_1", 10)
        assert step.metadata == {"workflow_id": "wf_123"}
        assert step.duration_ms >= 0
        assert (background.result, background.name) == ("clean", "cleanup_task")
        stats = done.scheduler.get_stats()
        assert (stats["tasks_submitted"], stats["tasks_completed"]) == (2, 2)
        assert (stats["high_priority_tasks"], stats["background_tasks"]) == (1, 1)

    def test_workflow_integration(self) -> None:
        scheduler = offhours.get_global_scheduler()
        seen: list[int] = []
        held: list[str] = []

        class Workflow:
            @property
            def steps(self) -> Iterator[int]:
                held.append(scheduler.submit(clean_up, priority=TaskPriority.BACKGROUND))
                yield from (1, 2, 3)
                last = scheduler.get_task("4")
                assert last is not None
                assert last.wait(10) is TaskStatus.COMPLETED
                assert status() is TaskStatus.PENDING, "paused while the workflow is active"

        def status() -> TaskStatus:
            task = scheduler.get_task(held[0])
            assert task is not None
            return task.status

        run(
            example(OPTIMIZER, "Workflow Integration"),
            workflow=Workflow(),
            workflow_id="wf_123",
            execute_step=lambda step: seen.append(step),
            TaskPriority=TaskPriority,
        )
        assert not scheduler.has_active_workflows()
        paused = scheduler.get_task(held[0])
        assert paused is not None
        assert paused.wait(10) is TaskStatus.COMPLETED, "resumed when it was inactive"
        assert sorted(seen) == [1, 2, 3]

    def test_check_task_scheduler(self, capsys: pytest.CaptureFixture[str]) -> None:
        scheduler = offhours.get_global_scheduler()
        task = scheduler.get_task(scheduler.submit(clean_up))
        assert task is not None
        task.wait(10)
        run(example(OPTIMIZER, "Check Task Scheduler"))
        told = capsys.readouterr().out
        assert told == "Tasks: 1 submitted, 1 completed\nQueue: 0 pending\n"


class TestScheduledTasks:
    """Components 3 and 4 of the offline optimizer's document."""

    @pytest.fixture(autouse=True)
    def _stopped(self) -> Iterator[None]:
        yield
        offhours.get_global_background_scheduler().stop()

    def test_natural_language(self) -> None:
        done = run(example(OPTIMIZER, "Natural Language Examples"))
        assert done.task_manager is offhours.get_global_task_manager()
        made = [
            done.task_manager.create_task(phrase, "", phrase, func=clean_up)
            for phrase in done.schedules
        ]
        assert [done.task_manager.get_task(i).cron_expression for i in made] == [
            "*/5 * * * *", "0 * * * *", "0 14 * * *", "0 12 * * 0", "0 0 * * 1", "0 0 * * 0",
            "0 0 1 * *",
        ]  # fmt: skip

    def test_creating_and_managing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        manager = offhours.get_global_task_manager()
        answer = SimpleNamespace(json=lambda: {"events": 3})
        space = {
            "task_manager": manager,
            "requests": SimpleNamespace(get=lambda url: answer),
            "backup_database": clean_up,
        }
        done = run(example(OPTIMIZER, "Creating Scheduled Tasks"), **space)
        poller, backup = manager.list_tasks()
        assert poller.metadata["timeout"] == 30
        assert (poller.description, poller.func) == (
            "Poll external API for new events", done.poll_api,
        )  # fmt: skip
        assert (backup.task_id, backup.cron_expression) == (done.task_id, "0 2 * * *")
        stored = json.loads((tmp_path / "data/scheduled_tasks/tasks.json").read_text())
        assert [task["name"] for task in stored["tasks"]] == ["event_poller", "nightly_backup"]

        poller.handle.run_now().result(timeout=20)
        assert poller.last_result == {"events": 3}

        seen: list[str] = []
        delete = manager.delete_task
        manager.delete_task = lambda task_id: seen.append(  # type: ignore[method-assign]
            f"{backup.run_count} {backup.error_count} {delete(task_id)}"
        )
        run(
            example(OPTIMIZER, "Managing Scheduled Tasks"),
            task_manager=manager, task_id=done.task_id,
        )  # fmt: skip
        told = capsys.readouterr().out
        assert "event_poller: */5 * * * *\n  Next run: " in told
        assert "nightly_backup: 0 2 * * *" in told
        assert seen == ["2 1 True"]
        assert manager.get_task(done.task_id) is None

    @pytest.mark.parametrize(
        ("case", "func", "cron"),
        [
            ("1. Event Polling", "poll_github_webhooks", "*/2 * * * *"),
            ("2. Periodic Reports", "generate_analytics_report", "0 9 * * 0"),
            ("3. Data Cleanup", "cleanup_old_logs", "0 3 * * *"),
        ],
    )
    def test_use_cases(self, case: str, func: str, cron: str) -> None:
        manager = offhours.get_global_task_manager()
        run(example(OPTIMIZER, case), task_manager=manager, **{func: clean_up})
        [task] = manager.list_tasks()
        assert (task.cron_expression, task.func) == (cron, clean_up)
        task.handle.run_now().result(timeout=20)
        assert task.last_result == "clean"

    def test_background_scheduler_starts(self) -> None:
        run(example(OPTIMIZER, "Component 4: Background Scheduler Loop", "Usage"))
        scheduler = offhours.get_global_background_scheduler()
        assert scheduler._running
        run(example(OPTIMIZER, "CLI Integration"))
        assert scheduler._running

    def test_background_scheduler_configuration(self, capsys: pytest.CaptureFixture[str]) -> None:
        manager = offhours.get_global_task_manager()
        manager.create_task("clean", "", "every hour", func=clean_up)
        done = run(example(OPTIMIZER, "Component 4: Background Scheduler Loop", "Configuration"))
        told = capsys.readouterr().out.splitlines()
        assert [line.partition(":")[0] for line in told] == [
            "Checks performed", "Tasks executed", "Tasks failed", "Skipped due to workflows",
        ]  # fmt: skip
        assert done.scheduler.app is manager.app
        assert manager.app.settings.background_limit == 1
        done.scheduler.stop()

    def test_monitoring(self, capsys: pytest.CaptureFixture[str]) -> None:
        manager = offhours.get_global_task_manager()
        run(example(OPTIMIZER, "Check Scheduled Tasks"))
        assert capsys.readouterr().out == "Scheduled tasks: 0\n"
        manager.create_task("clean", "", "every hour", func=clean_up)
        run(example(OPTIMIZER, "Check Scheduled Tasks"))
        told = capsys.readouterr().out
        assert "\nclean:\n  Enabled: True\n  Cron: 0 * * * *\n  Last run: None\n" in told
        run(example(OPTIMIZER, "Check Background Scheduler"))
        assert "Executed: 0\nFailed: 0\n" in capsys.readouterr().out

    def test_troubleshooting(self, capsys: pytest.CaptureFixture[str]) -> None:
        run(example(OPTIMIZER, "Background Tasks Not Running"))
        assert offhours.get_global_background_scheduler()._running
        offhours.get_global_scheduler().mark_workflow_active("wf")
        run(example(OPTIMIZER, "Background Tasks Not Running"))
        assert "background tasks paused" in capsys.readouterr().out
        offhours.get_global_scheduler().mark_workflow_inactive("wf")

    @pytest.mark.parametrize("schedule", ["every day at 2pm", "every 45 minutes", "every 90 min"])
    def test_tasks_not_executing(
        self, schedule: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        croniter = ModuleType("croniter")
        croniter.croniter = StandInForCroniter  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "croniter", croniter)
        manager = offhours.get_global_task_manager()
        task_id = manager.create_task("x", "", schedule, func_name="not_there_yet")
        done = run(
            example(OPTIMIZER, "Tasks Not Executing"),
            task_manager=manager, task_id=task_id, datetime=datetime,
        )  # fmt: skip
        assert "No function defined for task" in capsys.readouterr().out
        wanted = manager.get_task(task_id).get_next_run_time()
        assert done.next_run == wanted.replace(tzinfo=None, second=0, microsecond=0)


class StandInForCroniter:
    """Reads five fields as cron does, in local time."""

    def __init__(self, expression: str) -> None:
        self._fires = CronSim(expression, datetime.now())

    def get_next(self, kind: type) -> Any:
        assert kind is datetime
        return next(self._fires)


def now() -> datetime:
    return datetime.now().astimezone()


class TestPerfCatcher:
    """Component 1 of the offline optimizer's document, and the tools manager."""

    @pytest.fixture(autouse=True)
    def _calls(self) -> Iterator[None]:
        forget_global_chain()
        recorder = offhours.get_perfcatcher_interceptor()
        for _ in range(20):
            recorder.record("my_tool", 12.5)
        yield
        recorder.close()
        forget_global_chain()

    def test_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = OPTIMIZER.read_text(encoding="utf-8")
        variables = re.findall(r"^(PERFCATCHER_\w+)=(\S+)", text, re.MULTILINE)
        assert len(variables) == 5
        plain = offhours.PerfCatcherInterceptor().settings
        for name, value in variables:
            monkeypatch.setenv(name, value)
        assert offhours.PerfCatcherInterceptor().settings == plain, "they are the defaults"
        monkeypatch.setenv("PERFCATCHER_WINDOW_SIZE", "7")
        assert offhours.PerfCatcherInterceptor().settings.window_size == 7

    def test_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        done = run(
            example(OPTIMIZER, "Component 1: Enhanced PerfCatcher", "Usage"),
            PerfCatcherInterceptor=offhours.PerfCatcherInterceptor,
        )
        assert done.perfcatcher is offhours.get_perfcatcher_interceptor()
        assert done.perfcatcher.get_tool_stats("expensive_tool")["threshold"] == 0.15
        told = capsys.readouterr().out.splitlines()
        assert told[0] == f"Buffer size: {done.stats['buffer_size']} requests"
        assert told[2:] == ["Mean: 12.50ms", "P95: 12.50ms"]

    def test_buffer_dump_format(self) -> None:
        text = OPTIMIZER.read_text(encoding="utf-8")
        block = re.search(r"```json\n(\{.*?)```", text, re.DOTALL)
        assert block
        documented = json.loads(re.sub(r",?\s*//.*", "", block[1]))
        dump = offhours.get_perfcatcher_interceptor().dump_now()
        assert dump is not None
        document = dump.document()
        assert documented.keys() <= document.keys()
        assert documented["type"] == document["type"]
        assert documented["buffer_duration_s"] == document["buffer_duration_s"]
        assert list(documented["requests"][0]) == list(document["requests"][0])
        labels = dict(re.findall(r"^- `(\w+)`: (.+)$", text, re.MULTILINE))
        assert labels.keys() == dump.labels.keys()
        assert {labels[name].strip("`") for name in ("job", "type")} == {
            dump.labels[name] for name in ("job", "type")
        }
        assert dump.labels["severity"] in labels["severity"]

    def test_tool_interceptor_integration(self) -> None:
        recorder = offhours.get_perfcatcher_interceptor()
        before = recorder.get_tool_stats("my_tool")["count"]
        done = run(
            example(OPTIMIZER, "Tool Interceptor Integration"),
            config={"tools": {"my_tool": lambda arg: arg.upper()}},
            ollama_client=None,
            rag=None,
        )
        assert done.result == "VALUE"
        assert recorder.get_tool_stats("my_tool")["count"] == before + 1

    def test_performance_monitoring(self) -> None:
        recorder = offhours.get_perfcatcher_interceptor()
        run(example(OPTIMIZER, "4. Performance Monitoring"), perfcatcher=recorder)
        for tool, threshold in (("database_query", 0.10), ("api_call", 0.25)):
            assert recorder.get_tool_stats(tool)["threshold"] == threshold

    def test_check_perfcatcher_buffer(self, capsys: pytest.CaptureFixture[str]) -> None:
        run(example(OPTIMIZER, "Check PerfCatcher Buffer"))
        assert re.fullmatch(r"Buffer: \d+ requests, \d+\.\ds\n", capsys.readouterr().out)

    def test_buffer_not_dumping(self, capsys: pytest.CaptureFixture[str]) -> None:
        code = example(OPTIMIZER, "Buffer Not Dumping")
        run(code, get_perfcatcher_interceptor=offhours.get_perfcatcher_interceptor)
        assert capsys.readouterr().out == "Threshold: 20.0%\nLoki not available\n"


class TestTaskManager:
    """The background processing document."""

    def test_basic_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        done = run(example(PROCESSING, "Basic Usage"))
        with done.task_manager as manager:
            told = capsys.readouterr().out.splitlines()
            assert told[0].startswith("Task status: ")
            assert told[1] in ("Result: None", "Result: 30")
            assert done.task.wait(10) is TaskStatus.COMPLETED
            assert (done.task.result, done.task.name) == (30, "calculation")
            assert manager.get_task_status(done.task_id) is TaskStatus.COMPLETED

    def test_automatic_retries(self) -> None:
        calls: list[int] = []

        def unreliable_function() -> str:
            calls.append(1)
            if len(calls) == 1:
                raise ConnectionError("try again")
            return "reliable after all"

        with BackgroundTaskManager() as manager:
            done = run(
                example(PROCESSING, "Automatic Retries"),
                task_manager=manager,
                unreliable_function=unreliable_function,
            )
            task = manager.get_task(done.task_id)
            assert task is not None
            assert (task.name, task.max_retries, task.timeout) == ("might_fail", 3, 30)
            assert task.wait(20) is TaskStatus.COMPLETED
            assert (task.result, task.attempts) == ("reliable after all", 2)

    def test_threaded_worker(self) -> None:
        done = run(
            example(PROCESSING, "Performance Tuning", "Threaded Worker"),
            BackgroundTaskManager=BackgroundTaskManager,
        )
        meeting = threading.Barrier(8)
        with done.task_manager as manager:
            assert manager.get_stats()["max_workers"] == 8
            ids = [manager.submit_task(meeting.wait, 20) for _ in range(8)]
            assert {manager.get_task(i).wait(20) for i in ids} == {TaskStatus.COMPLETED}

    def test_debug_mode(self) -> None:
        done = run(example(PROCESSING, "Debug Mode"), BackgroundTaskManager=BackgroundTaskManager)
        with done.task_manager as manager:
            assert manager.monitor_enabled is False
            assert manager.get_task(manager.submit_task(clean_up)).wait(10) == "completed"

    def test_with_flask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        flask = _stand_in_for_flask()
        monkeypatch.setitem(sys.modules, "flask", flask)
        done = run(
            example(PROCESSING, "With Flask"), process_data=double, TaskPriority=TaskPriority
        )
        flask.request.json = 21
        task_id = done.submit_task()["task_id"]
        assert offhours.get_task_manager().get_task(task_id).wait(10) is TaskStatus.COMPLETED
        assert done.app.routes.keys() == {"/submit_task", "/task_status/<task_id>"}
        assert done.task_status(task_id) == {"status": "completed", "result": 42}

    def test_with_django(self, monkeypatch: pytest.MonkeyPatch) -> None:
        http = ModuleType("django.http")
        http.JsonResponse = dict  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "django", ModuleType("django"))
        monkeypatch.setitem(sys.modules, "django.http", http)
        done = run(example(PROCESSING, "With Django"), long_running_function=double)
        task_id = done.submit_task_view(SimpleNamespace(POST={"data": 4}))["task_id"]
        task = offhours.get_task_manager().get_task(task_id)
        assert task is not None
        assert task.wait(10) is TaskStatus.COMPLETED
        assert (task.result, task.name) == (8, "django_task")

    def test_api_reference(self) -> None:
        listing = example(PROCESSING, "API Reference", "BackgroundTaskManager")
        methods = re.findall(r"def (\w+)\(self(?:, (.*?))?\)", listing)
        assert len(methods) == 8
        for name, wanted in methods:
            method = getattr(BackgroundTaskManager, name)
            have = [str(p).partition(":")[0] for p in inspect.signature(method).parameters.values()]
            assert set(filter(None, wanted.split(", "))) <= set(have), name

    def test_using_the_monitor(self, capsys: pytest.CaptureFixture[str]) -> None:
        manager = offhours.get_task_manager()
        for number, name in ((2, "my_task"), (3, "my_task"), (4, "problematic_task")):
            task = manager.get_task(manager.submit_task(double, number, name=name))
            assert task is not None and task.wait(10) is TaskStatus.COMPLETED
        done = run(example(PROCESSING, "Using the Monitor"), timedelta=timedelta)
        assert capsys.readouterr().out.splitlines() == [
            "Success rate: 100.00%", "Tasks in queue: 0", "Tasks last hour: 3",
        ]  # fmt: skip
        assert "alerts" in json.loads(Path("metrics.json").read_text())
        run(example(PROCESSING, "Error Monitoring"), monitor=done.monitor)
        assert capsys.readouterr().out == "Error rate last 24h: 0.00%\n"
        run(example(PROCESSING, "Task Monitoring", "Alerts"), monitor=done.monitor)

        def broken() -> None:
            raise ValueError

        for _ in range(5):
            task = manager.get_task(manager.submit_task(broken, name="broken"))
            assert task is not None and task.wait(10) is TaskStatus.FAILED
        manager.app.monitor.look()
        deadline = time.monotonic() + 10
        told = ""
        while "broken failed in the last" not in told:
            told += capsys.readouterr().out
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert "ALERT: " in told

    def test_the_monitors_reference(self) -> None:
        listing = example(PROCESSING, "API Reference", "TaskMonitor")
        methods = re.findall(r"def (\w+)\(self(?:, (.*?))?\)", listing)
        assert len(methods) == 6
        for name, wanted in methods:
            have = inspect.signature(getattr(offhours.TaskMonitor, name)).parameters
            for one in filter(None, wanted.split(", ")):
                parameter, _, default = one.partition("=")
                assert not default or repr(have[parameter].default) == default
                assert parameter in have

    def test_scheduling_tasks(self) -> None:
        called: list[tuple[int, int]] = []
        with BackgroundTaskManager() as manager:
            done = run(
                example(PROCESSING, "Scheduling Tasks"),
                task_manager=manager,
                my_task=lambda x, y: called.append((x, y)),
            )
            once = manager.get_task("1")
            assert isinstance(once, BackgroundTask)
            assert once.record.run_at == parse_moment(done.future_time, timezone=LOCAL)
            assert once.status is TaskStatus.PENDING
            hourly = manager.get_task(done.task_id)
            assert isinstance(hourly, RecurringTask)
            assert manager.get_task_status(done.task_id) is TaskStatus.PENDING
            assert timedelta(minutes=59) < hourly.next_run_time - now() <= timedelta(hours=1)
            assert called == []
            assert manager.cancel_task("1")
            assert manager.cancel_task(done.task_id)
            assert manager.get_task_status(done.task_id) is TaskStatus.CANCELLED


def _stand_in_for_flask() -> Any:
    class Flask:
        def __init__(self, name: str) -> None:
            self.routes: dict[str, Any] = {}

        def route(self, rule: str, methods: list[str] | None = None) -> Any:
            return lambda view: self.routes.setdefault(rule, view)

    flask: Any = ModuleType("flask")
    flask.Flask, flask.jsonify, flask.request = Flask, dict, SimpleNamespace(json=None)
    return flask


def test_every_documented_name_of_this_stage_is_importable() -> None:
    wanted: set[str] = set()
    for document in (OPTIMIZER, PROCESSING):
        text = document.read_text(encoding="utf-8")
        for module in (
            "src.task_scheduler",
            "src.scheduled_tasks",
            "src.background_scheduler",
            "src.core.background_worker",
            "src.core.task_monitor",
            "src.tool_interceptors",
            "src.tools_manager",
        ):
            for names in re.findall(rf"from {re.escape(module)} import (.+)", text):
                wanted.update(name.strip() for name in names.split(","))
    assert {"PriorityTaskScheduler", "BackgroundTaskManager", "TaskPriority"} <= wanted
    for name in wanted:
        assert getattr(offhours, name).__module__.startswith("offhours."), name
    assert PriorityTaskScheduler.__doc__


class TestConfiguration:
    def file(self, path: Path) -> Path:
        text = PROCESSING.read_text(encoding="utf-8")
        block = re.search(
            r"^```yaml\n(# omni_dev_bg_config.*?)^```", text, re.MULTILINE | re.DOTALL
        )
        assert block
        path.write_text(block[1])
        return path

    def test_its_file_holds_its_defaults(self, tmp_path: Path) -> None:
        assert not any(one.given for one in read(environment={}))
        self.file(tmp_path / "omni_dev_bg_config.yaml")
        assert sum(one.given for one in read(environment={})) == 16
        assert offhours.auto_load_config() == offhours.BackgroundTaskConfig()

    def test_its_variables_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = PROCESSING.read_text(encoding="utf-8")
        told = dict(re.findall(r'^export (\w+)="?([^"\s]+)"?', text, re.MULTILINE))
        assert len(told) == 8 and told.pop("OMNI_DEV_BG_USE_ENV") == "true"
        sources = {one.source for one in read(environment=told) if one.given}
        assert sources == set(told)

    def test_loading(self, tmp_path: Path) -> None:
        code = example(PROCESSING, "Configuration", "Loading Configuration")
        path = self.file(tmp_path / "config.yaml")
        code = code.replace("/path/to/config.yaml", str(path))
        done = run(code, BackgroundTaskManager=BackgroundTaskManager)
        assert done.config == offhours.load_config("env")
        assert done.task_manager.worker_type == "threaded"
        assert done.task_manager.shutdown()

    def test_memory_management(self) -> None:
        names = {name: getattr(offhours, name) for name in offhours.__all__}
        done = run(example(PROCESSING, "Performance Tuning", "Memory Management"), **names)
        assert done.config.monitoring.max_history_size == 5000
        assert done.config.to_dict()["monitoring"]["export_interval_seconds"] == 1800

    def test_the_optimization_file_holds_its_defaults(self, tmp_path: Path) -> None:
        text = (DOCUMENTS / "3-optimization-engine.md").read_text(encoding="utf-8")
        block = re.search(r"^```yaml\n(repetitive.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert block
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "optimization_config.yaml").write_text(block[1])
        given = [one for one in read(environment={}) if one.given]
        assert len(given) == 17 and all(one.value == one.key.default for one in given)


class TestNotifications:
    """The notification system of the training scheduler's document."""

    NAMES: ClassVar[dict[str, Any]] = {
        "NotificationConfig": NotificationConfig,
        "NotificationType": NotificationType,
    }

    def routes(self, *headings: str, **names: Any) -> dict[str, Route]:
        config = run(example(TRAINING, *headings), **self.NAMES, **names).notifications
        with Offhours(":memory:") as app:
            return dict(app.notify(config).routes)

    def test_email(self) -> None:
        mail = self.routes("Notification System", "Email Notifications")["email"].channel
        assert isinstance(mail, Mail)
        assert (mail.host, mail.port, mail.tls) == ("smtp.gmail.com", 587, "starttls")
        assert mail.to == ("admin@company.com", "ops@company.com")
        assert "your-app-password" not in repr(mail)

    def test_webhook(self) -> None:
        hook = self.routes("Notification System", "Webhook Integration")["webhook"].channel
        assert isinstance(hook, Webhook)
        assert repr(hook) == "Webhook('https://api.yourcompany.com/***')"
        assert sorted(hook.headers) == ["Authorization", "Content-Type"]

    def test_memory(self) -> None:
        route = self.routes("Notification System", "Memory Storage")["memory"]
        assert route.labels == {"tenant_id": "your-tenant", "importance_score": 8}

    def test_advanced_configuration(self) -> None:
        routes = self.routes("Advanced Configuration", **TestTraining.NAMES)
        assert list(routes) == ["log", "email", "webhook"]


class Learning:
    """A learner as the training scheduler's document calls one."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def trigger_learning_cycle(self, tenant_id: str, force_training: bool = False) -> Any:
        self.asked.append({"tenant_id": tenant_id, "force_training": force_training})
        return {"status": "completed", "quality_score": 0.9}


class Remembering:
    """A memory service, as far as the document says what one is."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def store_memory(self, content: str) -> None:
        self.kept.append(content)


class TestTraining:
    """The training scheduler's document."""

    NAMES: ClassVar[dict[str, Any]] = {
        name: getattr(offhours, name)
        for name in ("AutonomousConfig", "SafetyControls", "SafetyLevel")
    }

    @pytest.fixture
    def learner(self) -> Learning:
        return Learning()

    @pytest.fixture
    def scheduler(self, learner: Learning) -> Iterator[offhours.SchedulerManager]:
        """What the document's first example makes, started."""
        memory = Remembering()
        done = run_async(
            example(TRAINING, "Basic Usage"), your_learner=learner, your_memory_service=memory
        )
        yield done.scheduler
        done.scheduler.stop_scheduler()

    def test_basic_usage(self, scheduler: offhours.SchedulerManager) -> None:
        assert scheduler.running
        [told] = scheduler.list_schedules()
        assert (told["tenant_id"], told["name"]) == ("your-tenant", "Daily Training")
        assert (told["cron_expression"], told["timezone"]) == ("0 2 * * *", "UTC")
        assert told["description"] == "Daily autonomous training"

    def test_advanced_configuration(self) -> None:
        names = {**TestNotifications.NAMES, **self.NAMES}
        config = run(example(TRAINING, "Advanced Configuration"), **names).config
        controls = config.controls()
        assert (controls.level, controls.max_training_time_minutes) == ("strict", 60)
        assert (controls.min_data_threshold, controls.max_data_threshold) == (500, 10_000)
        assert (controls.max_memory_usage_mb, controls.max_cpu_usage_percent) == (2048, 75.0)
        assert (controls.max_consecutive_failures, controls.failure_cooldown_hours) == (2, 24)
        assert controls.max_load_per_core == 1.0  # of its level

    def test_schedule_management(
        self, scheduler: offhours.SchedulerManager, capsys: pytest.CaptureFixture[str]
    ) -> None:
        [schedule_id] = scheduler.schedules
        done = run(
            example(TRAINING, "Schedule Management"), scheduler=scheduler, schedule_id=schedule_id
        )
        assert len(done.schedules) == 1
        told = capsys.readouterr().out
        assert "Status: active" in told and "Success rate: 0/0" in told
        assert scheduler.list_schedules() == []

    def test_cron_expressions(self, scheduler: offhours.SchedulerManager) -> None:
        text = TRAINING.read_text(encoding="utf-8")
        lines = re.findall(r"^([\d*/ ,-]{9,14}?) +# ", text, re.MULTILINE)
        assert len(lines) == 7
        for n, expression in enumerate(lines):
            made = scheduler.create_training_schedule("t", str(n), expression)
            told = scheduler.get_schedule_status(made)
            assert told is not None and told["cron_expression"] == expression

    def test_resource_monitoring(
        self, scheduler: offhours.SchedulerManager, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run_async(example(TRAINING, "Resource Monitoring"), scheduler=scheduler)
        assert re.fullmatch(
            r"Memory: [\d.]+ MB \([\d.]+%\)\nCPU: [\d.]+%\n", capsys.readouterr().out
        )

    def test_manual_recovery(self, scheduler: offhours.SchedulerManager, learner: Learning) -> None:
        [schedule_id] = scheduler.schedules
        code = example(TRAINING, "Manual Recovery")
        names = {"scheduler": scheduler, "schedule_id": schedule_id}
        done = run_async(code, autonomous_learner=learner, **names)
        assert done.failed_schedules == [] and done.result["status"] == "completed"
        assert learner.asked == [{"tenant_id": "your-tenant", "force_training": True}]
        guarded = run_async(code, autonomous_learner=scheduler, **names)
        assert guarded.result["status"] == "done" and len(learner.asked) == 2

    def test_statistics_and_system_status(
        self, scheduler: offhours.SchedulerManager, capsys: pytest.CaptureFixture[str]
    ) -> None:
        [schedule_id] = scheduler.schedules
        run(example(TRAINING, "Schedule Statistics"), scheduler=scheduler, schedule_id=schedule_id)
        assert "Last result: None" in capsys.readouterr().out
        code = example(TRAINING, "System Status")
        found = run(code, scheduler=scheduler, ScheduleStatus=offhours.ScheduleStatus)
        assert found.system_status == {
            "scheduler_running": True,
            "total_schedules": 1,
            "active_schedules": 1,
            "running_tasks": 0,
        }
