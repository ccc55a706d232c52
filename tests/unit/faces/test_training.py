"""The scheduler manager: the training scheduler document's own test list, and its promises."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.training.learners import Centroids, golden, rows

from offhours import (
    AutonomousConfig,
    NotificationConfig,
    NotificationType,
    Offhours,
    SafetyControls,
    SafetyLevel,
    SchedulerManager,
    ScheduleStatus,
)
from offhours.core.errors import ConfigError, InputError, OptionError, PhraseError
from offhours.core.model import JobState
from offhours.faces.base import FaceApp
from offhours.faces.training_schedule import TrainingSchedule
from offhours.testing import FakeClock, FakeMachine, MemoryApp, memory_app

SECRET = "hunter2-canary"
Make = Callable[..., SchedulerManager]


class Plain:
    """A learner that makes its cycles itself, and answers what it is told to."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, bool]] = []
        self.undone: list[str] = []

    async def trigger_learning_cycle(self, tenant_id: str, force_training: bool = False) -> Any:
        self.asked.append((tenant_id, force_training))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def rollback(self, tenant_id: str) -> None:
        self.undone.append(tenant_id)


@pytest.fixture
def app() -> MemoryApp:
    return memory_app(timezone="UTC")


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def make(app: MemoryApp, machine: FakeMachine) -> Make:
    def scheduler(learner: Any = None, **options: Any) -> SchedulerManager:
        given = {"app": app, "resource_monitor": machine} | options
        return SchedulerManager(Plain() if learner is None else learner, **given)

    return scheduler


@pytest.fixture
def scheduler(make: Make) -> SchedulerManager:
    return make()


def nights(scheduler: SchedulerManager, count: int = 1) -> None:
    """Let so many nights pass, each to shortly after two o'clock."""
    for _ in range(count):
        now = scheduler.app.clock.now()
        to_two = (26 - now.hour) % 24 or 24
        scheduler.app.clock.advance(f"{to_two}h")  # type: ignore[attr-defined]
        scheduler.app.drain()


def status(scheduler: SchedulerManager, schedule_id: str) -> dict[str, Any]:
    found = scheduler.get_schedule_status(schedule_id)
    assert found is not None
    return found


# -- schedule creation and management -------------------------------------------------------


def test_a_schedule_is_created_and_told(scheduler: SchedulerManager) -> None:
    config = AutonomousConfig(training_schedule="0 2 * * *", min_data_threshold=100,
                              quality_threshold=0.7, validation_threshold=0.85)  # fmt: skip
    made = scheduler.create_training_schedule(
        tenant_id="acme", name="Daily Training", cron_expression="0 2 * * *", config=config,
        description="Daily autonomous training",
    )  # fmt: skip
    told = status(scheduler, made)
    assert told["schedule_id"] == made and isinstance(made, str)
    assert (told["tenant_id"], told["name"]) == ("acme", "Daily Training")
    assert told["description"] == "Daily autonomous training"
    assert (told["status"], told["cron_expression"]) == ("active", "0 2 * * *")
    assert told["explanation"] == "every day at 02:00"
    assert told["next_run"] == "2026-01-01T02:00:00+00:00"
    assert (told["total_runs"], told["successful_runs"], told["last_result"]) == (0, 0, None)
    assert json.dumps(told)
    assert [each["schedule_id"] for each in scheduler.list_schedules()] == [made]
    assert scheduler.schedules[made].status == ScheduleStatus.ACTIVE


def test_the_schedule_runs_the_learner(scheduler: SchedulerManager) -> None:
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    nights(scheduler, 3)
    assert scheduler.trainer.learner.asked == [("acme", False)] * 3
    told = status(scheduler, made)
    assert (told["total_runs"], told["successful_runs"]) == (3, 3)
    assert told["last_result"]["status"] == "done"
    assert told["last_run"] == "2026-01-03T02:00:00.000000Z"
    history = scheduler.get_schedule_history(made)
    assert len(history) == 3 and all(each["correlation_id"] for each in history)


def test_the_config_may_bring_the_schedule(scheduler: SchedulerManager) -> None:
    made = scheduler.create_training_schedule(
        "acme", "Weekly", config={"training_schedule": "every sunday at 3am",
                                  "timezone": "Europe/Berlin"},
    )  # fmt: skip
    told = status(scheduler, made)
    assert (told["cron_expression"], told["timezone"]) == ("0 3 * * 0", "Europe/Berlin")
    assert told["next_run"] == "2026-01-04T03:00:00+01:00"


def test_created_again_it_is_the_same(scheduler: SchedulerManager) -> None:
    one = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    assert scheduler.create_training_schedule("acme", "Daily", "0 2 * * *") == one
    assert scheduler.create_training_schedule("acme", "Daily", "0 3 * * *") == one
    assert scheduler.create_training_schedule("other", "Daily", "0 2 * * *") != one
    assert status(scheduler, one)["cron_expression"] == "0 3 * * *"


def test_what_is_no_schedule_is_refused(scheduler: SchedulerManager) -> None:
    for wrong in ("blue moon", "61 2 * * *"):
        with pytest.raises(PhraseError):
            scheduler.create_training_schedule("acme", "x", wrong)
    for tenant, name in (("", "x"), ("acme", ""), (None, "x")):
        with pytest.raises(InputError):
            scheduler.create_training_schedule(tenant, name, "0 2 * * *")  # type: ignore[arg-type]
    assert scheduler.schedules == {}


def test_pause_resume_update_delete(scheduler: SchedulerManager) -> None:
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    assert scheduler.pause_schedule(made)
    assert scheduler.schedules[made].status == ScheduleStatus.PAUSED
    nights(scheduler)
    assert scheduler.trainer.learner.asked == []
    assert scheduler.resume_schedule(made)
    assert scheduler.update_schedule(made, name="New Name", cron_expression="0 3 * * 6",
                                     description="new")  # fmt: skip
    told = status(scheduler, made)
    assert (told["name"], told["cron_expression"], told["description"]) == (
        "New Name", "0 3 * * 6", "new",
    )  # fmt: skip
    assert scheduler.update_schedule(made, enabled=False, timezone="Europe/Berlin")
    assert status(scheduler, made)["status"] == "paused"
    assert status(scheduler, made)["timezone"] == "Europe/Berlin"
    assert scheduler.update_schedule(made, config=AutonomousConfig(quality_threshold=0.5))
    assert status(scheduler, made)["config"]["quality_threshold"] == 0.5
    with pytest.raises(OptionError, match='did you mean "name"'):
        scheduler.update_schedule(made, nam="x")
    with pytest.raises(OptionError, match="only be set to 0"):
        scheduler.update_schedule(made, consecutive_failures=3)
    assert scheduler.delete_schedule(made)
    assert scheduler.get_schedule_status(made) is None and scheduler.list_schedules() == []


@pytest.mark.parametrize("unknown", ["999", "x", "", "-1"])
def test_what_is_not_there_is_told(scheduler: SchedulerManager, unknown: str) -> None:
    assert scheduler.get_schedule_status(unknown) is None
    assert scheduler.get_schedule_history(unknown) == []
    assert scheduler.trigger_training(unknown) is None
    for act in (scheduler.pause_schedule, scheduler.resume_schedule, scheduler.delete_schedule,
                scheduler.update_schedule):  # fmt: skip
        assert act(unknown) is False


def test_a_schedule_that_is_not_enabled_waits(scheduler: SchedulerManager) -> None:
    made = scheduler.create_training_schedule("acme", "D", "0 2 * * *", {"enabled": False})
    assert status(scheduler, made)["status"] == "paused"
    nights(scheduler)
    assert scheduler.trainer.learner.asked == []
    assert scheduler.create_training_schedule("acme", "D", "0 2 * * *", {"enabled": True}) == made
    assert status(scheduler, made)["status"] == "active"


# -- configuration --------------------------------------------------------------------------


def test_the_documents_complete_configuration_takes_the_stricter() -> None:
    config = AutonomousConfig(
        safety_controls=SafetyControls(level=SafetyLevel.STRICT, max_training_time_minutes=60),
        max_training_time=7200, auto_rollback=True, quality_threshold=0.95,
    )  # fmt: skip
    controls = config.controls()
    assert (controls.max_training_time_minutes, controls.quality_threshold) == (60, 0.95)
    assert controls.rollback_on_degradation
    assert not AutonomousConfig(auto_rollback=False).controls().rollback_on_degradation
    assert not AutonomousConfig(backup_models=False).controls().backup_models
    assert AutonomousConfig().controls() == SafetyControls()


def test_all_faults_of_a_configuration_come_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        AutonomousConfig.from_dict({
            "enabled": "yes", "timezone": "Mars", "quality_threshold": 7,
            "max_training_time": 5, "safety_controls": {"tolerance": 9, "levle": 1},
            "notifications": {"types": ["pigeon"]}, "trainig_schedule": "x",
            "training_schedule": "blue moon", "start_within": "soon",
        })  # fmt: skip
    told = " ".join(wrong.value.faults)
    for name in ("enabled", "timezone", "quality_threshold", "tolerance", '"levle"', "pigeon",
                 '"trainig_schedule"', 'training_schedule: "blue"', "start_within"):  # fmt: skip
        assert name in told, name


def test_a_configuration_goes_through_json_without_its_secrets() -> None:
    config = AutonomousConfig(
        safety_controls=SafetyControls(level="strict"),
        notifications=NotificationConfig(
            types=[NotificationType.WEBHOOK, NotificationType.EMAIL],
            webhook_url=f"https://hooks.example.com/{SECRET}",
            webhook_headers={"Authorization": SECRET, "X-Token": "env:TOKEN"},
            email_smtp_host="smtp.example.com", email_recipients=["a@example.com"],
            email_username="u", email_password="env:MAIL_PASSWORD",
        ),
    )  # fmt: skip
    text = json.dumps(config.to_dict())
    assert SECRET not in text and "env:MAIL_PASSWORD" in text and "env:TOKEN" in text
    again = AutonomousConfig.from_dict({**json.loads(text), "notifications": None})
    assert again.controls() == config.controls()


# -- safety control enforcement -------------------------------------------------------------


def test_a_busy_machine_holds_the_night_and_says_why(
    scheduler: SchedulerManager, machine: FakeMachine, app: MemoryApp
) -> None:
    controls = SafetyControls(max_memory_usage_mb=2048, max_cpu_usage_percent=75.0)
    made = scheduler.create_training_schedule(
        "acme", "Daily", "0 2 * * *", AutonomousConfig(safety_controls=controls)
    )
    machine.shows(memory_mb=3_000)
    nights(scheduler)
    held = status(scheduler, made)["held"]
    assert "3,000 MB" in held and "2,048 MB" in held
    machine.shows(memory_mb=1_000, cpu_percent=76)
    app.clock.advance("5m")
    app.drain()
    assert "76 %" in status(scheduler, made)["held"]
    for _ in range(60):
        app.clock.advance("5m")
        app.drain()
    told = status(scheduler, made)
    assert told["held"] is None and scheduler.trainer.learner.asked == []
    assert told["last_result"]["status"] == "skipped" and "76 %" in told["last_result"]["reason"]
    machine.shows(cpu_percent=5)
    nights(scheduler)
    assert status(scheduler, made)["last_result"]["status"] == "done"


def test_failures_begin_a_cool_down_that_can_be_ended(make: Make, app: MemoryApp) -> None:
    scheduler = make(Plain(RuntimeError("no data")))
    controls = SafetyControls(max_consecutive_failures=2, failure_cooldown_hours=24 * 30)
    made = scheduler.create_training_schedule(
        "acme", "Daily", "0 2 * * *", AutonomousConfig(safety_controls=controls)
    )
    nights(scheduler, 4)
    assert len(scheduler.trainer.learner.asked) == 2
    told = status(scheduler, made)
    assert (told["consecutive_failures"], told["failed_runs"]) == (2, 2)
    assert told["status"] == "active"  # the cool-down holds it, nobody has to resume it
    failed = [s for s in scheduler.list_schedules() if s["consecutive_failures"] > 0]
    assert [each["schedule_id"] for each in failed] == [made]
    assert scheduler.update_schedule(made, consecutive_failures=0)
    assert status(scheduler, made)["consecutive_failures"] == 0
    scheduler.trainer.learner.answer = {"status": "completed"}
    nights(scheduler)
    assert status(scheduler, made)["successful_runs"] >= 1


def test_after_the_cool_down_it_tries_again_by_itself(make: Make) -> None:
    scheduler = make(Plain({"success": False, "error": "bad"}))
    controls = SafetyControls(max_consecutive_failures=1, failure_cooldown_hours=36)
    made = scheduler.create_training_schedule(
        "acme", "Daily", "0 2 * * *", AutonomousConfig(safety_controls=controls)
    )
    nights(scheduler, 5)
    assert 2 <= len(scheduler.trainer.learner.asked) <= 3
    assert status(scheduler, made)["last_result"]["status"] in ("failed", "skipped")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, "done"),
        (True, "done"),
        ({"status": "completed", "quality_score": 0.9}, "done"),
        ({"status": "insufficient_data"}, "skipped"),
        ({"success": False}, "failed"),
        (False, "failed"),
        ({"quality_score": 0.1}, "refused"),
        ({"validation_score": float("nan")}, "refused"),
    ],
)
def test_what_a_learner_answers_counts(make: Make, answer: Any, state: str) -> None:
    scheduler = make(Plain(answer))
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    nights(scheduler)
    assert status(scheduler, made)["last_result"]["status"] == state
    assert scheduler.trainer.learner.undone == (["acme"] if state == "refused" else [])


def test_force_passes_the_gates_and_is_written_down(
    scheduler: SchedulerManager, machine: FakeMachine, app: MemoryApp
) -> None:
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    machine.shows(cpu_percent=99)
    held = scheduler.trigger_training(made)
    forced = scheduler.trigger_training(made, force_training=True)
    assert held is not None and forced is not None
    app.drain()
    assert held.status is JobState.PENDING
    assert forced.result()["status"] == "done"
    assert status(scheduler, made)["successful_runs"] == 1  # it is one of the schedule's
    assert scheduler.trainer.learner.asked == [("acme", True)]
    assert "job.forced" in [event.kind for event in app.events()]
    result = asyncio.run(scheduler.trigger_learning_cycle(tenant_id="acme", force_training=True))
    assert result["status"] == "done"


def test_usage_is_that_of_the_machine(scheduler: SchedulerManager) -> None:
    usage = asyncio.run(scheduler.resource_monitor.get_current_usage())
    assert {"memory_mb", "memory_percent", "cpu_percent"} <= set(usage)


# -- a learner that is judged ---------------------------------------------------------------


def test_a_learner_of_six_methods_is_judged(make: Make) -> None:
    scheduler = make(Centroids(), golden=golden(), model="blobs")
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    nights(scheduler)
    scheduler.trainer.learner.data = [(x, (y + 1) % 3) for x, y in rows(3, 900)]
    nights(scheduler)
    assert status(scheduler, made)["last_result"]["status"] == "refused"
    assert status(scheduler, made)["last_result"]["report"]["golden"] < 0.5
    assert scheduler.models("acme").get("blobs").aliases() == {"champion": 1}


# -- notification delivery ------------------------------------------------------------------


def test_each_outcome_is_told(make: Make, app: MemoryApp, caplog: Any) -> None:
    kept: list[dict[str, Any]] = []

    class Service:
        def store(self, content: str, tenant_id: str, importance_score: int, metadata: Any) -> None:
            kept.append({"content": content, "tenant": tenant_id, "score": importance_score})

    scheduler = make(Plain(RuntimeError("no GPU")), memory_service=Service())
    notifications = NotificationConfig(
        types=[NotificationType.MEMORY, NotificationType.LOG], memory_tenant_id="acme",
        memory_importance_score=9,
    )  # fmt: skip
    scheduler.create_training_schedule(
        "acme", "Daily", "0 2 * * *", AutonomousConfig(notifications=notifications)
    )
    scheduler.create_training_schedule("quiet", "Daily", "0 2 * * *")

    def night() -> None:
        nights(scheduler)
        for _ in range(3):
            app.clock.advance("2m")
            app.notify().tick()

    with caplog.at_level(logging.INFO, "offhours"):
        night()
        scheduler.trainer.learner.answer = {"status": "completed"}
        night()
    assert [each["tenant"] for each in kept] == ["acme", "acme"]
    assert "failed: RuntimeError: no GPU" in kept[0]["content"] and kept[0]["score"] == 9
    assert "done" in kept[1]["content"]
    assert any("no GPU" in record.getMessage() for record in caplog.records)


def test_notifications_change_and_end_with_the_schedule(
    scheduler: SchedulerManager, app: MemoryApp
) -> None:
    config = AutonomousConfig(notifications=NotificationConfig(types=["memory", "log"]))
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *", config)
    assert sorted(app.notify().routes) == [f"training-{made}-log", f"training-{made}-memory"]
    scheduler.update_schedule(
        made, config=AutonomousConfig(notifications=NotificationConfig(types=["log"]))
    )
    assert list(app.notify().routes) == [f"training-{made}-log"]
    scheduler.delete_schedule(made)
    assert list(app.notify().routes) == []


def test_secrets_reach_neither_the_database_nor_an_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = Offhours(tmp_path / "t.db", executor="inline", timezone="UTC")
    scheduler = SchedulerManager(Plain(), app=app, storage_path=tmp_path / "copy.json")
    config = AutonomousConfig(notifications=NotificationConfig(
        types=["webhook"], webhook_url=f"https://hooks.example.com/{SECRET}",
        webhook_headers={"Authorization": SECRET}, webhook_secret=SECRET,
    ))  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *", config)
        told = json.dumps(scheduler.get_schedule_status(made))
        assert scheduler.update_schedule(made, description="d")
        again = SchedulerManager(Plain(), app=app)  # it cannot know them any more, and says so
    assert "tells nobody until" in caplog.text
    assert again.trigger_training(made) is not None
    app.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert SECRET.encode() not in held
    assert SECRET not in told + caplog.text


# -- persistence and recovery ---------------------------------------------------------------


def test_schedules_and_their_record_survive_a_restart(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2026, 6, 1, tzinfo=UTC))
    app = FaceApp(tmp_path / "t.db", executor="inline", clock=clock)
    first = SchedulerManager(Plain(), app=app, resource_monitor=FakeMachine())
    made = first.create_training_schedule("acme", "Daily", "0 2 * * *")
    nights(first)
    app.close()
    app = FaceApp(tmp_path / "t.db", executor="inline", clock=clock)
    second = SchedulerManager(Plain(), app=app, resource_monitor=FakeMachine())
    assert list(second.schedules) == [made]
    nights(second)
    told = second.get_schedule_status(made)
    assert told is not None and told["total_runs"] == 2
    app.close()


def test_without_a_database_they_are_where_the_process_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offhours.faces.base import forget_shared

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "process.db"))
    made = SchedulerManager(Plain()).create_training_schedule("acme", "Daily", "0 2 * * *")
    forget_shared()
    assert list(SchedulerManager(Plain()).schedules) == [made]


def test_a_copy_as_json_brings_them_back(tmp_path: Path, machine: FakeMachine) -> None:
    one = memory_app(timezone="UTC")
    scheduler = SchedulerManager(Plain(), app=one, storage_path=tmp_path / "copy.json")
    config = AutonomousConfig(quality_threshold=0.5, timezone="Europe/Berlin")
    scheduler.create_training_schedule("acme", "Daily", "0 2 * * *", config, "described")
    paused = scheduler.create_training_schedule("acme", "Other", "every sunday at noon")
    scheduler.pause_schedule(paused)
    assert scheduler.backup_schedules(tmp_path / "by_hand.json") == 2
    other = memory_app(timezone="UTC")
    again = SchedulerManager(Plain(), app=other, storage_path=tmp_path / "copy.json")
    told = {each["name"]: each for each in again.list_schedules("acme")}
    assert told["Daily"]["config"]["quality_threshold"] == 0.5
    assert (told["Daily"]["timezone"], told["Daily"]["description"]) == (
        "Europe/Berlin", "described",
    )  # fmt: skip
    assert told["Other"]["status"] == "paused"
    third = SchedulerManager(Plain(), app=memory_app(timezone="UTC"), resource_monitor=machine)
    assert len(third.restore_schedules(tmp_path / "by_hand.json")) == 2
    assert third.restore_schedules(tmp_path / "by_hand.json") == []
    nights(third, 2)
    assert ("acme", False) in third.trainer.learner.asked
    (tmp_path / "broken.json").write_text('{"version": 1, "tasks": [{}]}')
    with pytest.raises(InputError, match=r"broken.json, line 1"):
        third.restore_schedules(tmp_path / "broken.json")


# -- error handling -------------------------------------------------------------------------


def test_what_is_no_learner_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match="trigger_learning_cycle"):
        make(object())
    with pytest.raises(ConfigError, match="autonomous_learner"):
        SchedulerManager()
    with pytest.raises(ConfigError, match="GoldenSet"):
        make(Centroids())


def test_a_cycle_that_was_cut_off_is_no_running_one(make: Make, app: MemoryApp) -> None:
    class Stops(Plain):
        def trigger_learning_cycle(self, **_: Any) -> Any:  # type: ignore[override]
            seen.append(dict(scheduler.running_tasks))
            raise KeyboardInterrupt

    seen: list[Any] = []
    scheduler = make(Stops())
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    nights(scheduler)
    [running] = seen
    assert list(running) == [made]
    assert scheduler.running_tasks == {}
    assert status(scheduler, made)["last_result"]["status"] == "failed"


# -- tenants --------------------------------------------------------------------------------


def test_tenants_do_not_see_or_move_each_others_schedules(scheduler: SchedulerManager) -> None:
    mine = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    scheduler.create_training_schedule("other", "Daily", "0 2 * * *")
    assert [s["schedule_id"] for s in scheduler.list_schedules("acme")] == [mine]
    assert scheduler.get_schedule_status(mine, tenant_id="other") is None
    assert scheduler.get_schedule_history(mine, tenant_id="other") == []
    assert scheduler.trigger_training(mine, tenant_id="other") is None
    for act in (scheduler.pause_schedule, scheduler.resume_schedule, scheduler.delete_schedule):
        assert act(mine, tenant_id="other") is False
    assert not scheduler.update_schedule(mine, tenant_id="other", name="stolen")
    told = status(scheduler, mine)
    assert (told["status"], told["name"]) == ("active", "Daily")


# -- running --------------------------------------------------------------------------------


def test_it_starts_and_stops_beside_a_loop(tmp_path: Path) -> None:
    scheduler = SchedulerManager(Plain(), database=tmp_path / "t.db",
                                 resource_monitor=FakeMachine())  # fmt: skip
    made = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")

    async def day() -> tuple[bool, bool]:
        assert not scheduler.running
        await scheduler.start_scheduler()
        assert scheduler.running
        result = await scheduler.trigger_learning_cycle("acme", force_training=True)
        assert result["status"] == "done"
        stopped = scheduler.stop_scheduler()
        assert not scheduler.running
        return await stopped, scheduler.running

    assert asyncio.run(day()) == (True, False)
    assert scheduler.get_system_status() == {
        "scheduler_running": False, "total_schedules": 1, "active_schedules": 1,
        "running_tasks": 0, "tenants": ["acme"],
    }  # fmt: skip
    asyncio.run(scheduler.start_scheduler())
    stopped = scheduler.stop_scheduler()
    assert stopped and not scheduler.running
    assert isinstance(scheduler.schedules[made], TrainingSchedule)
    scheduler.app.close()
