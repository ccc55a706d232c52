from __future__ import annotations

from pathlib import Path
from typing import Any


def test_the_copy_is_named_and_can_be_asked(run: Any, app: Any) -> None:
    app.submit("t:add", args=(1,))
    made = run("backup", "copy.db")
    assert (made.code, made.out) == (0, "copy.db\n") and "checked" in made.err
    assert "t:add" in run("ls", "--db", "copy.db").out
    again = run("backup", "copy.db")
    assert again.code == 5 and "is there already" in again.err
    told = run("backup", "copy.db", "--replace", "--json").json
    assert told == {"file": "copy.db", "bytes": Path("copy.db").stat().st_size}


def test_without_a_database_there_is_no_copy(run: Any) -> None:
    assert run("backup", "copy.db").code == 5
    assert not Path("copy.db").exists()


def test_a_server_is_backed_up_by_its_own_tool(run: Any) -> None:
    told = run("backup", "a b.dump", "--db", "postgresql://ann:hunter2@db/jobs?schema=night")
    assert told.code == 7 and "hunter2" not in told.err
    assert told.err.splitlines()[1] == (
        "pg_dump --format=custom --schema=night --file='a b.dump' postgresql://ann@db/jobs"
    )
