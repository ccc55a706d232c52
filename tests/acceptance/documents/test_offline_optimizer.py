"""The offline optimizer's document, example by example."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from tests.acceptance.documents.conftest import Example
from tests.acceptance.documents.doubles import Ollama, clean_up
from tests.acceptance.documents.source import Document
from tests.unit.recorder.loki_double import LokiDouble

import offhours
from offhours import TaskPriority, TaskStatus
from offhours.recorder.sinks.loki import LokiSink

DOCUMENT = Document("1-offline-optimizer.md")
ELSEWHERE = {"File Structure": "a drawing of the folders of another repository"}


def test_each_block_is_run_or_has_a_reason() -> None:
    DOCUMENT.accounts_for(ELSEWHERE)


class TestPerfCatcher:
    """Component 1, and the tools manager."""

    @DOCUMENT.runs("Component 1: Enhanced PerfCatcher / Configuration")
    def test_its_variables_are_read(
        self, example: Example, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        variables = re.findall(r"^(PERFCATCHER_\w+)=(\S+)", example.text(), re.MULTILINE)
        assert len(variables) == 5
        plain = offhours.PerfCatcherInterceptor().settings
        for name, value in variables:
            monkeypatch.setenv(name, value)
        assert offhours.PerfCatcherInterceptor().settings == plain, "they are the defaults"
        monkeypatch.setenv("PERFCATCHER_WINDOW_SIZE", "7")
        assert offhours.PerfCatcherInterceptor().settings.window_size == 7

    @DOCUMENT.runs("Component 1: Enhanced PerfCatcher / Usage")
    def test_usage(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        done = example.run()
        assert done.perfcatcher is offhours.get_perfcatcher_interceptor()
        assert done.perfcatcher.get_tool_stats("expensive_tool")["threshold"] == 0.15
        told = capsys.readouterr().out.splitlines()
        assert told[0] == "Buffer size: 20 requests"
        assert re.fullmatch(r"Duration: \d+\.\ds", told[1])
        assert told[2:] == ["Mean: 12.50ms", "P95: 12.50ms"]

    @DOCUMENT.runs("Buffer Dump Format")
    def test_a_dump_has_the_documented_form_and_labels(self, example: Example) -> None:
        recorder = offhours.get_perfcatcher_interceptor()
        recorder.record("slow_tool", 12.5)
        documented = json.loads(re.sub(r",?\s*//.*", "", example.text()))
        dump = recorder.dump_now()
        assert dump is not None
        ours = dump.document()
        assert documented.keys() <= ours.keys()
        assert documented["type"] == ours["type"]
        assert documented["buffer_duration_s"] == ours["buffer_duration_s"] == 30
        assert list(documented["requests"][0]) == list(ours["requests"][0])
        below = DOCUMENT.section("Buffer Dump Format")
        labels = dict(re.findall(r"^- `(\w+)`: (.+)$", below, re.MULTILINE))
        assert labels.keys() == dump.labels.keys()
        assert {labels[name].strip("`") for name in ("job", "type")} == {
            dump.labels[name] for name in ("job", "type")
        }
        assert dump.labels["severity"] in labels["severity"]

    def test_by_the_documented_rule_the_whole_buffer_is_dumped_by_a_slow_call(self) -> None:
        recorder = offhours.PerfCatcherInterceptor(mode="threshold", sinks=())
        for _ in range(30):
            recorder.record("steady_tool", 10.0)
        recorder.record("steady_tool", 11.9)  # 19 % over the mean
        recorder.flush()
        assert recorder.dumps == ()
        recorder.record("steady_tool", 12.5)
        recorder.flush()
        [dump] = recorder.dumps
        assert (dump.triggered_by, dump.buffer_size) == ("steady_tool", 32)
        assert dump.labels["severity"] == "medium"
        recorder.close()

    @DOCUMENT.runs("Tool Interceptor Integration")
    def test_every_tool_call_is_recorded(self, example: Example) -> None:
        done = example.run()
        assert done.result == "VALUE"
        stats = offhours.get_perfcatcher_interceptor().get_tool_stats("my_tool")
        assert (stats["count"], stats["mean_ms"] > 0) == (1, True)
        assert offhours.get_perfcatcher_interceptor().get_buffer_stats()["buffer_size"] == 1

    @DOCUMENT.runs("4. Performance Monitoring")
    def test_thresholds_of_tools(self, example: Example) -> None:
        done = example.run()
        for tool, threshold in (("database_query", 0.10), ("api_call", 0.25)):
            assert done.perfcatcher.get_tool_stats(tool)["threshold"] == threshold

    @DOCUMENT.runs("Check PerfCatcher Buffer")
    def test_check_the_buffer(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        example.run()
        assert re.fullmatch(r"Buffer: 0 requests, \d+\.\ds\n", capsys.readouterr().out)

    @DOCUMENT.runs("Buffer Not Dumping")
    def test_buffer_not_dumping(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        example.run()
        assert capsys.readouterr().out == "Threshold: 20.0%\nLoki not available\n"


class TestLoki:
    """The commands that ask Loki, against a double of it. `start=1h` is `since=1h`."""

    @pytest.fixture
    def loki(self) -> Iterator[LokiDouble]:
        """Holds a severe dump and a common one."""
        double = LokiDouble()
        recorder = offhours.PerfCatcherInterceptor(
            mode="threshold", cooldown=0, sinks=[LokiSink(double.url)]
        )
        for tool, slow in (("a_bit_slow", 14.0), ("very_slow", 500.0)):
            for _ in range(30):
                recorder.record(tool, 10.0)
            recorder.record(tool, slow)
            recorder.flush(timeout=10)
        recorder.close()
        yield double
        double.close()

    def asked(self, loki: LokiDouble, command: str) -> list[tuple[str, str]]:
        """What a `curl -G` brings: the labels of each line that it finds."""
        words = shlex.split(command)
        assert words[:2] == ["curl", "-G"]
        url = words[2].replace("http://localhost:3100", loki.url)
        query = [words[n + 1].split("=", 1) for n, w in enumerate(words) if w == "--data-urlencode"]
        with urlopen(f"{url}?{urlencode(dict(query))}", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        assert (told["status"], told["data"]["resultType"]) == ("success", "streams")
        return sorted(
            (stream["stream"]["triggered_by"], json.loads(line)["type"])
            for stream in told["data"]["result"]
            for _, line in stream["values"]
        )

    @DOCUMENT.runs("Querying Buffer Dumps", "Query Loki for Performance Data")
    def test_dumps_are_found(self, example: Example, loki: LokiDouble) -> None:
        text = example.text("Querying Buffer Dumps") + example.text(
            "Query Loki for Performance Data"
        )
        commands = re.findall(r"^curl (?:.*\\\n)*.*$", text, re.MULTILINE)
        assert len(commands) == 3
        both, severe = ["a_bit_slow", "very_slow"], ["very_slow"]
        for command, tools in zip(commands, (both, both, severe), strict=True):
            with pytest.raises(HTTPError, match="400"):
                self.asked(loki, command)
            found = self.asked(loki, command.replace("start=", "since="))
            assert found == [(tool, "perfcatcher_buffer_dump") for tool in tools]


class TestPriorityScheduler:
    """Component 2."""

    @DOCUMENT.runs("Priority Levels")
    def test_priority_levels(self, example: Example) -> None:
        theirs = example.run().TaskPriority
        assert {p.name: p.value for p in theirs} == {p.name: p.value for p in TaskPriority}

    @DOCUMENT.runs("Component 2: Priority-Aware Task Scheduler / Configuration")
    def test_configuration(self, example: Example) -> None:
        scheduler = example.run().scheduler
        settings = scheduler.app.settings
        assert (settings.threads, settings.max_queue_size) == (2, 1000)
        assert settings.background_throttle == 100_000
        assert scheduler.get_task(scheduler.submit(clean_up)).wait(10) is TaskStatus.COMPLETED

    @DOCUMENT.runs("Component 2: Priority-Aware Task Scheduler / Usage")
    def test_usage(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        done = example.run()
        told = capsys.readouterr().out
        words = ("Status: ", "Duration: ", "Tasks completed: ", "High priority: ", "Background: ")
        assert all(word in told for word in words)
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

    @DOCUMENT.runs("Workflow Integration")
    def test_background_tasks_wait_for_the_workflow(self, example: Example) -> None:
        done = example.run()  # while it goes on, the workflow itself looks
        assert not done.scheduler.has_active_workflows()
        paused = done.scheduler.get_task(done.workflow.background)
        assert paused.wait(10) is TaskStatus.COMPLETED, "resumed when it was inactive"
        assert sorted(done.workflow.seen) == [1, 2, 3]

    @DOCUMENT.runs("Check Task Scheduler")
    def test_check_the_scheduler(
        self, example: Example, capsys: pytest.CaptureFixture[str]
    ) -> None:
        scheduler = offhours.get_global_scheduler()
        task = scheduler.get_task(scheduler.submit(clean_up))
        assert task is not None and task.wait(10) == "completed"
        example.run()
        told = capsys.readouterr().out
        assert told == "Tasks: 1 submitted, 1 completed\nQueue: 0 pending\n"


class TestScheduledTasks:
    """Components 3 and 4."""

    @pytest.fixture
    def ollama(self) -> Iterator[Ollama]:
        server = Ollama()
        yield server
        server.close()

    @DOCUMENT.runs("Natural Language Examples")
    def test_natural_language(self, example: Example) -> None:
        done = example.run()
        manager = done.task_manager
        assert manager is offhours.get_global_task_manager()
        made = [manager.create_task(each, "", each, func=clean_up) for each in done.schedules]
        assert [manager.get_task(each).cron_expression for each in made] == [
            "*/5 * * * *", "0 * * * *", "0 14 * * *", "0 12 * * 0", "0 0 * * 1", "0 0 * * 0",
            "0 0 1 * *",
        ]  # fmt: skip
        wanted = dict(re.findall(r'# "(.+)" -> "(.+)"', DOCUMENT.text))
        assert wanted == {"every sunday at noon": manager.get_task(made[3]).cron_expression}

    @DOCUMENT.runs("Creating Scheduled Tasks", "Managing Scheduled Tasks")
    def test_create_and_manage(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        done = example.run("Creating Scheduled Tasks")
        manager = done.task_manager
        poller, backup = manager.list_tasks()
        assert (poller.name, poller.cron_expression) == ("event_poller", "*/5 * * * *")
        assert poller.description == "Poll external API for new events"
        assert (poller.metadata["timeout"], poller.func) == (30, done.poll_api)
        assert (backup.task_id, backup.cron_expression) == (done.task_id, "0 2 * * *")
        stored = json.loads(Path("data/scheduled_tasks/tasks.json").read_text("utf-8"))
        assert [task["name"] for task in stored["tasks"]] == ["event_poller", "nightly_backup"]
        assert poller.tags == ["scheduled_task", "cron", "*/5 * * * *"]

        poller.handle.run_now().result(timeout=20)
        assert poller.last_result == {"asked": "https://api.example.com/events"}

        seen: list[str] = []
        delete = manager.delete_task
        manager.delete_task = lambda task_id: seen.append(
            f"{backup.run_count} {backup.error_count} {delete(task_id)}"
        )
        example.run("Managing Scheduled Tasks")
        told = capsys.readouterr().out
        assert "event_poller: */5 * * * *\n  Next run: " in told
        assert "  Run count: 0\n  Errors: 0\n" in told
        assert "nightly_backup: 0 2 * * *" in told
        assert seen == ["2 1 True"]
        assert manager.get_task(done.task_id) is None

    @DOCUMENT.runs("RAG Integration")
    def test_memory(self, example: Example, ollama: Ollama) -> None:
        example.surround().ollama_client.url = ollama.url
        done = example.run()
        assert done.rag.mode == "semantic"
        assert done.similar[0].name == "nightly_backup"
        assert 0 < len(done.similar) <= 10
        assert all("scheduled_task" in each.tags for each in done.similar)
        assert {each.artifact_type for each in done.similar} == {offhours.ArtifactType.PLAN}
        assert [each.name for each in done.weekly_tasks] == ["sundays"]
        assert ollama.asked == [], "when something runs is no question of meaning"
        assert done.rag.find_similar("keep copies")[0].name == "nightly_backup"
        assert {asked["model"] for asked in ollama.asked} == {"nomic-embed-text"}

    @DOCUMENT.runs("1. Event Polling", "2. Periodic Reports", "3. Data Cleanup")
    def test_use_cases(self, example: Example) -> None:
        for case, cron in (
            ("1. Event Polling", "*/2 * * * *"),
            ("2. Periodic Reports", "0 9 * * 0"),
            ("3. Data Cleanup", "0 3 * * *"),
        ):
            task = example.run(case).task_manager.list_tasks()[-1]
            assert (task.cron_expression, task.func) == (cron, clean_up)
            task.handle.run_now().result(timeout=20)
            assert task.last_result == "clean"

    @DOCUMENT.runs("Component 4: Background Scheduler Loop / Usage", "CLI Integration")
    def test_it_starts(self, example: Example) -> None:
        example.run("Component 4: Background Scheduler Loop / Usage")
        scheduler = offhours.get_global_background_scheduler()
        assert scheduler._running
        example.run("CLI Integration")
        assert scheduler._running

    @DOCUMENT.runs("Component 4: Background Scheduler Loop / Configuration")
    def test_its_configuration(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        manager = offhours.get_global_task_manager()
        manager.create_task("clean", "", "every hour", func=clean_up)
        done = example.run()
        told = capsys.readouterr().out.splitlines()
        assert [line.partition(":")[0] for line in told] == [
            "Checks performed", "Tasks executed", "Tasks failed", "Skipped due to workflows",
        ]  # fmt: skip
        assert done.scheduler.app is manager.app
        assert manager.app.settings.background_limit == 1
        assert done.stats["check_interval_seconds"] == 30

    @DOCUMENT.runs("Check Scheduled Tasks", "Check Background Scheduler")
    def test_check_them(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        manager = offhours.get_global_task_manager()
        manager.create_task("clean", "", "every hour", func=clean_up)
        example.run("Check Scheduled Tasks")
        told = capsys.readouterr().out
        assert "\nclean:\n  Enabled: True\n  Cron: 0 * * * *\n  Last run: None\n" in told
        example.run("Check Background Scheduler")
        assert "Executed: 0\nFailed: 0\n" in capsys.readouterr().out

    @DOCUMENT.runs("Background Tasks Not Running")
    def test_background_tasks_not_running(
        self, example: Example, capsys: pytest.CaptureFixture[str]
    ) -> None:
        example.run()
        assert offhours.get_global_background_scheduler()._running
        assert capsys.readouterr().out == ""
        offhours.get_global_scheduler().mark_workflow_active("wf")
        example.run()
        assert capsys.readouterr().out == "Workflows active - background tasks paused\n"
        offhours.get_global_scheduler().mark_workflow_inactive("wf")

    @DOCUMENT.runs("Tasks Not Executing")
    def test_tasks_not_executing(
        self, example: Example, capsys: pytest.CaptureFixture[str]
    ) -> None:
        done = example.run()
        told = capsys.readouterr().out
        assert "No function defined for task" in told and "disabled" not in told
        assert (done.next_run.hour, done.next_run.minute) == (14, 0)
        wanted = done.task.get_next_run_time()
        assert (wanted.hour, wanted.minute) == (14, 0)

    def test_five_failures_in_a_row_disable_a_task(self) -> None:
        manager = offhours.get_global_task_manager()
        key = manager.create_task("x", "", "every day at 2pm", func=clean_up)
        task = manager.get_task(key)
        assert task is not None
        for failures in range(5):
            assert task.enabled, failures
            manager.mark_task_run(key, success=False, error="API timeout")
        assert (task.enabled, task.error_count, task.last_error) == (False, 5, "API timeout")
