"""`schedule_task` as agents are given it: nothing they say raises, replaces or runs anything."""

from __future__ import annotations

import json

import pytest

from offhours import ScheduledTaskManager
from offhours.faces.tool import SCHEDULE_TASK_TOOL, handle_schedule_task, schedule_task_tool
from offhours.testing import memory_app


@pytest.fixture
def manager() -> ScheduledTaskManager:
    made = ScheduledTaskManager(app=memory_app(timezone="UTC"))
    made.register_function(lambda folder="": folder, "reindex")
    return made


CALL = {"name": "nightly", "schedule": "every day at 2am", "function": "reindex"}


def test_the_description_is_plain_json_schema() -> None:
    tool = schedule_task_tool(["b", "a"])
    assert tool.keys() == {"name", "description", "input_schema"}
    assert json.loads(json.dumps(tool)) == tool
    schema = tool["input_schema"]
    assert set(schema["required"]) < schema["properties"].keys()
    assert schema["properties"]["function"]["enum"] == ["a", "b"]
    assert "enum" not in SCHEDULE_TASK_TOOL["input_schema"]["properties"]["function"]


def test_a_call_creates_the_schedule(manager) -> None:
    answer = handle_schedule_task(
        manager, {**CALL, "arguments": {"folder": "notes"}, "metadata": {"who": "ann"}}
    )
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["created"], answer["name"], answer["cron_expression"]) == (
        True, "nightly", "0 2 * * *",
    )  # fmt: skip
    assert answer["explanation"] == "every day at 02:00"
    assert answer["next_runs"][0] == "2026-01-01T02:00:00+00:00"
    task = manager.get_task(answer["task_id"])
    assert task.metadata == {
        "explanation": "every day at 02:00", "created_by": "agent", "who": "ann",
    }  # fmt: skip
    manager.app.clock.advance("2h")
    manager.app.drain()
    assert task.last_result == "notes"


def test_a_dry_run_stores_nothing(manager) -> None:
    answer = handle_schedule_task(manager, {**CALL, "dry_run": True})
    assert (answer["created"], answer["explanation"]) == (False, "every day at 02:00")
    assert manager.list_tasks() == []


@pytest.mark.parametrize(
    ("changes", "error", "choices"),
    [
        ({"function": "reindx"}, 'did you mean "reindex"', ["reindex"]),
        ({"function": "os:system"}, "no function 'os:system' is registered", ["reindex"]),
        (
            {"schedule": "every day at 9"},
            '"9" may be morning or evening',
            ["every day at 9am", "every day at 9pm"],
        ),
        ({"schedule": "every 10 seconds"}, "more often than once a minute", ["every minute"]),
        ({"schedule": "every blue moon"}, "not understood", None),
        ({"timezone": "Mars/Base"}, "not an IANA name", None),
        ({"name": ""}, "name", None),
        ({"arguments": {"file": 1}}, "file", None),
        ({"arguments": []}, "expected object, got list", None),
        ({"priority": "critical"}, "not an argument", None),
        ({"name": None}, "expected string, got NoneType", None),
        ({"metadata": {"scheduled_task": 1}}, "is taken", None),
    ],
)
def test_refusals(manager, changes, error: str, choices) -> None:
    answer = handle_schedule_task(manager, {**CALL, **changes})
    assert answer["created"] is False
    assert error in answer["error"]
    assert answer.get("choices") == choices
    assert manager.list_tasks() == []


def test_what_is_missing_and_what_is_no_object(manager) -> None:
    assert "function is missing" in handle_schedule_task(
        manager, {"name": "a", "schedule": "b"}
    )["error"]  # fmt: skip
    assert "expected an object" in handle_schedule_task(manager, ["a"])["error"]


def test_nothing_is_replaced(manager) -> None:
    mine = manager.create_task("nightly", "mine", "every week", func_name="reindex")
    answer = handle_schedule_task(manager, CALL)
    assert "there is a schedule named 'nightly' already" in answer["error"]
    assert manager.get_task(mine).schedule == "every week"


def test_only_the_functions_that_are_allowed(manager) -> None:
    manager.register_function(lambda: None, "drop_everything")
    call = {**CALL, "function": "drop_everything"}
    answer = handle_schedule_task(manager, call, functions=["reindex"])
    assert answer["choices"] == ["reindex"]
