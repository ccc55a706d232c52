"""`schedule pause`, `resume`, `run`, `rm` and `backfill`, and the group itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from offhours.app import Offhours
from offhours.cli.schedules import steer
from offhours.cli.schedules.group import schedule as group
from offhours.core.errors import ScheduleNotFound
from offhours.schedules import ScheduleHandle, schedule_dict


@pytest.fixture
def nightly(app: Offhours) -> ScheduleHandle:
    return app.schedule("t:add", "every day at 3am", args=(1,), name="nightly")


@pytest.mark.parametrize("name", sorted(group.entries))
def test_each_command_explains_itself_with_an_example(run, name: str) -> None:
    result = run("schedule", name, "--help")
    assert result.code == 0
    assert f"offhours schedule {name}" in result.out
    assert "--db" in result.out and "Example:" in result.out
    assert name in run("schedule").out


def test_a_wrong_command_is_told_with_the_near_one(run) -> None:
    code, out, err = run("schedule", "pasue")
    assert (code, out) == (2, "") and 'did you mean "pause"?' in err


def test_a_usage_error_says_where(run) -> None:
    assert run("schedule", "show").err.startswith("offhours schedule show: ")


def test_the_overview_does_not_import_the_phrases() -> None:
    program = (
        "import sys, offhours.cli.main as m\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    for argv in (["--help"], ["schedule"], ["schedule", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=True
        )
        loaded = set(done.stderr.split())
        assert not loaded & {"offhours.core.phrases", "offhours.app", "cronsim", "apsw"}


def test_pause_and_resume(run, nightly: ScheduleHandle) -> None:
    code, out, err = run("schedule", "pause", "nightly", "--reason", "later\x1b[31m")
    assert (code, err) == (0, "")
    assert out == (
        "schedule 1 (nightly): it is paused: later\\x1b[31m; "
        "let it go on with: offhours schedule resume 1\n"
    )
    told = run("schedule", "resume", 1, "--json").json
    assert told == schedule_dict(nightly.record) and told["status"] == "active"


def test_what_has_ended_is_a_conflict(run, app: Offhours) -> None:
    app.schedule("t:add", "in 2 days", args=(1,), name="once")
    app.store.schedules._db.write(  # type: ignore[attr-defined]
        lambda db: db.execute(
            "update schedules set status = 'ended', next_at = null, due_at = null"
        ).fetchall()
    )
    assert run("schedule", "pause", "once").code == run("schedule", "resume", "once").code == 6


def test_run_prints_the_job(run, app: Offhours, nightly: ScheduleHandle) -> None:
    assert run("schedule", "run", "nightly") == (0, "1\n", "")
    app.drain()
    assert app.record(1).result == "2" and app.record(1).schedule_id == 1
    assert run("schedule", "run", 1, "--json").json["schedule"] == 1


def test_rm(run, app: Offhours, nightly: ScheduleHandle) -> None:
    nightly.run_now()
    assert run("schedule", "rm", "nightly") == (0, "", "schedule 1 (nightly) is deleted\n")
    with pytest.raises(ScheduleNotFound):
        app.schedules.get("nightly")
    assert app.record(1).schedule_id == 1
    assert run("schedule", "rm", "nightly", "--yes").code == 3


def test_rm_asks_on_a_terminal(run, app: Offhours, nightly, monkeypatch) -> None:
    said, asked = iter(["n", "y"]), []

    def reply(question: str) -> str:
        asked.append(question)
        return next(said)

    monkeypatch.setattr(steer, "may_ask", lambda state: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", reply)
    kept = run("schedule", "rm", "nightly")
    assert kept.code == 130 and "is kept" in kept.err
    assert app.schedules.get("nightly").id == 1
    assert run("schedule", "rm", "nightly").code == 0
    assert "Delete schedule 1 (nightly), every day at 03:00?" in kept.err + asked[0]


def test_rm_as_json(run, nightly) -> None:
    assert run("schedule", "rm", 1, "--json").json == {
        "id": 1, "name": "nightly", "deleted": True,
    }  # fmt: skip


BACKFILL = ("schedule", "backfill", "nightly", "--from", "2026-03-01", "--to", "2026-03-04T02:00")


def test_backfill_lists_first_and_makes_each_once(run, app: Offhours, nightly) -> None:
    code, out, err = run(*BACKFILL, "--dry-run")
    assert (code, err) == (0, "3 jobs would be made\n")
    assert out.splitlines()[0] == "Sun 2026-03-01 03:00:00 UTC"
    assert run(*BACKFILL, "--dry-run", "--json").json == {
        "count": 3, "instants": [f"2026-03-0{day}T03:00:00.000000Z" for day in (1, 2, 3)],
    }  # fmt: skip
    assert app.jobs() == []
    assert run(*BACKFILL, "--json").json == {"count": 3, "jobs": [1, 2, 3]}
    assert run(*BACKFILL).out == "0 jobs\n"
    assert run(*BACKFILL, "--dry-run") == (0, "", "0 jobs would be made\n")


def test_backfill_takes_times_in_the_schedule_s_timezone(run, app: Offhours) -> None:
    app.schedule("t:add", "every day at 3am", args=(1,), name="nightly", timezone="Asia/Tokyo")
    told = run(*BACKFILL, "--dry-run", "--json").json
    assert told["instants"][0] == "2026-02-28T18:00:00.000000Z"


@pytest.mark.parametrize(
    "line",
    [
        ["--from", "soon"], ["--from", "2026-03-02", "--to", "2026-03-01"], [],
        ["--from", "2026-03-01", "--to", "2199-01-01"], ["--from", "x" * 100_000],
        ["--from", "0001-01-01"],
    ],
    ids=lambda line: " ".join(line)[:40],
)  # fmt: skip
def test_a_backfill_that_makes_no_sense(run, app: Offhours, nightly, line: list[str]) -> None:
    result = run("schedule", "backfill", "nightly", *line)
    assert (result.code, result.out) == (2, "") and result.err.count("\n") == 1
    assert app.jobs() == []


def test_too_many_fires_are_refused(run, app: Offhours) -> None:
    app.schedule("t:add", "every second", args=(1,), name="dense").pause()  # one is due soon
    result = run("schedule", "backfill", "dense", "--from", "2026-03-01", "--to", "2026-03-02")
    assert result.code == 2 and "more than 10,000" in result.err
    assert app.jobs() == []
