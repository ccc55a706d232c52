"""BackgroundScheduler: scheduled tasks run, stay out of the way, and are counted."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path

import pytest

import offhours
from offhours import BackgroundScheduler, ScheduledTaskManager, TaskPriority
from offhours.core.errors import ConfigError
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app(timezone="UTC")


@pytest.fixture
def scheduler(app: MemoryApp) -> BackgroundScheduler:
    """Not started: it only counts."""
    return BackgroundScheduler(app=app)


def work() -> None: ...


def fail() -> None:
    raise OSError("no route to host")


def test_signature_is_the_documented_one() -> None:
    made = inspect.signature(BackgroundScheduler).parameters
    assert [(n, made[n].default) for n in list(made)[:2]] == [
        ("check_interval_seconds", 30),
        ("max_concurrent_tasks", 1),
    ]
    for wrong in (0, -1, 1.5, "2"):
        with pytest.raises(ConfigError, match="max_concurrent_tasks"):
            BackgroundScheduler(max_concurrent_tasks=wrong, app=memory_app())


def test_runs_are_counted(app, scheduler) -> None:
    manager = ScheduledTaskManager(app=app)
    manager.create_task("good", "", "every hour", work)
    manager.create_task("bad", "", "every hour", fail)
    app.submit(len, args=("not scheduled",))
    app.drain()
    app.clock.advance("1h")
    app.drain()
    stats = scheduler.get_stats()
    assert (stats["tasks_executed"], stats["tasks_succeeded"], stats["tasks_failed"]) == (2, 1, 1)
    assert (stats["tasks_running"], stats["tasks_waiting"]) == (0, 0)
    assert BackgroundScheduler(app=app).get_stats()["tasks_executed"] == 2
    app.clock.advance("1h")
    app.drain()
    assert scheduler.get_stats()["tasks_executed"] == 4
    assert stats["tasks_skipped"] == stats["tasks_skipped_due_to_workflows"] == 0


def test_tasks_wait_while_a_workflow_is_active(app, scheduler) -> None:
    manager = ScheduledTaskManager(app=app)
    manager.create_task("low", "", "every hour", work)
    manager.create_task("normal", "", "every hour", fail, priority=TaskPriority.NORMAL)
    app.clock.advance("59m55s")
    with app.foreground("wf"):
        app.clock.advance("5s")
        app.drain()
        stats = scheduler.get_stats()
        assert (stats["tasks_executed"], stats["tasks_failed"]) == (1, 1), "NORMAL runs"
        assert (stats["tasks_waiting"], stats["tasks_skipped_due_to_workflows"]) == (1, 1)
    app.clock.advance("1s")
    app.drain()
    stats = scheduler.get_stats()
    assert (stats["tasks_executed"], stats["tasks_waiting"]) == (2, 0)
    assert stats["tasks_skipped_due_to_workflows"] == 1


def test_fires_that_a_waiting_run_keeps_from_running_count_too(app, scheduler) -> None:
    ScheduledTaskManager(app=app).create_task("low", "", "every hour", work)
    lease = app.enter_foreground("wf")
    for _ in range(3):
        app.clock.advance("1h")
        app.leave_foreground(lease)
        lease = app.enter_foreground("wf")
        app.drain()
    stats = scheduler.get_stats()
    assert (stats["tasks_skipped"], stats["tasks_skipped_due_to_workflows"]) == (2, 3)
    app.leave_foreground(lease)
    app.clock.advance("1s")
    app.drain()
    stats = scheduler.get_stats()
    assert (stats["tasks_executed"], stats["tasks_skipped_due_to_workflows"]) == (1, 3)


def test_a_workflow_that_died_counts_for_nothing_later(app, scheduler) -> None:
    ScheduledTaskManager(app=app).create_task("low", "", "every hour", work)
    app.store.enter_foreground("wf", "a process that dies", 10_000_000, app.clock.micros())
    app.clock.advance("1h")
    app.drain()
    stats = scheduler.get_stats()
    assert (stats["tasks_executed"], stats["tasks_skipped_due_to_workflows"]) == (1, 0)


def test_a_workflow_that_begins_while_a_run_waits(app, scheduler) -> None:
    app.limit_background(1)
    opened = []
    manager = ScheduledTaskManager(app=app)

    def first() -> None:
        lease = app.enter_foreground("wf")  # the second one waits for us, then for the workflow
        opened.append(scheduler.get_stats()["tasks_skipped_due_to_workflows"])
        app.clock.advance("1m")
        app.leave_foreground(lease)

    manager.create_task("a", "", "every hour", first, "first")
    manager.create_task("b", "", "every hour", work)
    app.clock.advance("1h")
    app.drain()
    assert opened == [1]
    assert scheduler.get_stats()["tasks_executed"] == 2


def test_checks_wake_for_what_is_overdue_and_keep_the_copy(app, tmp_path: Path) -> None:
    manager = ScheduledTaskManager(tmp_path / "tasks.json", app=app)
    task_id = manager.create_task("t", "", "every hour", work)
    scheduler = BackgroundScheduler(30, task_manager=manager)
    assert scheduler.check() == 0
    app.clock.advance("1h")
    assert scheduler.check() == 1
    app.schedules.get(int(task_id)).delete()
    assert scheduler.check() == 0
    assert '"name"' not in (tmp_path / "tasks.json").read_text()
    assert scheduler.get_stats()["checks_performed"] == 3


def test_at_most_so_many_at_once(tmp_path: Path) -> None:
    most, now, lock, both = [0], [0], threading.Lock(), threading.Barrier(2)

    def count() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            both.wait(0.3)  # two at once would meet here
        except threading.BrokenBarrierError:
            both.reset()
        with lock:
            now[0] -= 1

    manager = ScheduledTaskManager(database=tmp_path / "work.db")
    ids = [manager.create_task(f"t{n}", "", "every hour", count, "count") for n in range(3)]
    scheduler = BackgroundScheduler(max_concurrent_tasks=1, task_manager=manager)
    assert scheduler._running is False
    scheduler.start()
    scheduler.start()
    assert scheduler._running is True
    jobs = [manager.get_task(task_id).handle.run_now() for task_id in ids]
    for job in jobs:
        job.result(timeout=30)
    assert most == [1]
    assert scheduler.get_stats()["running"] is True
    assert scheduler.stop() is True
    assert scheduler._running is scheduler.get_stats()["running"] is False
    manager.app.close()


def test_the_process_has_one(process_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(process_database.parent)
    scheduler = offhours.get_global_background_scheduler()
    assert scheduler is offhours.get_global_background_scheduler()
    assert scheduler._running is False
    assert offhours.start_background_scheduler() is scheduler
    assert scheduler._running is True
    assert scheduler.task_manager is offhours.get_global_task_manager()
    assert scheduler.app is offhours.get_global_scheduler().app
    assert scheduler.app.settings.background_limit == 1
    scheduler.stop()


@pytest.mark.parametrize("value", ["", "elsewhere/mine.json"])
def test_where_its_copy_is(
    process_database: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.chdir(process_database.parent)
    monkeypatch.setenv("OFFHOURS_TASKS_FILE", value)
    manager = offhours.get_global_task_manager()
    manager.create_task("t", "", "every hour", work)
    assert manager.storage_path == (process_database.parent / value if value else None)
    assert not (process_database.parent / "data").exists()
