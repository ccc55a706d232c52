"""`ls`: rows for people, pages for machines."""

from __future__ import annotations

import pytest

from offhours.app import Offhours
from offhours.handles import job_dict


def test_jobs_newest_first_with_what_went_wrong(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,), name="first")
    app.submit("t:boom", args=("why\x1b[31m\nlast line",))
    app.drain()
    app.submit("t:add", args=(2,), delay="1h")
    head, *rows = run("ls").out.splitlines()
    assert head.split() == ["ID", "STATE", "TASK", "NAME", "PRIORITY", "WHEN", "NOTE"]
    assert [row.split()[0] for row in rows] == ["3", "2", "1"]
    assert "in 59 min" in rows[0] or "in 1 h" in rows[0]
    assert rows[1].endswith("last line") and "failed" in rows[1]
    assert "first" in rows[2] and "ago" in rows[2]


def test_json_is_the_stored_jobs_and_where_to_go_on(run, app: Offhours) -> None:
    for n in range(3):
        app.submit("t:add", args=(n,))
    page = run("ls", "--json", "--limit", 2).json
    assert page == {"jobs": [job_dict(app.record(3)), job_dict(app.record(2))], "next": 2}
    assert run("ls", "--json", "--limit", 2, "--after", 2).json == {
        "jobs": [job_dict(app.record(1))], "next": None,
    }  # fmt: skip


def test_filters(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    app.submit("t:boom", args=("x",))
    app.drain()
    assert run("ls", "--state", "failed", "--ids").out == "2\n"
    assert run("ls", "--task", "t:add", "--ids").out == "1\n"
    assert run("ls", "--task", "t:add", "--state", "failed").out == ""


def test_nothing_found_is_said_on_stderr(run, app: Offhours) -> None:
    assert run("ls") == (0, "", "no jobs in offhours.db\n")
    app.submit("t:add", args=(1,))
    result = run("ls", "--task", "t:ad", "--state", "held")
    assert result == (0, "", 'no held jobs of t:ad in offhours.db; did you mean "t:add"?\n')


def test_a_full_page_says_how_to_go_on(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    assert "--after 1" in run("ls", "--limit", 1).err
    assert run("ls", "--limit", 2).err == ""


def test_workers(run, app: Offhours) -> None:
    assert "no worker on offhours.db" in run("ls", "workers").err
    with app:
        [worker] = run("ls", "workers", "--json").json["workers"]
        assert worker["alive"] is True and worker["tasks"] == ["t:add", "t:boom"]
        assert worker["label"] in run("ls", "workers").out


def test_tasks_are_those_of_workers_and_of_the_latest_jobs(run, app: Offhours) -> None:
    assert "no tasks" in run("ls", "tasks").err
    app.submit("t:boom", args=("x",))
    app.drain()
    app.submit_by_name("gone:task")
    app.submit(len, args=("local",), durable=False)
    assert run("ls", "tasks", "--json").json == {
        "tasks": [
            {"task": "gone:task", "workers": 0, "recent_jobs": 1, "recent_failed": 0},
            {"task": "t:add", "workers": 1, "recent_jobs": 0, "recent_failed": 0},
            {"task": "t:boom", "workers": 1, "recent_jobs": 1, "recent_failed": 1},
        ]
    }  # fmt: skip
    assert "gone:task" in run("ls", "tasks").out


@pytest.mark.parametrize(
    "line",
    [
        ["workers", "--ids"],
        ["tasks", "--task", "x"],
        ["jobs", "--limit", "0"],
        ["things"],
        ["--after", "x"],
    ],
)
def test_what_makes_no_sense_is_refused(run, app, line: list[str]) -> None:
    assert run("ls", *line).code == 2
