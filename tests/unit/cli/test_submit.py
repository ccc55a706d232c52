"""`submit`: what a line becomes, and what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhours.app import Offhours
from offhours.cli.calls import parse_value
from offhours.core.model import TaskPriority

FILE = """
from offhours import Offhours
app = Offhours("file.db", executor="inline")
@app.task(retries=2)
def add(a: int, b: int = 1) -> int:
    return a + b
@app.task
def boom() -> None:
    raise ValueError("no \\x1b[31m")
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ('"3"', "3"), ("true", True), ("null", None), ('{"a": [1.5]}', {"a": [1.5]}),
        ("notes/", "notes/"), ("007", "007"), ("NaN", "NaN"), ("[Infinity]", "[Infinity]"),
        ("", ""), ("[" * 100_000, "[" * 100_000),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_an_argument_is_json_else_text(text: str, value: object) -> None:
    assert parse_value(text) == value


def test_stdout_has_the_id_and_nothing_else(run) -> None:
    first = run("submit", "m:f")
    assert (first.code, first.out) == (0, "1\n")
    assert "offhours.db is new" in first.err
    assert run("submit", "m:f") == (0, "2\n", "")


def test_quiet_leaves_the_notes_out(run) -> None:
    assert run("submit", "m:f", "--quiet") == (0, "1\n", "")


def test_the_options_reach_the_job(run, app: Offhours) -> None:
    before = app.clock.micros()
    run(
        "submit", "m:f", "--arg", "1", "--arg", "x", "--kwarg", "k=[2]", "--kwarg", "t=a=b",
        "--priority", "high", "--delay", "10m", "--name", "mine", "--unique", "u", "--queue", "q",
        "--retries", "4",
    )  # fmt: skip
    job = app.record(1)
    assert job.args == '[[1,"x"],{"k":[2],"t":"a=b"}]'
    assert (job.task, job.name, job.unique_key, job.queue) == ("m:f", "mine", "u", "q")
    assert (job.priority, job.max_attempts) == (TaskPriority.HIGH, 5)
    assert 600_000_000 <= job.run_at - before < 700_000_000


def test_a_bare_number_is_seconds(run, app: Offhours) -> None:
    run("submit", "m:f", "--delay", "90")
    job = app.record(1)
    assert 89_000_000 < job.run_at - job.created_at <= 90_000_000


def test_at(run, app: Offhours) -> None:
    told = run("submit", "m:f", "--at", "2030-01-01T02:00+02:00", "--json").json
    assert told["run_at"] == "2030-01-01T00:00:00.000000Z"


def test_unique_answers_with_the_job_that_has_the_key(run) -> None:
    assert run("submit", "m:f", "--unique", "k").out == run("submit", "m:f", "--unique", "k").out


@pytest.mark.parametrize(
    "line",
    [
        ["--kwarg", "novalue"], ["--kwarg", "=1"], ["--kwarg", "a=1", "--kwarg", "a=2"],
        ["--delay", "soon"], ["--delay", "-5"], ["--at", "2030-01-01T00:00"], ["--timeout", "1"],
        ["--delay", "1", "--at", "2030-01-01T00:00Z"], ["--priority", "urgent"], ["--app", "x"],
        ["--arg", "99999999999999999999"], ["--wait", "--timeout", "10x"], ["--retries", "-1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_used_stores_nothing(run, app: Offhours, line: list[str]) -> None:
    result = run("submit", "m:f", *line)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert app.jobs() == []


def test_a_task_that_no_worker_knows_is_allowed_and_told(run, app: Offhours) -> None:
    with app:
        code, out, err = run("submit", "t:ad")
        assert (code, out) == (0, "1\n")
        assert "no running worker knows t:ad" in err and 'did you mean "t:add"?' in err
        assert run("submit", "t:add", "--arg", "1").err == ""


def test_waiting_prints_the_result_as_json(run) -> None:
    Path("jobs_file.py").write_text(FILE)
    result = run("submit", "jobs_file:add", "--file", "jobs_file.py", "--arg", "2", "--wait")
    assert result == (0, "3\n", "job 1\n")
    assert run("--db", "file.db", "ls", "workers", "--json").json == {"workers": []}


def test_waiting_for_a_failure_ends_with_1(run) -> None:
    Path("jobs_fails.py").write_text(FILE)
    code, out, err = run("submit", "jobs_fails:boom", "--file", "jobs_fails.py", "--wait")
    assert (code, out) == (1, "")
    assert "failed: ValueError: no \\x1b[31m" in err and "\x1b" not in err


def test_waiting_too_long_ends_with_124_and_says_why(run) -> None:
    code, out, err = run("submit", "m:f", "--wait", "--timeout", "0.01")
    assert (code, out) == (124, "")
    assert "no worker is running" in err


def test_an_interrupted_wait_says_that_the_job_goes_on(run, app, monkeypatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Offhours, "wait_for", interrupt)
    code, out, err = run("submit", "m:f", "--wait")
    assert (code, out) == (130, "") and "job 1 goes on" in err


def test_a_file_brings_its_tasks_policy_and_database(run) -> None:
    Path("jobs_policy.py").write_text(FILE)
    told = run(
        "submit", "jobs_policy:add", "--file", "jobs_policy.py", "--arg", "1", "--json"
    ).json  # fmt: skip
    assert told["max_attempts"] == 3 and Path("file.db").exists()
    assert not Path("offhours.db").exists()


def test_with_a_file_the_task_and_its_arguments_are_checked(run) -> None:
    Path("jobs_checked.py").write_text(FILE)
    unknown = run("submit", "jobs_checked:ad", "--file", "jobs_checked.py")
    assert unknown.code == 3 and 'did you mean "jobs_checked:add"?' in unknown.err
    misfit = run("submit", "jobs_checked:add", "--file", "jobs_checked.py", "--kwarg", "c=1")
    assert misfit.code == 2 and "do not fit" in misfit.err


def test_another_database_beside_a_file_is_refused(run) -> None:
    Path("jobs_other.py").write_text(FILE)
    result = run("submit", "x", "--file", "jobs_other.py", "--db", "else.db")
    assert result.code == 2 and "works on its own database file.db" in result.err


def test_the_same_database_beside_a_file_is_fine(run) -> None:
    Path("jobs_same.py").write_text(FILE)
    line = ("submit", "jobs_same:add", "--file", "jobs_same.py", "--arg", "1")
    assert run(*line, "--db", "./file.db") == (0, "1\n", "")


def test_a_file_wins_over_the_environment_and_says_so(run, monkeypatch) -> None:
    monkeypatch.setenv("OFFHOURS_DB", "env.db")
    Path("jobs_env.py").write_text(FILE)
    result = run("submit", "jobs_env:add", "--file", "jobs_env.py", "--arg", "1")
    assert (result.code, result.out) == (0, "1\n")
    assert "not on env.db (OFFHOURS_DB)" in result.err and not Path("env.db").exists()
