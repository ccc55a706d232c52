"""The copy of the scheduled tasks as JSON: whole, private, data only, and second to the store."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from offhours import ScheduledTaskManager
from offhours.core.errors import InputError
from offhours.testing import memory_app


def work(*args: object) -> None: ...


def manager_on(path: Path | None) -> ScheduledTaskManager:
    return ScheduledTaskManager(path, app=memory_app(timezone="UTC"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "scheduled_tasks" / "tasks.json"


def names(path: Path) -> list[str]:
    return [task["name"] for task in json.loads(path.read_text())["tasks"]]


def test_it_follows_each_change(path: Path) -> None:
    manager = manager_on(path)
    assert not path.exists()
    first = manager.create_task("first", "", "every hour", work)
    second = manager.create_task("second", "", "every day at 2pm", work)
    assert names(path) == ["first", "second"]
    manager.disable_task(first)
    assert [task["enabled"] for task in json.loads(path.read_text())["tasks"]] == [False, True]
    manager.mark_task_run(second, success=False)
    assert json.loads(path.read_text())["tasks"][1]["error_count"] == 1
    manager.delete_task(first)
    assert names(path) == ["second"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["tasks.json"]


def test_a_lost_database_is_made_good(path: Path) -> None:
    old = manager_on(path)
    old.create_task(
        "poller", "Polls", "every 45 minutes", work, "poll", {"url": "x"}, args=(1, {"a": [2]}),
        timezone="Europe/Berlin", priority="low", timeout="30s", retries=2, catch_up="skip",
        jitter="10s", blackout="22:00-06:00", overlap="queue_one", disable_after=None,
    )  # fmt: skip
    off = old.create_task("off", "", "every sunday at noon", work, max_runs=5)
    old.disable_task(off)
    new = manager_on(path)
    poller, other = new.list_tasks()
    kept = {"id", "declared", "text", "revision", "created_at", "updated_at", "next_at", "due_at"}
    before = old.list_tasks()[0].record._asdict()
    after = poller.record._asdict()
    assert {k: v for k, v in before.items() if k not in kept} == {
        k: v for k, v in after.items() if k not in kept
    }
    assert before["next_at"] == after["next_at"]
    assert (poller.func, poller.description, poller.metadata["url"]) == (None, "Polls", "x")
    assert (other.enabled, other.record.max_runs) == (False, 5)
    new.register_function(work, "poll")
    assert poller.func is work


def test_the_store_is_the_truth(path: Path) -> None:
    app = memory_app(timezone="UTC")
    manager = ScheduledTaskManager(path, app=app)
    kept = manager.create_task("kept", "", "every hour", work)
    gone = manager.create_task("gone", "", "every hour", work)
    stale = path.read_text()
    manager.get_task(kept).handle.update("every 2 hours")
    app.schedules.get(int(gone)).delete()
    path.write_text(stale)
    again = ScheduledTaskManager(path, app=app)
    [task] = again.list_tasks()
    assert (task.name, task.schedule) == ("kept", "every 2 hours")


def test_changes_made_elsewhere_are_copied_when_asked(path: Path) -> None:
    manager = manager_on(path)
    task_id = manager.create_task("t", "", "every hour", work)
    written = path.stat().st_mtime_ns
    manager.backup.save_if_changed()
    manager.app.schedules.get(int(task_id)).delete()
    manager.backup.save_if_changed()
    assert names(path) == []
    assert path.stat().st_mtime_ns >= written


def test_what_has_no_run_left_is_not_brought_back(path: Path) -> None:
    old = manager_on(path)
    old.create_task("once", "", "in 5 minutes", work)
    text = path.read_text()
    app = memory_app(timezone="UTC")
    app.clock.advance("1h")
    assert ScheduledTaskManager(path, app=app).list_tasks() == []
    assert path.read_text() == text


def test_export_and_import(tmp_path: Path) -> None:
    old = manager_on(None)
    old.create_task("a", "", "every hour", work)
    old.create_task("b", "", "every hour", work)
    file = tmp_path / "export.json"
    assert old.export_tasks(file) == 2
    new = manager_on(None)
    mine = new.create_task("a", "mine", "every 2 hours", work)
    [made] = new.import_tasks(file)
    assert new.get_task(made).name == "b"
    assert new.get_task(mine).description == "mine"
    assert new.import_tasks(file) == []


@pytest.mark.parametrize(
    ("damage", "line", "problem"),
    [
        (lambda text: text[:200], None, ""),
        (lambda text: text.replace('"name": "second"', '"name": 5'), "task", '"name" is missing'),
        (lambda text: text.replace("0 14 * * *", "0 25 * * *"), "task", "hour"),
        (lambda text: text.replace('"overlap": "skip"', '"overlap": "never"'), 4, "overlap"),
        (lambda text: text.replace('"version": 1', '"version": 2'), 1, "version 2 is not known"),
        (lambda text: "[]", 1, 'a list "tasks"'),
        (lambda text: "[" * 100_000, 1, "nested"),
        (lambda text: '{"version": 1, "tasks": [\n\n7]}', 3, "an object for each task"),
        (lambda text: text.replace('"second"', '"first"'), "task", "already"),
    ],
)
def test_a_damaged_file_is_named_and_left(path: Path, damage, line, problem: str) -> None:
    old = manager_on(path)
    old.create_task("first", "", "every hour", work)
    old.create_task("second", "", "every day at 2pm", work)
    text = damage(path.read_text())
    path.write_text(text)
    if line == "task":
        lines = text.splitlines()
        line = max(n for n, found in enumerate(lines, 1) if '"task_id": "2"' in found) - 1
    with pytest.raises(InputError) as error:
        manager_on(path)
    assert str(error.value).startswith(f"{path}, line {'' if line is None else line}")
    assert problem in str(error.value)
    assert "left as it is" in str(error.value)
    assert path.read_text() == text


def test_a_file_that_cannot_be_read(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read"):
        manager_on(path)


def test_a_copy_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog) -> None:
    (tmp_path / "file").write_text("")
    manager = manager_on(tmp_path / "file" / "tasks.json")
    assert manager.create_task("t", "", "every hour", work)
    assert "cannot be written" in caplog.text


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_on(path)
    manager.create_task("t", "", "every hour", work)

    def full(source: str, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    manager.create_task("u", "", "every hour", work)
    assert names(path) == ["t"]
    assert [file.name for file in path.parent.iterdir()] == ["tasks.json"]


def test_nothing_named_in_the_file_is_imported(path: Path) -> None:
    old = manager_on(path)
    old.create_task("t", "", "every hour", func_name="colorsys:rgb_to_hsv")
    sys.modules.pop("colorsys", None)
    [task] = manager_on(path).list_tasks()
    assert (task.func, task.func_name) == (None, "colorsys:rgb_to_hsv")
    assert "colorsys" not in sys.modules
