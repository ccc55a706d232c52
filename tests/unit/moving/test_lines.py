"""What can be wrong with the file of an export: all of it is told at once, with its line."""

from __future__ import annotations

import json
from contextlib import closing
from functools import cache
from typing import Any

import pytest

from offhours.core.moving import KINDS
from offhours.moving import ImportFault, read
from offhours.testing import memory_app


@cache
def export() -> tuple[str, ...]:
    with closing(memory_app()) as app:
        task = app.task(name="t:add")(lambda: None)
        app.submit(task)
        app.schedule(task, "every day at 9am", name="nine")
        return tuple(app.moving.export().lines)


def exported() -> list[str]:
    return list(export())


def changed(place: int, **members: Any) -> list[str]:
    lines = exported()
    lines[place] = json.dumps({**json.loads(lines[place]), **members})
    return lines


def faults(lines: list[str]) -> tuple[str, ...]:
    with pytest.raises(ImportFault) as caught:
        read(lines)
    return caught.value.faults


def test_an_export_is_read_back_as_it_was() -> None:
    found = read(exported())
    assert [job["task"] for job in found.rows["job"]] == ["t:add"]
    assert [schedule["name"] for schedule in found.rows["schedule"]] == ["nine"]
    assert set(found.rows["job"][0]) == set(next(k for k in KINDS if k.name == "job").columns)


def test_blank_lines_are_nothing() -> None:
    lines = exported()
    assert read([lines[0], "\n", *lines[1:], "  "]) == read(lines)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"state": "asleep"}, "state: expected pending, held, "),
        ({"id": True}, "id: expected a whole number of 64 bits, got True"),
        ({"id": 2**63}, "id: expected a whole number of 64 bits"),
        ({"task": None}, "task: expected a value, got null"),
        ({"tenant": "a\x1fb"}, "tenant: contains a control character"),
        ({"queue": "a\x1fb"}, "queue: contains a control character"),
        ({"concurrency_key": "a\x1fb", "per_key": 1}, "concurrency_key: contains a control char"),
        ({"concurrency_key": "a"}, "per_key: a job has it when it has a concurrency_key"),
        ({"concurrency_key": "a", "per_key": 0}, "per_key: expected a number from 1 to "),
        ({"priority": 99_999}, "priority: expected 0, 10, 50, 90, 100, got 99999"),
        ({"run_at": 2**62}, "run_at: expected a number from 0 to "),
        ({"name": "\ud800"}, "name: text with half a character cannot be stored"),
        ({"task": 3}, "task: expected text, got 3"),
        ({"args": "[1"}, "args: expected JSON as text"),
        ({"name": "a\0b"}, "name: text with a zero byte cannot be stored"),
        ({"colour": "red"}, "colour: unknown for a job"),
        ({"state": "failed"}, "finished_at: a job has it when it is finished, and only then"),
        ({"args": "[1,{}]"}, "args: expected a list of arguments and an object of named ones"),
        ({"args": '{"a":1}'}, "args: expected a list of arguments and an object of named ones"),
        ({"metadata": "[]"}, "metadata: expected an object"),
        ({"attempt": -3}, "attempt: expected a number from 0 to "),
        ({"attempt": 1, "returned": 2}, "attempt: as many as were returned at least"),
        ({"max_attempts": 0}, "max_attempts: expected a number from 1 to "),
        ({"timeout": -1}, "timeout: expected a number from 0 to "),
        ({"state": "held"}, "reason: a held job says what it waits for"),
    ],
)
def test_a_wrong_member_of_a_job_is_named_with_its_line(members: dict[str, Any], told: str) -> None:
    [fault] = faults(changed(2, **members))
    assert fault.startswith(f"line 3: {told}")


def test_a_plan_that_cannot_be_is_told() -> None:
    [fault] = faults(changed(1, plan='{"timezone":"Mars/Base"}'))
    assert fault.startswith("line 2: plan: ")


def test_an_active_schedule_without_its_next_moment_is_told() -> None:
    [fault] = faults(changed(1, due_at=None))
    assert fault.startswith("line 2: due_at: ")


def test_all_faults_come_at_once() -> None:
    lines = changed(2, task=3, queue=4)
    lines[1] = "{"
    assert [fault[:16] for fault in faults(lines)] == [
        "line 2: this is ", "line 3: task: ex", "line 3: queue: e", "line 4: 1 rows, ",
    ]  # fmt: skip


def test_a_file_that_was_cut_off_is_refused() -> None:
    assert faults(exported()[:-1]) == ("line 3: the file was cut off: its end is missing",)
    assert faults([]) == (
        "line 0: the file was cut off: its end is missing",
        "line 1: this is no export: its first line is no header",
    )


def test_a_row_that_is_missing_is_noticed() -> None:
    lines = exported()
    assert faults([*lines[:2], lines[3]]) == ("line 3: 1 rows, and the end says 2",)


def test_two_exports_in_one_file_are_refused() -> None:
    told = faults(exported() + exported())
    assert "line 5: there is something behind the end" in told


def test_a_row_that_stands_twice_is_told_with_its_first_line() -> None:
    lines = exported()
    end = json.dumps({"type": "end", "rows": 3})
    assert faults([*lines[:3], lines[2], end]) == ("line 4: id: line 3 has the same job",)
    twin = json.dumps({**json.loads(lines[1]), "id": 7})
    assert faults([*lines[:3], twin, end]) == ("line 4: name: line 2 has the same schedule",)


def test_what_it_refers_to_must_be_there() -> None:
    lines = exported()
    step = json.dumps({"type": "step", "job_id": 9, "name": "one", "at": 1, "seq": 1})
    told = faults([*lines[:3], step, json.dumps({"type": "end", "rows": 3})])
    assert told == ("line 4: job_id: there is no job 9 in this file",)


def test_an_unknown_kind_is_told_with_the_near_one() -> None:
    [fault] = faults(changed(2, type="jbo"))[:1]
    assert fault == "line 3: type: expected a kind of row, got 'jbo'; did you mean \"job\"?"


def test_a_later_format_is_refused() -> None:
    [fault] = faults(changed(0, format=2))
    assert fault == "line 1: format 2: this Offhours reads up to 1"


def test_very_many_faults_are_cut() -> None:
    told = faults(["x"] * 2_000)
    assert len(told) == 1_001 and told[-1].startswith("and ")
