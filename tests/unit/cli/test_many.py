"""`--where`: counted, asked, done; and jobs from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from offhours.app import Offhours
from offhours.cli import many


@pytest.fixture
def someone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person at a terminal, with what they will answer."""
    answers: list[str] = []
    monkeypatch.setattr(many, "may_ask", lambda state: True)
    monkeypatch.setattr(many.click, "confirm", lambda text, **_: answers.pop(0) == "y")
    return answers


def some(app: Offhours, jobs: int = 3) -> None:
    for n in range(jobs):
        app.submit("t:add", args=(n,), tags=["night"])


def test_off_a_terminal_it_wants_a_yes(run, app: Offhours) -> None:
    some(app)
    code, out, err = run("cancel", "--where", "state=pending")
    assert (code, out) == (2, "") and "3 jobs would be cancelled; say --yes" in err
    assert run("cancel", "--where", "state=pending", "--yes") == (0, "3 jobs were cancelled\n", "")
    assert app.counts()["cancelled"] == 3
    assert run("cancel", "--where", "state=pending") == (0, "0 jobs were cancelled\n", "")


def test_on_a_terminal_it_asks(run, app: Offhours, someone: list[str]) -> None:
    some(app)
    someone += ["n", "y"]
    code, _, err = run("cancel", "--where", "tag=night")
    assert code == 130 and app.counts()["ready"] == 3
    assert "3 jobs would be cancelled" in err and "3  task t:add" in err
    assert run("cancel", "--where", "tag=night").code == 0 and app.counts()["ready"] == 0


def test_a_dry_run_gives_a_token_that_holds(run, app: Offhours) -> None:
    some(app)
    seen = run("cancel", "--where", "task=t:add", "--dry-run", "--json").json
    assert (seen["count"], seen["states"], len(seen["examples"])) == (3, {"pending": 3}, 3)
    some(app, 1)
    told = run("cancel", "--where", "task=t:add", "--expect", seen["token"], "--yes", "--json")
    assert (told.json["done"], told.json["total"]) == (3, 3)
    wrong = run("retry", "--where", "task=t:add", "--expect", seen["token"], "--yes")
    assert wrong.code == 6 and "another verb or filter" in wrong.err
    out = run("cancel", "--where", "task=t:add", "--dry-run").out
    assert out.startswith("1 job would be cancelled") and "t:add" in out


def test_pause_resume_and_retry(run, app: Offhours) -> None:
    some(app)
    assert run("pause", "--where", "tag=night", "--yes", "--reason", "no").out.startswith("3 jobs")
    assert app.record(1).reason == "no" and app.counts()["held"] == 3
    assert run("resume", "--where", "ids=1 ids=2", "--yes").out == "2 jobs were resumed\n"
    app.drain()
    assert run("retry", "--where", "state=succeeded", "--yes").out == "2 jobs were submitted anew\n"
    assert run("retry", "--where", "state=succeeded", "--yes").out == "0 jobs were submitted anew\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["cancel"], "say which jobs"),
        (["cancel", "1", "--where", "state=held"], "say which jobs"),
        (["cancel", "1", "--yes"], "go with --where"),
        (["pause", "--queue", "x", "--where", "state=held"], "say which jobs"),
        (["cancel", "--where", "stat=held tenant=a tenant=b"], "tenant: given twice"),
        (["cancel", "--where", "stat=held flow=x"], 'did you mean "state"?; flow: expected'),
        (["cancel", "--where", "'"], "cannot read"),
        (["cancel", "--where", "held"], "expected KEY=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_told(run, app: Offhours, line: list[str], told: str) -> None:
    some(app)
    result = run(*line)
    assert result.code == 2 and told in result.err and app.counts()["ready"] == 3


def test_an_operation_goes_on(run, app: Offhours) -> None:
    some(app)
    left = app.bulk.begin("cancel", tag="night")
    [row] = run("operations", "--json").json["operations"]
    assert (row["state"], row["total"]) == ("running", 3)
    assert "tag night" in run("operations").out
    assert run("operations", "resume", left.id).out == "operation 1 has ended: 3 of 3 jobs\n"
    assert run("operations", "resume", 9).code == 3
    some(app)
    app.bulk.begin("cancel", tag="night")
    assert run("operations", "stop", 2).out == "operation 2 was stopped: 0 of 3 jobs\n"
    assert run("operations", "stop", 2).code == 6 and app.counts()["ready"] == 3


def test_an_interrupted_one_says_how_to_go_on(
    run, app: Offhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(app)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("offhours.bulk.room.Bulk.go_on", interrupt)
    result = run("cancel", "--where", "tag=night", "--yes")
    assert result.code == 130 and "offhours operations resume 1" in result.err


def test_jobs_from_a_file_are_stored_together(run, app: Offhours) -> None:
    lines = [{"task": "t:add", "args": [1]}, {"task": "who:knows", "tags": ["a"], "delay": "1h"}]
    Path("jobs.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert run("submit-many", "jobs.jsonl", "--dry-run").out == "2 jobs can be stored\n"
    assert app.jobs() == []
    assert run("submit-many", "jobs.jsonl").out == "1\n2\n"
    assert app.record(2).metadata == '{"tags":["a"]}'
    Path("jobs.jsonl").write_text('{"task": "t", "delay": -1}\n{"ask": 1}\n{"task": "t"}\n')
    result = run("submit-many", "jobs.jsonl", "--json")
    assert result.code == 2 and len(app.jobs()) == 2
    assert "0: delay: must not be negative" in result.out + result.err
    assert "1: expected" in result.out + result.err
    Path("jobs.jsonl").write_text("{\n\n}\n" + "[" * 100_000)
    refused = run("submit-many", "jobs.jsonl")
    assert refused.code == 2 and "0: is not JSON" in refused.err
    assert "2: is not JSON: it is nested too deeply" in refused.err
    Path("jobs.jsonl").write_bytes(b"\xff\n")
    assert "jobs.jsonl is no UTF-8" in run("submit-many", "jobs.jsonl").err
