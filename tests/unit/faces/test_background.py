"""BackgroundTaskManager: each promise of its document."""

from __future__ import annotations

import inspect

import pytest

from offhours import BackgroundTaskManager, QueueFull, TaskPriority, TaskStatus
from offhours.core.errors import ConfigError, NotStarted, OptionError
from offhours.testing import memory_app


def test_signature_is_the_documented_one() -> None:
    made = inspect.signature(BackgroundTaskManager).parameters
    assert [(n, made[n].default) for n in list(made)[:4]] == [
        ("worker_type", "threaded"),
        ("max_workers", 4),
        ("queue_size", 100),
        ("monitor_enabled", True),
    ]


def test_positional_and_keyword_arguments_reach_the_function(manager) -> None:
    task_id = manager.submit_task(pow, 2, exp=5, name="power", priority=TaskPriority.HIGH)
    task = manager.get_task(task_id)
    assert task.wait(10) is TaskStatus.COMPLETED
    assert manager.get_task_status(task_id) is TaskStatus.COMPLETED
    assert manager.get_task_status(task_id).value == "completed"
    assert (task.result, task.name, task.priority) == (32, "power", TaskPriority.HIGH)


def test_urgent_tasks_overtake(manager, gate) -> None:
    ran: list[str] = []
    manager.submit_task(gate)
    assert gate.entered.wait(10)
    low = manager.submit_task(ran.append, "low", priority=TaskPriority.LOW)
    manager.submit_task(ran.append, "high", priority=TaskPriority.HIGH)
    gate.opened.set()
    manager.get_task(low).wait(10)
    assert ran == ["high", "low"]


def test_max_retries_of_two_are_three_attempts() -> None:
    calls: list[int] = []

    def unreliable() -> None:
        calls.append(1)
        raise OSError("connection reset")

    app = memory_app()
    with BackgroundTaskManager(app=app) as manager:
        task = manager.get_task(manager.submit_task(unreliable, max_retries=2))
        while app.drain():
            assert task.attempts == len(calls)
            app.clock.advance("1h")
        assert (len(calls), task.attempts, task.max_retries) == (3, 3, 2)
        assert task.status is TaskStatus.FAILED
        assert "OSError: connection reset" in task.error


def test_a_retry_that_succeeds_completes_the_task() -> None:
    calls: list[int] = []

    def second_time_lucky() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("connection reset")
        return "done"

    app = memory_app()
    with BackgroundTaskManager(app=app) as manager:
        task = manager.get_task(manager.submit_task(second_time_lucky, max_retries=3))
        app.drain()
        assert task.status is TaskStatus.PENDING
        assert task.duration_ms is None
        app.clock.advance("1h")
        app.drain()
        assert (task.status, task.result, task.attempts) == (TaskStatus.COMPLETED, "done", 2)


def test_without_max_retries_there_is_one_attempt(manager) -> None:
    task = manager.get_task(manager.submit_task(len))
    assert task.wait(10) is TaskStatus.FAILED
    assert task.attempts == 1


def test_a_timeout_fails_the_task_though_its_thread_goes_on(manager, gate) -> None:
    stuck = manager.get_task(manager.submit_task(gate, timeout=0.05))
    follower = manager.get_task(manager.submit_task(int))
    assert stuck.wait(20) is TaskStatus.FAILED
    assert not gate.opened.is_set()
    assert "timeout" in stuck.error
    assert stuck.timeout == 0.05
    assert follower.wait(20) is TaskStatus.COMPLETED
    stats = manager.get_stats()
    assert (stats["tasks_failed"], stats["tasks_completed"], stats["active_tasks"]) == (1, 1, 0)


def test_without_a_timeout_a_task_may_take_for_ever(manager) -> None:
    assert manager.get_task(manager.submit_task(int)).timeout is None


def test_a_full_queue_says_so(gate) -> None:
    with BackgroundTaskManager(max_workers=1, queue_size=1) as manager:
        manager.submit_task(gate)
        assert gate.entered.wait(10)
        manager.submit_task(int)
        with pytest.raises(QueueFull, match="1 jobs are pending"):
            manager.submit_task(int)
        gate.opened.set()


def test_cancel(manager, gate) -> None:
    running = manager.submit_task(gate)
    assert gate.entered.wait(10)
    waiting = manager.submit_task(int)
    assert manager.cancel_task(waiting) is True
    assert manager.get_task_status(waiting) is TaskStatus.CANCELLED
    assert manager.cancel_task(running) is False
    assert manager.cancel_task("no such task") is False


def test_unknown_ids(manager) -> None:
    assert manager.get_task("999") is None
    assert manager.get_task_status("999") is None


def test_stats(manager) -> None:
    manager.get_task(manager.submit_task(int)).wait(10)
    stats = manager.get_stats()
    assert (stats["tasks_submitted"], stats["tasks_completed"], stats["queue_size"]) == (1, 1, 0)
    assert (stats["worker_type"], stats["max_workers"], stats["running"]) == ("threaded", 1, True)


def test_after_shutdown_it_answers_and_takes_nothing_more(manager) -> None:
    task_id = manager.submit_task(str, 5)
    manager.get_task(task_id).wait(10)
    assert manager.shutdown() is True
    assert manager.shutdown() is True
    assert manager.get_task(task_id).result == "5"
    assert manager.get_stats()["running"] is False
    with pytest.raises(NotStarted, match="make a new one"):
        manager.submit_task(int)


def test_an_unknown_worker_type_is_refused() -> None:
    with pytest.raises(ConfigError, match='expected "threaded" or "celery", got \'gevent\''):
        BackgroundTaskManager(worker_type="gevent")


def test_a_broker_that_is_no_address_is_called_by_its_documented_name() -> None:
    with pytest.raises(ConfigError, match="broker_url: expected an address"):
        BackgroundTaskManager(worker_type="celery", broker_url="localhost")


def test_faults_carry_the_documented_names(manager) -> None:
    with pytest.raises(ConfigError, match=r"max_workers: .*queue_size: "):
        BackgroundTaskManager(max_workers=0, queue_size=-1)
    with pytest.raises(OptionError, match="retries"):
        manager.submit_task(int, max_retries=-1)
