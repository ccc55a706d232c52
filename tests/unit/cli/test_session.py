"""Asking about a database neither makes it nor changes it."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from offhours.app import Offhours
from offhours.cli import main
from offhours.cli.session import Host

READING = [
    ("ls",), ("ls", "workers"), ("ls", "tasks"), ("show", 1), ("why", 1), ("cancel", 1),
    ("retry", 1), ("top",),
]  # fmt: skip


@pytest.mark.parametrize("command", READING, ids=str)
def test_a_database_that_is_not_there_is_not_made(run, command) -> None:
    code, out, err = run(*command)
    assert (code, out) == (5, "")
    assert "no database offhours.db" in err and "--db PATH" in err
    assert os.listdir() == []


def test_an_empty_file_is_no_database_and_stays_empty(run) -> None:
    Path("offhours.db").touch()
    assert run("ls").code == 5
    assert os.stat("offhours.db").st_size == 0


def test_a_database_nearby_is_named(run, app) -> None:
    app.close()
    Path("hollow.db").touch()
    err = run("--db", "wrong.db", "ls").err
    assert "there is offhours.db;" in err


@pytest.mark.parametrize("path", [":memory:", "mysql://host/db", "."])
def test_what_cannot_be_a_database_file_is_refused(run, path: str) -> None:
    assert run("--db", path, "submit", "t:add").code == 2
    assert os.listdir() == []


def test_a_strange_file_is_left_as_it_was(run) -> None:
    Path("offhours.db").write_text("my diary")
    assert run("ls").code == 5
    assert run("submit", "t:add").code == 5
    assert Path("offhours.db").read_text() == "my diary"


def test_the_journal_mode_stays(run) -> None:
    Offhours("offhours.db", journal="rollback").close()
    assert run("ls").code == 0
    connection = apsw.Connection("offhours.db", flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.execute("pragma journal_mode").get == "delete"
    connection.close()


def test_a_database_of_somebody_else_is_told(run, app, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    code, _, err = run("ls")
    assert code == 4 and "may not read and write" in err


def test_what_a_host_program_lends_is_changed_by_the_command_line(app, capsys) -> None:
    assert main.run(Host("shop", app), ["pause", "--queue", "mail"], "shop offhours") == 0
    [said] = app.audit()
    assert said.actor.endswith("(command line)") and '"face":"cli"' in (said.via or "")
    assert app.counts()["ready"] == 0, "it is open still"


def test_whoever_has_no_name_has_a_number(run, app, monkeypatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert run("pause", "--queue", "mail").code == 0
    assert app.audit()[0].actor == f"user {os.getuid()} (command line)"
    assert run("models", "pardon", "none", "--tenant", "acme").code == 3
