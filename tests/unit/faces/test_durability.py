"""What a face does with calls that can be stored, and with those that cannot."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from offhours import BackgroundTaskManager, Offhours, PriorityTaskScheduler, TaskStatus
from offhours.core.errors import ArgumentError, TaskError
from offhours.testing import FakeClock


def double(number: int) -> int:
    return 2 * number


def append_to(items: list[int], item: int) -> list[int]:
    items.append(item)
    return items


def make_object() -> object:
    return Thing()


class Thing:
    def method(self, number: int) -> Thing:
        self.number = number
        return self


class TestInMemory:
    def test_any_callable_runs(self, manager) -> None:
        thing = Thing()

        async def coroutine() -> str:
            return "awaited"

        calls = [
            (lambda: "lambda", (), "lambda"),
            (thing.method, (3,), thing),
            (functools.partial(double, 21), (), 42),
            (Thing, (), None),
            (coroutine, (), "awaited"),
            (double, (2,), 4),
        ]
        for function, args, expected in calls:
            task = manager.get_task(manager.submit_task(function, *args))
            assert task.wait(10) is TaskStatus.COMPLETED
            assert task.result == expected or (expected is None and type(task.result) is Thing)
            assert task.durable is False

    def test_arguments_and_results_are_the_very_objects(self, manager) -> None:
        items: list[int] = []
        task = manager.get_task(manager.submit_task(append_to, items, 1))
        task.wait(10)
        assert items == [1]
        assert task.result is items

    def test_names(self, manager) -> None:
        partial = functools.partial(functools.partial(double), 21)
        ids = [manager.submit_task(f) for f in (partial, lambda: None, Thing().method, Thing)]
        names = [manager.get_task(i).name for i in ids]
        assert names == ["double", "<lambda>", "method", "Thing"]

    def test_what_cannot_be_called_is_refused(self, manager) -> None:
        with pytest.raises(TaskError, match="expected a function"):
            manager.submit_task(5)
        assert manager.get_stats()["tasks_submitted"] == 0

    def test_metadata_must_be_plain(self) -> None:
        scheduler = PriorityTaskScheduler()
        with pytest.raises(ArgumentError, match="metadata"):
            scheduler.submit(int, metadata={"thing": Thing()})

    def test_instances_know_nothing_of_each_other(self) -> None:
        first, second = PriorityTaskScheduler(), PriorityTaskScheduler()
        task_id = first.submit(int)
        assert second.get_task(task_id) is None


class TestOnAFile:
    def test_a_task_survives_its_process(self, tmp_path: Path) -> None:
        path = tmp_path / "kept.db"
        task_id = PriorityTaskScheduler(database=path).submit(double, args=(21,))
        with PriorityTaskScheduler(database=path) as scheduler:
            scheduler.app.task(double)
            task = scheduler.get_task(task_id)
            assert task.wait(10) is TaskStatus.COMPLETED
            assert (task.result, task.name, task.durable) == (42, "double", True)
        assert PriorityTaskScheduler(database=path).get_task(task_id).result == 42

    def test_submitting_a_function_again_makes_it_known(self, tmp_path: Path) -> None:
        path = str(tmp_path / "kept.db")
        old = PriorityTaskScheduler(database=path).submit(double, args=(1,))
        with BackgroundTaskManager(database=path) as manager:
            manager.submit_task(double, 2)
            assert manager.get_task(old).wait(10) is TaskStatus.COMPLETED

    @pytest.mark.parametrize(
        ("function", "args"),
        [(lambda: 1, ()), (Thing().method, (1,)), (append_to, ([object()], 1)), (print, ("\0",))],
    )
    def test_what_cannot_be_stored_runs_in_this_process(
        self, tmp_path: Path, function, args
    ) -> None:
        with PriorityTaskScheduler(database=tmp_path / "mixed.db") as scheduler:
            task = scheduler.get_task(scheduler.submit(function, args=args))
            assert task.wait(10) is TaskStatus.COMPLETED
            assert task.durable is False

    def test_a_call_that_does_not_fit_is_a_failed_task(self, tmp_path: Path) -> None:
        with PriorityTaskScheduler(database=tmp_path / "mixed.db") as scheduler:
            task = scheduler.get_task(scheduler.submit(double, args=(1, 2)))
            assert task.wait(10) is TaskStatus.FAILED
            assert "TypeError" in task.error

    def test_a_result_that_cannot_be_stored_says_so(self, tmp_path: Path) -> None:
        with PriorityTaskScheduler(database=tmp_path / "mixed.db") as scheduler:
            task = scheduler.get_task(scheduler.submit(make_object))
            assert task.wait(10) is TaskStatus.COMPLETED
            assert isinstance(task.result, Thing)  # while this process lives
            assert "Thing" in task.note


def test_face_and_app_leave_the_same_rows_and_events(tmp_path: Path) -> None:
    seen = []
    for face in (True, False):
        app = Offhours(tmp_path / f"{face}.db", clock=FakeClock(), executor="inline")
        if face:
            scheduler = PriorityTaskScheduler(app=app)
            scheduler.submit(double, args=(4,), priority="high", name="first", metadata={"a": 1})
            scheduler.mark_workflow_active("wf")
            app.drain()
            scheduler.mark_workflow_inactive("wf")
        else:
            app.submit(
                double, args=(4,), priority="high", name="first", metadata={"a": 1}, timeout=None
            )
            lease = app.enter_foreground("wf")
            app.drain()
            app.leave_foreground(lease)
        seen.append((app.record(1), [event._replace(seq=0) for event in app.events()]))
        app.stop()
    assert seen[0] == seen[1]
    assert seen[0][0].state == "succeeded"
