"""ScheduledTaskManager and its tasks: each promise of their document."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import tzlocal

from offhours import Offhours, ScheduledTaskManager, TaskPriority
from offhours.core.errors import (
    ArgumentError,
    IllegalMove,
    OptionError,
    PhraseError,
    ScheduleError,
    TaskError,
)
from offhours.faces.local_time import LOCAL
from offhours.testing import FakeClock, MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app(timezone="UTC")


@pytest.fixture
def manager(app: MemoryApp) -> ScheduledTaskManager:
    return ScheduledTaskManager(app=app)


def work() -> str:
    return "worked"


def fail() -> None:
    raise OSError("no route to host")


def ran(app: MemoryApp, duration: str) -> int:
    app.clock.advance(duration)
    return app.drain()


class TestCreating:
    @pytest.mark.parametrize(
        ("schedule", "cron"),
        [
            ("every sunday at noon", "0 12 * * 0"),
            ("every 5 minutes", "*/5 * * * *"),
            ("0 2 * * *", "0 2 * * *"),
            ("@daily", "0 0 * * *"),
            ("every 30 seconds", "* * * * * */30"),  # others have the seconds last
            ("every day at 9:00 and 17:30", "0 9 * * *"),  # the one that comes next
            ("every 45 minutes", "45 0 1 1 *"),  # the next run alone
            ("in 90 minutes", "30 1 1 1 *"),
            (timedelta(days=2), "0 0 3 1 *"),
        ],
    )
    def test_cron_expression(self, manager, schedule, cron: str, monkeypatch) -> None:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
        task = manager.get_task(manager.create_task("t", "", schedule, func=work))
        assert task.cron_expression == cron

    def test_attributes(self, app, manager) -> None:
        task_id = manager.create_task(
            "poller", "Poll the API", "every 5 minutes", work, "poll", {"timeout": 30}
        )
        task = manager.get_task(task_id)
        assert (task.task_id, task.name, task.description) == (task_id, "poller", "Poll the API")
        assert (task.schedule, task.func, task.func_name) == ("every 5 minutes", work, "poll")
        assert task.metadata == {"explanation": "every 5 minutes", "timeout": 30}
        assert task.tags == ["scheduled_task", "cron", "*/5 * * * *"]
        assert (task.enabled, task.status, task.run_count, task.error_count) == (
            True, "active", 0, 0,
        )  # fmt: skip
        assert (task.last_run, task.last_result, task.last_error) == (None, None, None)
        assert task.created_at == app.clock.now()
        assert task.get_next_run_time() == app.clock.now() + timedelta(minutes=5)
        assert task.get_next_run_time().utcoffset() is not None
        assert task.record.priority == TaskPriority.BACKGROUND
        assert task.record.timeout is None

    def test_tags_of_other_schedules(self, manager) -> None:
        tags = [
            manager.get_task(manager.create_task(words, "", words, func=work)).tags
            for words in ("every day at 9:00 and 17:30", "every 45 minutes", "in 2 hours")
        ]
        assert tags == [
            ["scheduled_task", "cron", "0 9 * * *", "30 17 * * *"],
            ["scheduled_task", "every"],
            ["scheduled_task", "at"],
        ]

    def test_arguments_and_metadata_reach_the_run(self, app, manager) -> None:
        import offhours

        def report(what: str, times: int = 1) -> list[object]:
            return [what, times, offhours.context().metadata["to"]]  # type: ignore[operator]

        task_id = manager.create_task(
            "report", "", "every hour", report, metadata={"to": "ann"}, args=("x",),
            kwargs={"times": 2},
        )  # fmt: skip
        assert ran(app, "1h") == 1
        assert manager.get_task(task_id).last_result == ["x", 2, "ann"]

    def test_an_unclear_schedule_is_refused_with_choices(self, app, manager) -> None:
        with pytest.raises(PhraseError) as refused:
            manager.create_task("t", "", "every day at 9", func=work, func_name="work")
        assert refused.value.suggestions == ("every day at 9am", "every day at 9pm")
        assert manager.list_tasks() == []
        assert app.registry.names() == []

    @pytest.mark.parametrize("func", [lambda: 1, functools.partial(work)])
    def test_a_function_needs_a_name(self, manager, func) -> None:
        with pytest.raises(TaskError, match="name"):
            manager.create_task("t", "", "every hour", func=func)
        task = manager.get_task(manager.create_task("t", "", "every hour", func, "named"))
        assert (task.func, task.func_name) == (func, "named")

    def test_faults(self, manager) -> None:
        with pytest.raises(TaskError, match="give func, or func_name"):
            manager.create_task("t", "", "every hour")
        with pytest.raises(TaskError, match="expected a function"):
            manager.create_task("t", "", "every hour", func=5)
        with pytest.raises(OptionError, match="name: expected a text"):
            manager.create_task("", "", "every hour", func=work)
        with pytest.raises(OptionError, match="scheduled_task"):
            manager.create_task("t", "", "every hour", work, metadata={"scheduled_task": 1})
        with pytest.raises(OptionError, match='did you mean "jitter"'):
            manager.create_task("t", "", "every hour", work, jiter="1m")
        with pytest.raises(ArgumentError):
            manager.create_task("t", "", "every hour", work, metadata={"x": object()})

    def test_a_name_stands_for_one_task(self, manager) -> None:
        first = manager.create_task("t", "old", "every hour", func=work)
        assert manager.create_task("t", "new", "every 2 hours", func=fail) == first
        [task] = manager.list_tasks()
        assert (task.description, task.func, task.cron_expression) == ("new", fail, "0 */2 * * *")

    def test_another_function_of_the_same_name_is_refused(self, manager) -> None:
        manager.create_task("a", "", "every hour", work, "shared")
        with pytest.raises(TaskError, match="already another function"):
            manager.create_task("b", "", "every hour", fail, "shared")

    def test_a_decorated_task_is_taken_as_it_is(self, app, manager) -> None:
        handle = app.task(name="mine")(work)
        task = manager.get_task(manager.create_task("t", "", "every hour", handle))
        assert (task.func, task.func_name) == (work, "mine")


class TestRunning:
    def test_runs_are_counted(self, app, manager) -> None:
        task = manager.get_task(manager.create_task("t", "", "every hour", func=work))
        assert ran(app, "1h") == 1
        assert (task.run_count, task.error_count, task.last_result) == (1, 0, "worked")
        assert task.last_run == app.clock.now()
        assert task.last_error is None

    def test_five_failures_in_a_row_disable(self, app, manager) -> None:
        task_id = manager.create_task("t", "", "every hour", func=fail)
        task = manager.get_task(task_id)
        for n in range(1, 6):
            assert task.enabled
            assert ran(app, "1h") == 1
            assert task.error_count == n
        assert "no route to host" in task.last_error
        assert (task.enabled, task.status, task.get_next_run_time()) == (False, "disabled", None)
        assert manager.list_tasks(enabled_only=True) == []
        assert len(manager.list_tasks()) == 1
        assert manager.create_task("t", "", "every hour", func=fail) == task_id
        assert not task.enabled, "creating it again does not enable it"
        assert manager.enable_task(task_id)
        assert (task.enabled, task.error_count) == (True, 0)

    def test_reported_runs_feed_the_same_counters(self, app, manager) -> None:
        task_id = manager.create_task("t", "", "every hour", func=work)
        task = manager.get_task(task_id)
        assert manager.mark_task_run(task_id, success=True, result="Processed 100 events")
        assert (task.run_count, task.error_count) == (1, 0)
        assert (task.last_result, task.last_error) == ("Processed 100 events", None)
        assert task.last_run == app.clock.now()
        for n in range(1, 6):
            manager.mark_task_run(task_id, success=False, error="API timeout")
            assert (task.error_count, task.enabled) == (n, n < 5)
        assert (task.last_result, task.last_error) == (None, "API timeout")
        assert manager.mark_task_run("99", success=True) is False
        manager.enable_task(task_id)
        manager.mark_task_run(task_id, success=False)
        manager.mark_task_run(task_id, success=True, result={"n": 1})
        assert (task.error_count, task.last_result, task.run_count) == (0, {"n": 1}, 8)
        with pytest.raises(ArgumentError, match="result"):
            manager.mark_task_run(task_id, success=True, result=object())

    def test_a_reported_run_takes_the_place_of_the_one_that_was_due(self, app, manager) -> None:
        task_id = manager.create_task("t", "", "every hour", func=work)
        app.clock.advance("61m")
        assert [task.task_id for task in manager.get_tasks_due_now()] == [task_id]
        manager.mark_task_run(task_id, success=True)
        assert manager.get_tasks_due_now() == []
        assert app.drain() == 0
        assert ran(app, "59m") == 1

    def test_a_reported_run_spends_one_of_those_that_are_allowed(self, app, manager) -> None:
        task_id = manager.create_task("t", "", "every hour", func=work, max_runs=2)
        manager.mark_task_run(task_id, success=True)
        assert ran(app, "1h") == 1
        task = manager.get_task(task_id)
        assert (task.status, task.run_count) == ("ended", 2)
        other = manager.create_task("o", "", "every hour", func=work, max_runs=1)
        manager.mark_task_run(other, success=True)
        assert manager.get_task(other).status == "ended"
        with pytest.raises(IllegalMove, match="create it again"):
            manager.enable_task(other)

    def test_due_tasks_come_in_the_order_of_their_runs(self, app, manager) -> None:
        later = manager.create_task("later", "", "in 15 minutes", func=work)
        sooner = manager.create_task("sooner", "", "in 10 minutes", func=work)
        off = manager.create_task("off", "", "in 5 minutes", func=work)
        manager.create_task("far", "", "in 2 hours", func=work)
        manager.disable_task(off)
        assert manager.get_tasks_due_now() == []
        found = manager.get_tasks_due_now(window_minutes=20)
        assert [task.task_id for task in found] == [sooner, later]

    def test_disabled_by_hand_and_enabled_again(self, app, manager) -> None:
        task_id = manager.create_task("t", "", "every hour", func=work)
        assert manager.disable_task(task_id, "holidays")
        assert manager.disable_task(task_id)
        task = manager.get_task(task_id)
        assert (task.enabled, task.status, task.record.reason) == (False, "paused", "holidays")
        assert ran(app, "5h") == 0
        assert manager.enable_task(task_id)
        assert ran(app, "1h") == 1
        assert manager.enable_task("99") is manager.disable_task("99") is False

    def test_deleting(self, manager) -> None:
        task_id = manager.create_task("t", "", "every hour", func=work)
        task = manager.get_task(task_id)
        assert manager.delete_task(task_id) is True
        assert manager.delete_task(task_id) is False
        assert manager.get_task(task_id) is None
        assert (task.name, task.enabled, task.status) == ("t", False, "deleted")
        for unknown in ("", "no such task", "-1", "٣", "9" * 40):
            assert manager.get_task(unknown) is None

    def test_last_run_while_one_goes_on_or_is_forgotten(self, app, manager) -> None:
        task = manager.get_task(manager.create_task("t", "", "every hour", func=work))
        ran(app, "1h")
        app.clock.advance("1h")
        assert task.last_result == "worked"
        app.store.prune(app.clock.micros(), 0, 1000, app.clock.micros())
        assert task.last_run is not None


class TestParked:
    def test_failures_that_are_reported_disable_it(self, app, manager) -> None:
        app.task(name="something else")(work)
        task_id = manager.create_task("t", "", "every hour", func_name="elsewhere")
        app.drain()
        app.drain()
        task = manager.get_task(task_id)
        assert task.status == "parked"
        for _ in range(5):
            manager.mark_task_run(task_id, success=False, error="API timeout")
        assert (task.status, task.enabled, task.run_count) == ("disabled", False, 5)

    def test_a_reported_run_takes_the_place_of_the_one_that_was_due(self, app, manager) -> None:
        app.task(name="something else")(work)
        task_id = manager.create_task("t", "", "every hour", func_name="elsewhere")
        app.drain()
        app.drain()
        app.clock.advance("61m")
        manager.mark_task_run(task_id, success=True)
        assert manager.get_tasks_due_now() == []
        manager.register_function(work, "elsewhere")
        assert app.drain() == 0
        assert ran(app, "59m") == 1


class TestRestart:
    def test_a_second_process_finds_and_runs_them(self, tmp_path: Path) -> None:
        clock, path = FakeClock(), tmp_path / "work.db"

        def start() -> tuple[Offhours, ScheduledTaskManager]:
            app = Offhours(path, clock=clock, executor="inline", timezone="UTC")
            return app, ScheduledTaskManager(app=app)

        app, manager = start()
        task_id = manager.create_task("t", "kept", "every hour", lambda: "old", "poll")
        app.close()

        app, manager = start()
        app.task(name="something else")(fail)
        task = manager.get_task(task_id)
        assert (task.func, task.func_name, task.description) == (None, "poll", "kept")
        assert task.status == "active"
        app.drain()
        app.drain()
        assert (task.status, task.enabled) == ("parked", True)
        assert "no running worker knows the task poll" in task.why()

        assert task.get_next_run_time() == clock.now() + timedelta(hours=1)
        clock.advance("1h")
        assert [task.task_id for task in manager.get_tasks_due_now()] == [task_id]
        assert manager.register_function(lambda: "new", "poll") == "poll"
        assert app.drain() == 1
        assert (task.status, task.last_result) == ("active", "new")
        app.close()

    def test_creating_them_at_each_start_changes_nothing(self, tmp_path: Path) -> None:
        clock, path = FakeClock(), tmp_path / "work.db"
        seen = []
        for _ in range(2):
            app = Offhours(path, clock=clock, executor="inline", timezone="UTC")
            manager = ScheduledTaskManager(app=app)
            task_id = manager.create_task("t", "", "every 45 minutes", work)
            seen.append(manager.get_task(task_id).record)
            app.close()
            clock.advance("10m")
        assert seen[0] == seen[1]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs tzset")
class TestLocalTime:
    @pytest.fixture(autouse=True)
    def _zone_is_restored(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.environment = monkeypatch
        yield
        monkeypatch.undo()
        time.tzset()
        tzlocal.unix._cache_tz_name = None

    def live_in(self, zone: str) -> None:
        self.environment.setenv("TZ", zone)
        time.tzset()
        tzlocal.unix._cache_tz_name = None

    def test_schedules_go_by_the_machines_own_clock(self) -> None:
        self.live_in("America/New_York")
        app = memory_app()
        manager = ScheduledTaskManager(app=app)
        task = manager.get_task(manager.create_task("t", "", "every day at 9am", func=work))
        assert task.get_next_run_time() == datetime(2026, 1, 1, 14, tzinfo=UTC)
        assert task.get_next_run_time().hour == 9
        assert task.handle.plan.timezone == "America/New_York"
        assert str(LOCAL) == "local time"

    @pytest.mark.parametrize("zone", ["XYZ-3", "CET-1CEST,M3.5.0,M10.5.0/3"])
    def test_a_zone_without_a_name_says_what_to_do(self, zone: str) -> None:
        self.live_in(zone)
        with pytest.raises(ScheduleError, match="set TZ to one"):
            ScheduledTaskManager(app=memory_app()).create_task("t", "", "every day", func=work)


def test_the_command_line_tells_reported_runs_from_skipped_ones(app, manager) -> None:
    from offhours.cli.schedules.views import outcome

    task_id = manager.create_task("t", "", "every hour", func=work)
    manager.mark_task_run(task_id, success=True, result="100 events")
    app.clock.advance("1s")
    manager.mark_task_run(task_id, success=False, error="API timeout")
    app.clock.advance("1s")
    manager.mark_task_run(task_id, success=True)
    found = app.schedules.results(manager.get_task(task_id).record)
    told = [outcome(result) for result in found]
    assert told == [
        "run reported",
        "failed run reported: API timeout",
        'run reported: "100 events"',
    ]
