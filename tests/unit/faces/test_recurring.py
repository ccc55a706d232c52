"""schedule_task_once and schedule_task_interval: what is stored, and what lives in this process."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offhours import BackgroundTask, BackgroundTaskManager, Offhours, TaskStatus
from offhours.core.errors import NotStarted, ScheduleError, TaskError, TimeError
from offhours.faces.intervals import RecurringTask
from offhours.testing import FakeClock, MemoryApp, memory_app

HOUR = timedelta(hours=1)


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


@pytest.fixture
def manager(app: MemoryApp) -> BackgroundTaskManager:
    return BackgroundTaskManager(app=app)


def add(x: int, y: int) -> int:
    return x + y


def open_at(path: Path, clock: FakeClock) -> BackgroundTaskManager:
    return BackgroundTaskManager(app=Offhours(path, clock=clock, executor="inline"))


class TestOnce:
    def test_it_runs_at_its_time(self, app, manager) -> None:
        seen: list[int] = []
        run_at = app.clock.now().astimezone().replace(tzinfo=None) + timedelta(minutes=5)
        task_id = manager.schedule_task_once(lambda x, y: seen.append(x + y), run_at, 5, y=10)
        app.clock.advance("4m")
        app.drain()
        assert (manager.get_task_status(task_id), seen) == (TaskStatus.PENDING, [])
        app.clock.advance("1m")
        app.drain()
        assert (manager.get_task_status(task_id), seen) == (TaskStatus.COMPLETED, [15])

    def test_a_time_that_has_passed_is_now(self, app, manager) -> None:
        task_id = manager.schedule_task_once(add, datetime(2025, 1, 1, tzinfo=UTC), 5, 10)
        app.drain()
        assert manager.get_task(task_id).result == 15
        with pytest.raises(TimeError, match="run_at"):
            manager.schedule_task_once(add, HOUR, 5, 10)

    def test_it_can_be_cancelled(self, app, manager) -> None:
        task_id = manager.schedule_task_once(add, "2026-01-02T00:00+00:00", 5, 10, name="sum")
        task = manager.get_task(task_id)
        assert isinstance(task, BackgroundTask)
        assert task.name == "sum"
        assert manager.cancel_task(task_id) is True
        assert manager.get_task_status(task_id) is TaskStatus.CANCELLED


class TestInterval:
    def test_it_runs_again_and_again(self, app, manager) -> None:
        seen: list[object] = []
        task_id = manager.schedule_task_interval(seen.append, HOUR, seen)
        task = manager.get_task(task_id)
        assert isinstance(task, RecurringTask)
        assert (task.status, task.durable, task.run_count) == (TaskStatus.PENDING, False, 0)
        assert task.next_run_time == app.clock.now() + HOUR
        for n in range(1, 4):
            app.clock.advance("1h")
            app.drain()
            assert (len(seen), task.run_count) == (n, n)
        assert all(item is seen for item in seen), "the very object"

    def test_its_results_and_failures(self, app, manager) -> None:
        numbers = iter([2, 0])
        task = manager.get_task(manager.schedule_task_interval(lambda: 10 // next(numbers), "1h"))
        app.clock.advance("1h")
        app.drain()
        assert (task.result, task.error) == (5, None)
        for _ in range(8):
            app.clock.advance("1h")
            app.drain()
        assert (task.status, task.run_count) == (TaskStatus.PENDING, 9), "failures do not end it"
        assert task.result is None
        assert "StopIteration" in task.error
        assert task.last_run.status is TaskStatus.FAILED

    def test_status_while_it_runs(self, app, manager) -> None:
        seen: list[TaskStatus | None] = []
        task_id = ""

        def look() -> None:
            seen.append(manager.get_task_status(task_id))

        task_id = manager.schedule_task_interval(look, 60)
        app.clock.advance("1m")
        app.drain()
        assert seen == [TaskStatus.RUNNING]

    def test_cancelling(self, app, manager) -> None:
        seen: list[int] = []
        task_id = manager.schedule_task_interval(seen.append, HOUR, 1)
        app.clock.advance("1h")
        app.drain()
        assert manager.cancel_task(task_id) is True
        assert manager.cancel_task(task_id) is False
        assert manager.get_task_status(task_id) is TaskStatus.CANCELLED
        app.clock.advance("5h")
        app.drain()
        assert seen == [1]
        assert app.registry.names() == []
        assert manager.get_task("schedule-99") is None
        assert manager.cancel_task("schedule-x") is False

    def test_a_run_that_waits_is_cancelled_with_it(self, app, manager) -> None:
        task_id = manager.schedule_task_interval(add, HOUR, 1, 2, priority="background")
        app.clock.advance("59m55s")
        with app.foreground("wf"):
            app.clock.advance("5s")
            app.drain()
            [job] = app.jobs()
            assert job.state == "pending"
            assert manager.cancel_task(task_id) is True
        assert app.record(job.id).state == "cancelled"

    def test_faults(self, manager) -> None:
        with pytest.raises(ScheduleError, match="interval"):
            manager.schedule_task_interval(add, 0, 1, 2)
        with pytest.raises(TimeError, match="interval"):
            manager.schedule_task_interval(add, "often", 1, 2)
        with pytest.raises(TaskError, match="expected a function"):
            manager.schedule_task_interval(5, HOUR)
        manager.shutdown()
        with pytest.raises(NotStarted):
            manager.schedule_task_interval(add, HOUR, 1, 2)

    def test_shutdown_ends_what_lives_in_this_process(self, manager) -> None:
        task_id = manager.schedule_task_interval(lambda: 1, HOUR)
        manager.shutdown()
        assert manager.get_task_status(task_id) is TaskStatus.CANCELLED


class TestOnAFile:
    def test_what_can_be_stored_goes_on_after_a_restart(self, tmp_path: Path) -> None:
        clock, path = FakeClock(), tmp_path / "work.db"
        first = open_at(path, clock)
        task_id = first.schedule_task_interval(add, HOUR, 15, 25)
        assert first.get_task(task_id).durable is True
        first.shutdown()
        first.app.close()
        clock.advance("30m")
        second = open_at(path, clock)
        assert second.schedule_task_interval(add, HOUR, 15, 25) == task_id
        clock.advance("30m")
        second.app.drain()
        assert second.get_task(task_id).result == 40
        second.app.close()

    def test_a_closure_ends_with_its_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock, path = FakeClock(), tmp_path / "work.db"
        seen: list[int] = []
        first = open_at(path, clock)
        task_id = first.schedule_task_interval(lambda: seen.append(1), HOUR)
        assert first.get_task(task_id).durable is False
        clock.advance("1h")
        first.app.drain()
        assert seen == [1]

        second = open_at(path, clock)
        assert second.get_task(task_id) is not None, "its process is there"
        monkeypatch.setattr("offhours.faces.intervals.process_is_gone", lambda owner: True)
        third = open_at(path, clock)
        assert third.get_task(task_id) is None
        for manager in (first, second, third):
            manager.app.close()
        assert os.path.exists(path)
