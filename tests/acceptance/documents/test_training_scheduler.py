"""The training scheduler's document, example by example."""

from __future__ import annotations

import json
import logging
import re
from email import message_from_bytes, policy
from typing import Any
from urllib.error import HTTPError

import pytest
from tests.acceptance.documents.conftest import Example
from tests.acceptance.documents.doubles import Internet, Learner, MemoryService, call
from tests.acceptance.documents.source import Document

import offhours
from offhours import AutonomousConfig, NotificationManager, SafetyControls, SchedulerManager
from offhours.api import ApiServer
from offhours.core.errors import PhraseError
from offhours.faces.base import forget_shared
from offhours.testing import FakeMachine, memory_app

DOCUMENT = Document("2-training-scheduler.md")
ELSEWHERE = {
    "Installation": "installs what is not used here, and two modules that come with Python",
    "Testing": "names a file of another repository; tests/unit/faces/test_training.py has its list",
}


def test_each_block_is_run_or_has_a_reason() -> None:
    DOCUMENT.accounts_for(ELSEWHERE)


class TestSchedules:
    @DOCUMENT.runs("Basic Usage")
    def test_basic_usage(self, example: Example) -> None:
        done = example.run()
        assert done.scheduler.running
        [told] = done.scheduler.list_schedules()
        assert told["schedule_id"] == done.schedule_id
        assert (told["tenant_id"], told["name"]) == ("your-tenant", "Daily Training")
        assert (told["cron_expression"], told["timezone"]) == ("0 2 * * *", "UTC")
        assert told["description"] == "Daily autonomous training"
        job = done.scheduler.trigger_training(done.schedule_id, force_training=True)
        assert job.result(timeout=20)["status"] == "done"
        assert done.your_learner.asked == [{"tenant_id": "your-tenant", "force_training": True}]
        forget_shared()  # schedules and their history survive a restart
        again = SchedulerManager(Learner())
        [known] = again.list_schedules()
        assert known["schedule_id"] == done.schedule_id and known["successful_runs"] == 1

    @DOCUMENT.runs("Schedule Management")
    def test_management(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        done = example.run()
        assert len(done.schedules) == 1
        told = capsys.readouterr().out
        assert "Status: active" in told and "Success rate: 0/0" in told
        assert re.search(r"Next run: 20\d\d-\d\d-\d\dT02:00:00\+00:00", told)
        assert done.scheduler.list_schedules() == []
        kinds = [event.kind for event in done.scheduler.app.events()]
        assert [kind for kind in kinds if kind.startswith("schedule.")] == [
            "schedule.created", "schedule.paused", "schedule.resumed", "schedule.changed",
            "schedule.deleted",
        ]  # fmt: skip

    @DOCUMENT.runs("Cron Expression Guide / Format")
    def test_cron_format(self, example: Example) -> None:
        names, ranges = example.text().splitlines()
        assert names.split() == ["minute", "hour", "day_of_month", "month", "day_of_week"]
        bounds = [(int(a), int(b)) for a, b in re.findall(r"\((\d+)-(\d+)", ranges)]
        assert len(bounds) == 5
        with offhours.Offhours(":memory:") as app:
            for field, (least, most) in enumerate(bounds):
                for number in (least, most):
                    app.schedules.preview(_cron(field, number))
                with pytest.raises(PhraseError):
                    app.schedules.preview(_cron(field, most + 1))
            fires = [app.schedules.preview(_cron(4, number)).fires for number in (0, 7)]
            assert fires[0] == fires[1] and fires[0][0].isoweekday() == 7

    @DOCUMENT.runs("Common Examples")
    def test_cron_examples_mean_what_is_said(self, example: Example) -> None:
        lines = re.findall(r"^(\S+ \S+ \S+ \S+ \S+) +# (.+)$", example.text(), re.MULTILINE)
        with offhours.Offhours(":memory:") as app:
            found = {said: app.schedules.preview(cron).sentence for cron, said in lines}
        assert found == {
            "Daily at 2:00 AM": "every day at 02:00",
            "Every 6 hours": "every 6 hours",
            "Every Monday at 2:30 PM": "every monday at 14:30",
            "First day of every month at 9:00 AM": "on the 1st of the month at 09:00",
            "Every Sunday at midnight": "every sunday at 00:00",
            "Weekdays at 10:15 AM": "every weekday at 10:15",
            "Every 4 hours": "every 4 hours",
        }

    @DOCUMENT.runs("Manual Recovery")
    def test_manual_recovery(self, example: Example) -> None:
        done = example.run()
        assert done.failed_schedules == [] and done.result["status"] == "completed"
        assert done.your_learner.asked == [{"tenant_id": "your-tenant", "force_training": True}]
        guarded = example.wait(done.scheduler.trigger_learning_cycle("your-tenant", True))
        assert guarded["status"] == "done" and len(done.your_learner.asked) == 2

    @DOCUMENT.runs("Schedule Statistics", "System Status")
    def test_statistics(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        example.run("Schedule Statistics")
        assert capsys.readouterr().out == (
            "Total runs: 0\nSuccess rate: 0/0\nConsecutive failures: 0\nLast result: None\n"
        )
        assert example.run("System Status").system_status == {
            "scheduler_running": True, "total_schedules": 1, "active_schedules": 1,
            "running_tasks": 0,
        }  # fmt: skip


class TestSafety:
    @DOCUMENT.runs("Advanced Configuration")
    def test_advanced_configuration(self, example: Example) -> None:
        controls = example.run().config.controls()
        assert (controls.level, controls.max_training_time_minutes) == ("strict", 60)
        assert (controls.min_data_threshold, controls.max_data_threshold) == (500, 10_000)
        assert (controls.quality_threshold, controls.validation_threshold) == (0.8, 0.9)
        assert (controls.max_memory_usage_mb, controls.max_cpu_usage_percent) == (2048, 75.0)
        assert (controls.max_consecutive_failures, controls.failure_cooldown_hours) == (2, 24)
        assert controls.rollback_on_degradation and controls.backup_models
        assert controls.max_load_per_core == 1.0, "of its level"

    def test_the_levels_are_as_careful_as_is_said(self) -> None:
        strict, moderate, permissive = (
            SafetyControls(level=level) for level in ("strict", "moderate", "permissive")
        )
        assert SafetyControls() == moderate
        assert strict.quality_threshold >= 0.9
        assert (moderate.quality_threshold, moderate.validation_threshold) == (0.7, 0.85)
        assert (permissive.quality_threshold, permissive.validation_threshold) == (0.5, 0.7)
        for limit in ("max_cpu_usage_percent", "max_memory_percent", "max_consecutive_failures"):
            one, two, three = (getattr(each, limit) for each in (strict, moderate, permissive))
            assert one < two < three, limit

    @DOCUMENT.runs("Resource Monitoring")
    def test_resources(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        example.run()
        told = capsys.readouterr().out
        assert re.fullmatch(r"Memory: [\d.]+ MB \([\d.]+%\)\nCPU: [\d.]+%\n", told)

    @DOCUMENT.runs("Common Issues #1", "Common Issues #2")
    def test_common_issues(self, example: Example, capsys: pytest.CaptureFixture[str]) -> None:
        """Each block is of a shell first, and of Python then."""
        for key, told in (("Common Issues #1", "True"), ("Common Issues #2", "svmem")):
            install, word, code = re.split(r"^(from|import) ", example.text(key), flags=re.M)[:3]
            assert "pip install" in install
            code = f"{word} {code}"
            exec(compile(code, f"<{key}>", "exec"), {})
            assert capsys.readouterr().out.startswith(told)
        with offhours.Offhours(":memory:") as app:
            assert app.schedules.preview("0 2 * * *").sentence == "every day at 02:00"


class TestNotifications:
    """Each way as the document configures it, to servers of ours in the places of its hosts."""

    @DOCUMENT.runs("Email Notifications")
    def test_email(self, example: Example, internet: Internet) -> None:
        with internet.mail("smtp.gmail.com", 587, b"your-app-password") as inbox:
            manager = NotificationManager(example.run().notifications)
            assert manager.send("Training finished", "Quality rose") == {"email": True}
        [envelope] = inbox.letters
        assert envelope.rcpt_tos == ["admin@company.com", "ops@company.com"]
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert letter["Subject"] == "Training finished"
        assert inbox.logins == [(b"your-email@gmail.com", b"your-app-password")]

    @DOCUMENT.runs("Email Notifications")
    def test_email_never_goes_in_the_clear(self, example: Example, internet: Internet) -> None:
        with internet.mail("smtp.gmail.com", 587, None) as inbox:
            manager = NotificationManager(example.run().notifications)
            assert manager.send("Training finished", "Quality rose") == {"email": False}
        assert inbox.letters == [] and inbox.logins == []

    @DOCUMENT.runs("Webhook Integration")
    def test_webhooks(self, example: Example, internet: Internet) -> None:
        slack, own = example.run().made
        with internet.web("hooks.slack.com") as server:
            manager = NotificationManager(slack)
            assert manager.send("Training finished", "Quality rose") == {"webhook": True}
        [request] = server.requests
        assert (
            request.line == "POST /services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX HTTP/1.1"
        )
        assert request.headers["content-type"] == "application/json"
        assert list(json.loads(request.body)) == ["text"], "the only form that Slack takes"
        with internet.web("api.yourcompany.com") as server:
            manager = NotificationManager(own)
            assert manager.send("Training finished", "Quality rose") == {"webhook": True}
        [request] = server.requests
        assert request.line == "POST /webhooks/training HTTP/1.1"
        assert request.headers["authorization"] == "Bearer your-api-token"
        assert json.loads(request.body)["text"] == "Quality rose"

    @DOCUMENT.runs("Memory Storage")
    def test_memory_keeps_what_a_night_came_to(self, example: Example) -> None:
        config = AutonomousConfig(notifications=example.run().notifications)
        app, memory, learner = memory_app(timezone="UTC"), MemoryService(), Learner()
        scheduler = SchedulerManager(learner, memory, app=app, resource_monitor=FakeMachine())
        scheduler.create_training_schedule("your-tenant", "Daily", config=config)
        app.clock.advance("1h")
        app.drain()
        assert learner.asked == [], "it is one o'clock"
        app.clock.advance("1h")
        app.drain()
        assert len(learner.asked) == 1
        for _ in range(2):
            app.clock.advance("1m")
            app.notify().tick()
        [kept] = memory.kept
        assert (kept["tenant_id"], kept["importance"]) == ("your-tenant", 8)
        assert "done" in kept["content"]

    @DOCUMENT.runs("Advanced Configuration")
    def test_several_ways_at_once(
        self, example: Example, internet: Internet, caplog: pytest.LogCaptureFixture
    ) -> None:
        config = example.run().notifications
        with (
            internet.mail("smtp.gmail.com", 587, b"your-app-password") as inbox,
            internet.web("hooks.slack.com") as slack,
            caplog.at_level(logging.INFO, "offhours"),
        ):
            sent = NotificationManager(config).send("Training finished", "Quality rose")
        assert sent == {"log": True, "email": True, "webhook": True}
        assert len(inbox.letters) == len(slack.requests) == 1
        assert "Quality rose" in caplog.text
        assert slack.requests[0].headers["authorization"] == "Bearer your-token"


class TestLog:
    @DOCUMENT.runs("Logging", "Debug Mode", "Basic Usage")
    def test_operations_are_logged_with_what_is_listed(
        self, example: Example, caplog: pytest.LogCaptureFixture
    ) -> None:
        logging.getLogger("offhours").setLevel(logging.NOTSET)
        done = example.run("Debug Mode")
        assert done.logger is logging.getLogger("offhours")
        done = example.run("Basic Usage")
        example.run("Logging")
        job = done.scheduler.trigger_training(done.schedule_id, force_training=True)
        job.result(timeout=20)
        done.scheduler.trainer.learner.trigger_learning_cycle = lambda tenant_id, force_training: (
            1 / 0
        )
        done.scheduler.trigger_training(done.schedule_id, force_training=True).wait(20)
        done.logger.setLevel(logging.NOTSET)
        told = [record for record in caplog.records if record.name == "offhours.training"]
        messages = [record.getMessage() for record in told]
        assert messages[0] == f"schedule {done.schedule_id}: created"
        assert messages[1] == "cycle 1 begins"
        assert {record.schedule_id for record in told} == {int(done.schedule_id)}
        assert "Daily Training" in told[0].schedule
        cycles = [record for record in told if hasattr(record, "correlation_id")]
        assert len({record.correlation_id for record in cycles}) == 2
        assert hasattr(cycles[0], "usage"), "what the machine is used for"
        assert cycles[1].report["answer"]["quality_score"] == 0.9
        assert "ZeroDivisionError" in caplog.text and "Traceback" in caplog.text


class TestRest:
    """The ten routes, on a server."""

    @DOCUMENT.runs("REST Endpoints")
    def test_the_routes(self, example: Example) -> None:
        asked = re.findall(
            r"^(GET|POST|PUT|DELETE) (\S+)\n(\{.*?^\})?", example.text(), re.MULTILINE | re.DOTALL
        )
        scheduler = SchedulerManager(Learner())
        key, answers = "", []
        with ApiServer(scheduler.app) as server:
            for method, path, body in asked:
                url = server.url + path.replace("{schedule_id}", key).lstrip("/")
                status, told = call(method, url, server.token, body)
                assert status == (201 if not answers else 200), (path, told)
                key = key or told["schedule_id"]
                answers.append(told)
            for method, path, _ in asked[2:7]:
                url = server.url + path.replace("{schedule_id}", key).lstrip("/")
                with pytest.raises(HTTPError, match="404"):
                    call(method, url, server.token, "{}" if method == "PUT" else "")
        made, listed, one, changed, paused, resumed, deleted, started, stopped, status = answers
        assert (made["name"], made["cron_expression"]) == ("Production Training", "0 2 * * 6")
        assert made["config"]["quality_threshold"] == 0.7
        assert made["description"] == "Weekly production training"
        assert [row["schedule_id"] for row in listed["schedules"]] == [key]
        assert one == made
        assert (changed["name"], changed["cron_expression"]) == ("Updated Name", "0 3 * * 6")
        assert changed["description"] == made["description"], "what is not given stays"
        assert (paused["status"], resumed["status"]) == ("paused", "active")
        assert deleted["schedule_id"] == key
        assert (started["scheduler_running"], stopped["scheduler_running"]) == (True, False)
        assert _status(status) == (False, 0, 0)


def _cron(field: int, number: int) -> str:
    return " ".join(str(number) if n == field else "*" for n in range(5))


def _status(told: dict[str, Any]) -> tuple[Any, ...]:
    return told["scheduler_running"], told["total_schedules"], told["running_tasks"]
