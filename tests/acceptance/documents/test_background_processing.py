"""The background processing document, example by example."""

from __future__ import annotations

import inspect
import json
import logging
import re
import shlex
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django.conf
import pytest
import yaml
from django.test import RequestFactory
from django.utils.functional import empty
from tests.acceptance.documents.conftest import Example
from tests.acceptance.documents.doubles import clean_up, write_module
from tests.acceptance.documents.source import Document
from tests.conftest import Until

import offhours
import offhours.celery
from offhours import BackgroundTaskConfig, BackgroundTaskManager, TaskMonitor, TaskStatus
from offhours.core.times import parse_moment
from offhours.faces.intervals import RecurringTask
from offhours.faces.local_time import LOCAL
from offhours.sources.configuration import read

DOCUMENT = Document("4-background-processing.md")
ELSEWHERE = {
    "Install Dependencies": "the extra `celery` brings both",
    "Start Redis (Docker)": "starts a server of others",
    "Monitor Celery": "starts Flower, a program of others; deploy/compose.yaml has it",
    "Recommended Architecture": "a drawing of machines; docs/production.md has ours",
    "Demo Script": "names a file of another repository; `offhours demo` is ours",
}


def test_each_block_is_run_or_has_a_reason() -> None:
    DOCUMENT.accounts_for(ELSEWHERE)


def monitors() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "offhours-monitor"}


class TestTasks:
    @DOCUMENT.runs("Basic Usage")
    def test_basic_usage(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        done = example.run()
        told = capsys.readouterr().out.splitlines()
        assert told[0].startswith("Task status: ")
        assert told[1] in ("Result: None", "Result: 30")
        assert done.task.wait(10) is TaskStatus.COMPLETED
        assert (done.task.result, done.task.name, done.task.priority) == (30, "calculation", 50)
        assert done.task_manager.get_task_status(done.task_id) is TaskStatus.COMPLETED

    @DOCUMENT.runs("Scheduling Tasks")
    def test_scheduling(self, example: Example) -> None:
        done = example.run()
        manager = done.task_manager
        once = manager.get_task("2")
        assert once.record.run_at == parse_moment(done.future_time, timezone=LOCAL)
        assert once.status is TaskStatus.PENDING
        hourly = manager.get_task(done.task_id)
        assert isinstance(hourly, RecurringTask)
        assert manager.get_task_status(done.task_id) is TaskStatus.PENDING
        until_then = hourly.next_run_time - datetime.now().astimezone()
        assert timedelta(minutes=59) < until_then <= timedelta(hours=1)
        assert manager.cancel_task("2") and manager.cancel_task(done.task_id)
        assert manager.get_task_status(done.task_id) is TaskStatus.CANCELLED

    @DOCUMENT.runs("Automatic Retries")
    def test_retries(self, example: Example) -> None:
        done = example.run()
        task = done.task_manager.get_task(done.task_id)
        assert (task.name, task.max_retries, task.timeout) == ("might_fail", 3, 30)
        assert task.wait(20) is TaskStatus.COMPLETED
        assert (task.result, task.attempts) == ("reliable after all", 2)

    @DOCUMENT.runs("Performance Tuning / Threaded Worker")
    def test_threaded_worker(self, example: Example) -> None:
        manager = example.run().task_manager
        meeting = threading.Barrier(8)
        assert manager.get_stats()["max_workers"] == 8
        assert manager.app.settings.max_queue_size == 1000
        ids = [manager.submit_task(meeting.wait, 20) for _ in range(8)]
        assert {manager.get_task(each).wait(20) for each in ids} == {TaskStatus.COMPLETED}

    @DOCUMENT.runs("Troubleshooting / Debug Mode")
    def test_debug_mode(self, example: Example) -> None:
        others = monitors()  # of what ran in this process before
        manager = example.run().task_manager
        assert logging.getLogger("offhours").level == logging.DEBUG
        logging.getLogger("offhours").setLevel(logging.NOTSET)
        assert manager.monitor_enabled is False
        assert manager.get_task(manager.submit_task(clean_up)).wait(10) == "completed"
        assert monitors() <= others


@DOCUMENT.runs("Using with Orchestrator")
def test_with_orchestrator(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    done = example.run()
    told = [line.partition(": ") for line in capsys.readouterr().out.splitlines()]
    assert len(told) == len(done.task_ids) > 1
    assert json.loads(json.dumps(done.task_ids)) == done.task_ids
    assert {word for word, _, _ in told} == {"Phase status"}
    assert {status for _, _, status in told} <= set(TaskStatus)
    done.orchestrator.register("code", write_module)  # all else is there
    assert done.task_ids.wait(60) is TaskStatus.COMPLETED
    statuses = map(done.orchestrator.get_background_task_status, done.task_ids)
    assert set(statuses) == {TaskStatus.COMPLETED}
    packed = done.task_ids.results()["packaging"]["packed"]
    assert {"web_api.py", "authentication.py", "README.md"} <= packed.keys()
    done.orchestrator.shutdown()


class TestConfiguration:
    @DOCUMENT.runs("Configuration File (YAML)")
    def test_its_file_holds_its_defaults(self, example: Example) -> None:
        assert not any(one.given for one in read(environment={}))
        Path("omni_dev_bg_config.yaml").write_text(example.text(), "utf-8")
        assert sum(one.given for one in read(environment={})) == 16
        assert offhours.auto_load_config() == BackgroundTaskConfig()
        assert offhours.load_config("omni_dev_bg_config.yaml") == BackgroundTaskConfig()

    @DOCUMENT.runs("Environment Variables")
    def test_its_variables_are_read(
        self, example: Example, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = dict(re.findall(r'^export (\w+)="?([^"\s]+)"?', example.text(), re.MULTILINE))
        assert len(told) == 8
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        Path("omni_dev_bg_config.yaml").write_text("worker_type: celery\n", "utf-8")
        assert told.pop("OMNI_DEV_BG_USE_ENV") == "true"
        assert offhours.auto_load_config().worker_type == "threaded", "no file is read"
        assert {one.source for one in read(environment=told) if one.given} == set(told)
        monkeypatch.setenv("BG_THREADED_MAX_WORKERS", "7")
        assert offhours.load_config("env").threaded_worker.max_workers == 7

    @DOCUMENT.runs("Loading Configuration")
    def test_loading(self, example: Example) -> None:
        Path("config.yaml").write_text("threaded_worker: {max_workers: 3}\n", "utf-8")
        done = example.run()
        assert done.config == offhours.load_config("env")
        assert done.task_manager.worker_type == "threaded"
        assert done.task_manager.get_stats()["max_workers"] == 4

    @DOCUMENT.runs("Memory Management")
    def test_memory_management(self, example: Example) -> None:
        config = example.run().config
        assert config.monitoring.max_history_size == 5000
        assert config.to_dict()["monitoring"]["export_interval_seconds"] == 1800

    @DOCUMENT.runs("Configuration Classes")
    def test_its_class_has_the_documented_fields(self, example: Example) -> None:
        wanted = dict(re.findall(r"^    (\w+): (\w+)", example.text(), re.MULTILINE))
        have = {one.name: str(one.type) for one in fields(BackgroundTaskConfig)}
        assert len(wanted) == 6 and wanted.items() <= have.items()
        defaults = dict(re.findall(r'^    (\w+): \w+ = "(\w+)"', example.text(), re.MULTILINE))
        assert defaults == {name: getattr(BackgroundTaskConfig(), name) for name in defaults}


class TestMonitor:
    @DOCUMENT.runs("Using the Monitor", "Error Monitoring")
    def test_usage(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        example.run("Using the Monitor")
        assert capsys.readouterr().out.splitlines() == [
            "Success rate: 100.00%", "Tasks in queue: 0", "Tasks last hour: 3",
        ]  # fmt: skip
        exported = json.loads(Path("metrics.json").read_text("utf-8"))
        [metrics] = exported["tasks"].values()
        assert (metrics["total_executions"], metrics["successful_executions"]) == (3, 3)
        example.run("Error Monitoring")
        assert capsys.readouterr().out == "Error rate last 24h: 0.00%\n"

    @DOCUMENT.runs("Task Monitoring / Alerts")
    def test_tasks_that_fail_frequently_trigger_alerts(
        self, example: Example, capsys: pytest.CaptureFixture[str], until: Until
    ) -> None:
        monitor = example.run().monitor
        manager = offhours.get_task_manager()

        def broken() -> None:
            raise ValueError

        for _ in range(5):
            task = manager.get_task(manager.submit_task(broken, name="broken"))
            assert task is not None and task.wait(10) is TaskStatus.FAILED
        told = ""

        def both_alerts() -> bool:
            nonlocal told
            told += capsys.readouterr().out
            return told.count("ALERT: ") == 2

        monitor.app.monitor.look()
        until(both_alerts)
        assert "broken failed in the last" in told, "too large a share of them"
        assert "broken all failed" in told, "too many, one after the other"


class TestReference:
    @DOCUMENT.runs("API Reference / BackgroundTaskManager", "API Reference / TaskMonitor")
    @pytest.mark.parametrize(
        ("kind", "count"), [(BackgroundTaskManager, 8), (TaskMonitor, 6)], ids=lambda one: str(one)
    )
    def test_methods_take_what_is_documented(
        self, example: Example, kind: type, count: int
    ) -> None:
        texts = [example.text("API Reference / BackgroundTaskManager"),
                 example.text("API Reference / TaskMonitor")]  # fmt: skip
        [listing] = [text for text in texts if f"class {kind.__name__}:" in text]
        methods = re.findall(r"def (\w+)\(self(?:, (.*?))?\)", listing)
        assert len(methods) == count
        for name, wanted in methods:
            have = inspect.signature(getattr(kind, name)).parameters
            for one in filter(None, wanted.split(", ")):
                parameter, _, default = one.lstrip("*").partition("=")
                assert parameter in have, (name, parameter)
                assert not default or repr(have[parameter].default) == default


class TestCelery:
    """Its command lines, with our application. tests/acceptance/test_celery.py runs workers."""

    @pytest.fixture(autouse=True)
    def _application(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        file = tmp_path / "documented_jobs.py"
        file.write_text("def add(x, y):\n    return x + y\n", "utf-8")
        monkeypatch.setenv("OFFHOURS_APP", str(file))
        yield
        vars(offhours.celery).pop("celery_app", None)
        sys.modules.pop("documented_jobs", None)

    @DOCUMENT.runs(
        "Start Celery Worker", "Start Celery Beat (for scheduled tasks)",
        "Performance Tuning / Celery Worker",
    )  # fmt: skip
    def test_the_command_lines(self, example: Example) -> None:
        worker = _asked(example.text("Start Celery Worker"))
        assert [each["loglevel"] for each in worker] == [20]
        beat = _asked(example.text("Start Celery Beat (for scheduled tasks)"))
        assert [each["loglevel"] for each in beat] == [20]
        # Each task runs in a process of its own: what waits for it may be threads.
        tuned = example.text("Performance Tuning / Celery Worker")
        found = _asked(tuned.replace("--pool=eventlet", "--pool=threads"))
        assert [each["concurrency"] for each in found] == [4, 20]

    @DOCUMENT.runs("Docker Compose Example")
    def test_compose(self, example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
        services = yaml.safe_load(example.text())["services"]
        assert len(services) == 4
        for name in ("celery-worker", "celery-beat"):
            assert len(_asked(services[name]["command"])) == 1
        for line in services["omni-dev"]["environment"]:
            monkeypatch.setenv(*line.split("=", 1))
        config = offhours.load_config("env")
        assert config.worker_type == "celery"
        assert config.celery_worker.broker_url == "redis://redis:6379/0"


def _asked(text: str) -> list[dict[str, Any]]:
    """What each `celery -A` line of a text asks for, as Celery itself reads it."""
    from celery.app.utils import find_app
    from celery.bin.celery import celery

    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            program, _, name, command, *options = shlex.split(line)
            app = find_app(name)
            assert program == "celery" and app.conf.beat_schedule == {}
            made = celery.commands[command].make_context(
                command, options, obj=SimpleNamespace(app=app)
            )
            found.append(made.params)
    return found


@pytest.fixture
def django_settings() -> Iterator[None]:
    """Its defaults, whatever other tests have configured."""
    settings = django.conf.settings
    kept = dict(vars(settings))
    settings._wrapped = empty  # forgets all the rest, too
    settings.configure()
    yield
    vars(settings).clear()
    vars(settings).update(kept)


class TestIntegrations:
    @DOCUMENT.runs("With Flask")
    def test_with_flask(self, example: Example, until: Until) -> None:
        client = example.run().app.test_client()
        task_id = client.post("/submit_task", json=21).get_json()["task_id"]
        until(lambda: client.get(f"/task_status/{task_id}").get_json()["result"] is not None)
        assert client.get(f"/task_status/{task_id}").get_json() == {
            "status": "completed", "result": 42,
        }  # fmt: skip
        task = offhours.get_task_manager().get_task(task_id)
        assert task is not None and (task.name, task.priority) == ("api_task", 10)

    @DOCUMENT.runs("With Django")
    def test_with_django(self, example: Example, django_settings: None) -> None:
        view = example.run().submit_task_view
        answer = view(RequestFactory().post("/submit", {"data": "some"}))
        task = offhours.get_task_manager().get_task(json.loads(answer.content)["task_id"])
        assert task is not None and task.wait(10) is TaskStatus.COMPLETED
        assert (task.result, task.name) == ("SOME", "django_task")
