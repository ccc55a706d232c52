"""PriorityTaskScheduler: each promise of its document."""

from __future__ import annotations

import inspect
import itertools
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from offhours import Defer, PriorityTaskScheduler, QueueFull, TaskPriority, TaskStatus
from offhours.core.errors import ConfigError
from offhours.testing import memory_app


def test_signatures_are_the_documented_ones() -> None:
    made = inspect.signature(PriorityTaskScheduler).parameters
    assert [(n, made[n].default) for n in list(made)[:3]] == [
        ("num_workers", 2),
        ("max_queue_size", 1000),
        ("background_throttle_ms", 100),
    ]
    assert list(inspect.signature(PriorityTaskScheduler.submit).parameters)[1:] == [
        "func", "args", "kwargs", "priority", "name", "metadata",
    ]  # fmt: skip


def test_urgent_first_and_in_order_inside_a_priority(scheduler, gate) -> None:
    ran: list[tuple[str, int]] = []
    scheduler.submit(gate)
    assert gate.entered.wait(10)
    last = ""
    for number in range(3):
        for priority in reversed(TaskPriority):
            last = scheduler.submit(ran.append, args=((priority.name, number),), priority=priority)
    gate.opened.set()
    background = [i for i in range(1, int(last) + 1) if _priority(scheduler, i) == 100]
    scheduler.get_task(str(background[-1])).wait(10)
    assert ran == [(p.name, n) for p in TaskPriority for n in range(3)]


def _priority(scheduler: PriorityTaskScheduler, number: int) -> int:
    task = scheduler.get_task(str(number))
    assert task is not None
    return int(task.priority)


def test_a_task_tells_what_became_of_it(scheduler) -> None:
    task_id = scheduler.submit(
        pow, args=(2,), kwargs={"exp": 5}, name="power", metadata={"workflow_id": "wf_123"}
    )
    assert isinstance(task_id, str)
    task = scheduler.get_task(task_id)
    assert task.wait(10) is TaskStatus.COMPLETED
    assert (task.task_id, task.name, task.result, task.error) == (task_id, "power", 32, None)
    assert task.status == "completed"
    assert task.metadata == {"workflow_id": "wf_123"}
    assert task.priority is TaskPriority.NORMAL
    assert task.attempts == 1
    assert 0 <= task.duration_ms < 10_000
    assert task.created_at <= task.started_at <= task.finished_at
    assert task.finished_at.utcoffset() == datetime.now().astimezone().utcoffset()
    assert task.why().startswith("it succeeded")


def test_a_task_object_is_live(scheduler, gate) -> None:
    task = scheduler.get_task(scheduler.submit(gate))
    assert gate.entered.wait(10)
    assert task.status is TaskStatus.RUNNING
    assert task.result is None
    assert task.finished_at is None
    assert task.duration_ms >= 0
    gate.opened.set()
    task.wait(10)
    assert (task.status, task.result) == (TaskStatus.COMPLETED, "passed")


def test_an_exception_is_a_failed_task(scheduler) -> None:
    def boom() -> None:
        raise ValueError("no such number")

    task = scheduler.get_task(scheduler.submit(boom))
    assert task.wait(10) is TaskStatus.FAILED
    assert "ValueError: no such number" in task.error
    assert task.result is None
    assert scheduler.get_task(scheduler.submit(len)).wait(10) is TaskStatus.FAILED


@pytest.mark.parametrize("task_id", ["999", "", "abc", "-1", "1.0", "9" * 40, "²", None])
def test_unknown_ids_have_no_task(scheduler, task_id: Any) -> None:
    assert scheduler.get_task(task_id) is None
    assert scheduler.cancel(task_id) is False


class TestWorkflows:
    def test_low_and_background_wait_and_normal_runs(self, scheduler) -> None:
        scheduler.mark_workflow_active("wf_123")
        assert scheduler.has_active_workflows()
        waiting = [
            scheduler.get_task(scheduler.submit(int, priority=priority))
            for priority in (TaskPriority.LOW, TaskPriority.BACKGROUND)
        ]
        normal = scheduler.get_task(scheduler.submit(int, priority=TaskPriority.NORMAL))
        assert normal.wait(10) is TaskStatus.COMPLETED
        assert [task.status for task in waiting] == ["pending", "pending"]

        scheduler.mark_workflow_inactive("wf_123")
        assert not scheduler.has_active_workflows()
        assert [task.wait(10) for task in waiting] == ["completed", "completed"]

    def test_marking_is_idempotent(self, scheduler) -> None:
        scheduler.mark_workflow_active("one")
        scheduler.mark_workflow_active("one")
        scheduler.mark_workflow_active("two")
        assert scheduler.get_stats()["active_workflows"] == 2
        scheduler.mark_workflow_inactive("one")
        assert scheduler.has_active_workflows()
        scheduler.mark_workflow_inactive("two")
        scheduler.mark_workflow_inactive("two")
        scheduler.mark_workflow_inactive("never marked")
        assert not scheduler.has_active_workflows()

    def test_many_threads_may_mark_one(self, scheduler) -> None:
        threads = [
            threading.Thread(target=scheduler.mark_workflow_active, args=("wf",)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        scheduler.mark_workflow_inactive("wf")
        assert not scheduler.has_active_workflows()

    def test_they_hold_for_all_on_the_database(self, tmp_path) -> None:
        path = tmp_path / "both.db"
        with (
            PriorityTaskScheduler(database=path) as worker,
            PriorityTaskScheduler(database=path) as front,
        ):
            front.mark_workflow_active("wf")
            assert worker.has_active_workflows()
            worker.mark_workflow_inactive("wf")
            assert worker.has_active_workflows(), "who marked it ends it"
            front.mark_workflow_inactive("wf")
            assert not worker.has_active_workflows()

    def test_they_end_with_the_scheduler_and_can_be_marked_again(self, scheduler) -> None:
        scheduler.mark_workflow_active("wf")
        scheduler.stop()
        assert not scheduler.has_active_workflows()
        scheduler.start()
        scheduler.mark_workflow_active("wf")
        assert scheduler.has_active_workflows()

    def test_one_that_ended_under_us_can_be_marked_again(self, scheduler) -> None:
        scheduler.mark_workflow_active("wf")
        scheduler.app.stop()
        scheduler.app.start()
        scheduler.mark_workflow_active("wf")
        assert scheduler.has_active_workflows()
        scheduler.mark_workflow_inactive("wf")
        assert not scheduler.has_active_workflows()


def test_background_starts_are_apart() -> None:
    with PriorityTaskScheduler(num_workers=4, background_throttle_ms=40) as scheduler:
        ids = [scheduler.submit(int, priority=TaskPriority.BACKGROUND) for _ in range(3)]
        tasks = [scheduler.get_task(task_id) for task_id in ids]
        assert [task.wait(10) for task in tasks] == ["completed"] * 3
        starts = [task.started_at for task in tasks]
    gaps = [later - sooner for sooner, later in itertools.pairwise(starts)]
    assert min(gaps) >= timedelta(milliseconds=40)


def test_a_full_queue_says_so(gate) -> None:
    with PriorityTaskScheduler(num_workers=1, max_queue_size=2) as scheduler:
        scheduler.submit(gate)
        assert gate.entered.wait(10)
        scheduler.submit(int)
        scheduler.submit(int)
        with pytest.raises(QueueFull, match="2 jobs are pending"):
            scheduler.submit(int)
        assert scheduler.get_stats()["tasks_submitted"] == 3
        gate.opened.set()


def test_several_workers_work_at_once() -> None:
    meeting = threading.Barrier(3)
    with PriorityTaskScheduler(num_workers=3) as scheduler:
        ids = [scheduler.submit(meeting.wait, args=(20,)) for _ in range(3)]
        assert {scheduler.get_task(i).wait(20) for i in ids} == {TaskStatus.COMPLETED}


def test_cancel(scheduler, gate) -> None:
    running = scheduler.submit(gate)
    assert gate.entered.wait(10)
    waiting = scheduler.submit(int)
    assert scheduler.cancel(waiting) is True
    assert scheduler.get_task(waiting).status is TaskStatus.CANCELLED
    assert scheduler.cancel(waiting) is False, "it is final"
    assert scheduler.cancel(running) is False, "it runs already"
    gate.opened.set()
    scheduler.get_task(running).wait(10)
    assert scheduler.get_stats()["tasks_cancelled"] == 1


class TestStats:
    def test_they_add_up_while_many_submit(self, scheduler) -> None:
        def submit_some() -> None:
            for number in range(25):
                priority = TaskPriority.HIGH if number % 5 == 0 else TaskPriority.LOW
                scheduler.submit(int if number % 2 else len, priority=priority)

        threads = [threading.Thread(target=submit_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            _assert_adds_up(scheduler.get_stats())
        tasks = [scheduler.get_task(str(number)) for number in range(1, 101)]
        for task in tasks:
            task.wait(30)
        stats = scheduler.get_stats()
        _assert_adds_up(stats)
        assert stats["tasks_submitted"] == 100
        assert (stats["tasks_completed"], stats["tasks_failed"]) == (48, 52)
        assert (stats["high_priority_tasks"], stats["background_tasks"]) == (20, 80)

    def test_the_queue_is_what_waits(self, scheduler, gate) -> None:
        scheduler.submit(gate)
        assert gate.entered.wait(10)
        for priority in TaskPriority:
            scheduler.submit(int, priority=priority)
        stats = scheduler.get_stats()
        assert (stats["queue_size"], stats["active_tasks"]) == (5, 1)
        assert (stats["high_priority_tasks"], stats["background_tasks"]) == (2, 2)
        gate.opened.set()

    def test_they_are_those_of_the_database(self, tmp_path) -> None:
        path = tmp_path / "kept.db"
        for expected in (1, 2):
            with PriorityTaskScheduler(database=path) as scheduler:
                scheduler.get_task(scheduler.submit(abs, args=(-1,))).wait(10)
                assert scheduler.get_stats()["tasks_completed"] == expected


def _assert_adds_up(stats: dict[str, int]) -> None:
    parts = ("tasks_completed", "tasks_failed", "tasks_cancelled", "queue_size", "held_tasks")
    assert stats["tasks_submitted"] == sum(stats[p] for p in parts) + stats["active_tasks"]
    assert stats["high_priority_tasks"] + stats["background_tasks"] <= stats["tasks_submitted"]


class TestLife:
    def test_tasks_wait_for_the_start(self) -> None:
        scheduler = PriorityTaskScheduler()
        task = scheduler.get_task(scheduler.submit(int))
        assert task.status is TaskStatus.PENDING
        scheduler.start()
        scheduler.start()
        assert task.wait(10) is TaskStatus.COMPLETED
        scheduler.stop()

    def test_a_stopped_scheduler_answers_and_starts_again(self, scheduler) -> None:
        first = scheduler.get_task(scheduler.submit(str, args=(1,)))
        first.wait(10)
        assert scheduler.stop() is True
        assert scheduler.get_stats()["tasks_completed"] == 1
        assert scheduler.get_task(first.task_id).result == "1"
        late = scheduler.get_task(scheduler.submit(str, args=(2,)))
        assert late.status is TaskStatus.PENDING
        scheduler.start()
        assert late.wait(10) is TaskStatus.COMPLETED

    def test_stop_waits_for_what_runs(self, scheduler, gate) -> None:
        task = scheduler.get_task(scheduler.submit(gate))
        assert gate.entered.wait(10)
        assert scheduler.stop(timeout=0) is False
        assert task.status is TaskStatus.PENDING, "it was handed back"
        scheduler.start()
        gate.opened.set()
        assert scheduler.get_task(task.task_id).wait(10) is TaskStatus.COMPLETED
        assert scheduler.stop() is True

    def test_faults_of_the_constructor_carry_its_names(self) -> None:
        with pytest.raises(ConfigError) as caught:
            PriorityTaskScheduler(num_workers=0, max_queue_size=-1, background_throttle_ms=-1)
        keys = [fault.partition(":")[0] for fault in caught.value.faults]
        assert keys == ["num_workers", "max_queue_size", "background_throttle_ms"]

    def test_it_stands_on_a_given_app(self) -> None:
        app = memory_app()
        scheduler = PriorityTaskScheduler(app=app)
        task = scheduler.get_task(scheduler.submit(str, args=(7,)))
        assert app.drain() == 1
        assert (task.status, task.result) == (TaskStatus.COMPLETED, "7")
        scheduler.stop()


def test_naive_times_are_local(scheduler) -> None:
    until = datetime.now() + timedelta(hours=1)

    def later() -> None:
        raise Defer(until, "not now")

    task = scheduler.get_task(scheduler.submit(later))
    scheduler.get_task(scheduler.submit(int)).wait(10)
    assert task.status is TaskStatus.PENDING
    assert task.record.run_at == round(until.timestamp() * 1_000_000)
    assert (task.attempts, task.note) == (0, "not now")
    assert task.cancel() is True
