"""`export` and `import`, as files and through a pipe."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest

from offhours.app import Offhours


@pytest.fixture
def filled(app: Offhours) -> Offhours:
    app.submit("t:add", args=(1,), name="first")
    app.schedule("t:add", "every day at 9am", args=(2,), name="nine")
    return app


def test_what_was_exported_is_imported_elsewhere(run, filled: Offhours) -> None:
    told = run("export", "all.jsonl")
    assert (told.code, told.out) == (0, "")
    assert told.err == "exported 2 rows (schedule 1, job 1)\n"
    done = run("import", "all.jsonl", "--db", "new.db")
    assert (done.code, done.out) == (0, "stored 2 rows (schedule 1, job 1)\n")
    assert "first" in run("ls", "--db", "new.db").out
    assert run("schedule", "ls", "--ids", "--db", "new.db").out == "1\n"
    again = run("import", "all.jsonl", "--db", "new.db", "--json").json
    assert again == {"dry_run": False, "new": {}, "kept": {"schedule": 1, "job": 1}}


def test_it_goes_through_a_pipe(run, filled: Offhours, monkeypatch) -> None:
    lines = run("export").out
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert run("import", "-", "--db", "new.db").out.startswith("stored 2 rows")


def test_finished_jobs_are_taken_when_asked_for(run, filled: Offhours) -> None:
    filled.drain()
    assert run("export", "less.jsonl", "--json").json["rows"] == {"schedule": 1}
    assert run("export", "all.jsonl", "--finished", "--json").json["rows"]["job"] == 1


def test_a_file_that_is_there_is_not_replaced_by_accident(run, filled: Offhours) -> None:
    Path("all.jsonl").write_text("mine")
    told = run("export", "all.jsonl")
    assert told.code == 6 and "--replace" in told.err
    assert Path("all.jsonl").read_text() == "mine"
    assert run("export", "all.jsonl", "--replace").code == 0
    assert list(Path().glob("all*")) == [Path("all.jsonl")]


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_nobody_else_reads_an_export(run, filled: Offhours) -> None:
    trap = Path("trap")
    trap.touch(0o666)
    Path(f"all.jsonl.part-{os.getpid()}").symlink_to(trap)  # by somebody who guessed a name
    run("export", "all.jsonl")
    assert stat.S_IMODE(os.stat("all.jsonl").st_mode) == 0o600
    assert trap.read_text() == "" and not Path("all.jsonl").is_symlink()


def test_every_fault_is_told_with_its_line_and_nothing_is_made(run, filled: Offhours) -> None:
    lines = run("export").out.splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "task": 7, "mood": "blue"})
    Path("bad.jsonl").write_text("\n".join(lines[:-1]))
    told = run("import", "bad.jsonl", "--db", "new.db")
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines() == [
        "offhours: bad.jsonl cannot be imported, and nothing of it was: 3 faults",
        "line 2: mood: unknown for a schedule",
        "line 2: task: expected text, got 7",
        "line 3: the file was cut off: its end is missing",
    ]
    assert not Path("new.db").exists()
    faults = json.loads(run("import", "bad.jsonl", "--db", "new.db", "--json").err)["error"][
        "faults"
    ]
    assert len(faults) == 3


def test_bytes_that_are_no_text_are_told(run) -> None:
    Path("bad.jsonl").write_bytes(b"\xff\xfe")
    assert "this is no UTF-8" in run("import", "bad.jsonl").err


def test_a_dry_run_makes_no_database(run, filled: Offhours) -> None:
    run("export", "all.jsonl")
    told = run("import", "all.jsonl", "--dry-run", "--db", "new.db")
    assert (told.code, told.out) == (0, "would store 2 rows (schedule 1, job 1)\n")
    assert not Path("new.db").exists()
    assert run("import", "all.jsonl", "--dry-run").out == "would store 0 rows\n"


def test_no_file_is_said_so(run) -> None:
    assert run("import", "none.jsonl").code == 3


def test_json_needs_a_file_of_its_own(run, filled: Offhours) -> None:
    assert run("export", "--json").code == 2


def test_what_runs_is_told(run, filled: Offhours) -> None:
    said: list[str] = []
    filled.task(name="t:look")(lambda: said.append(run("export", "all.jsonl").err))
    filled.submit("t:look")
    filled.drain()
    assert "are with a worker now, and would run again elsewhere" in said[0]
