"""The task scheduler telemetry document's seven validation steps, and what else it promises.

They are held whether the document is beside this checkout or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tests.acceptance.documents.doubles import busy_service
from tests.conftest import Until

import offhours
from offhours import Offhours, TaskSchedulerService
from offhours.core.errors import OptionError, QuotaExceeded, ScheduleError
from offhours.testing import memory_app


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
