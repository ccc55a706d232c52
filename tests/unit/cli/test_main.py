"""The overview, the global options, and how a call ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from offhours import __version__
from offhours.app import Offhours
from offhours.cli.main import ALIASES, cli
from offhours.core.errors import Busy

OWN = sorted(name for name in cli.entries if name != "demo")


def test_without_a_command_the_overview_is_shown(run) -> None:
    result = run()
    assert result.code == 0 and result.err == ""
    for name, entry in cli.entries.items():
        assert name in result.out and entry.short_help in result.out
    assert result == run("--help") == run("-h")


def test_version(run) -> None:
    assert run("--version") == (0, f"offhours {__version__}\n", "")


@pytest.mark.parametrize("name", OWN)
def test_each_command_loads_and_explains_itself(run, name: str) -> None:
    result = run(name, "--help")
    assert result.code == 0
    assert f"offhours {name}" in result.out and "--db" in result.out


def test_demo_loads_too(run) -> None:
    assert "offhours demo" in run("demo", "--help").out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("demo --seconds nan", "no length of time"),
        ("demo --seconds 3600", "600"),
        ("demo kill --jobs 100000", "20000"),
        ("demo kill --quiet --jobs 150", "--jobs"),
        ("demo kill --url http://h/", "demo kill is not for a server"),
        ("--url http://h/ demo", "demo is not for a server"),
        ("top --interval nan", "no length of time"),
    ],
)
def test_a_demo_refuses_what_it_cannot_do(run, line: str, told: str) -> None:
    result = run(*line.split())
    assert result.code == 2 and told in result.err and os.listdir() == []


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_its_command(alias: str) -> None:
    context = click.Context(cli)
    assert cli.get_command(context, alias) is cli.get_command(context, ALIASES[alias])


def test_the_overview_imports_no_command_and_no_engine() -> None:
    program = (
        "import sys, offhours.cli.main as m\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "offhours.cli.lazy" in loaded
    assert not loaded & {"offhours.app", "offhours.cli.up", "apsw", "rich", "msgspec", "asyncio"}


def test_a_wrong_command_is_told_with_the_near_one(run) -> None:
    code, out, err = run("sumbit")
    assert (code, out) == (2, "")
    assert 'did you mean "submit"?' in err and err.count("\n") == 1


def test_the_database_may_stand_before_the_command_or_after_it(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    Path("other.db").unlink(missing_ok=True)
    assert "other.db" in run("--db", "other.db", "ls").err
    assert "other.db" in run("ls", "--db", "other.db").err
    assert run("--db", "other.db", "ls", "--db", "offhours.db", "--ids").out == "1\n"


def test_the_environment_names_the_database(run, app, monkeypatch) -> None:
    monkeypatch.setenv("OFFHOURS_DB", "env.db")
    assert "env.db" in run("ls").err
    assert run("ls", "--db", "offhours.db").code == 0


def test_an_error_is_one_line_without_a_traceback(run, app) -> None:
    code, out, err = run("why", 7)
    assert (code, out, err) == (3, "", "offhours: no job 7 in offhours.db\n")


def test_an_error_under_json_is_one_object_on_stderr(run, app) -> None:
    import json

    code, out, err = run("why", 7, "--json")
    assert (code, out) == (3, "")
    assert json.loads(err) == {
        "error": {
            "code": "job_not_found", "message": "no job 7 in offhours.db", "exit_code": 3,
        }
    }  # fmt: skip


def test_verbose_shows_where_an_error_comes_from(run, app) -> None:
    assert "Traceback" in run("-v", "why", 7).err


def test_control_characters_in_a_message_are_escaped(run) -> None:
    err = run("--db", "x\x1b[31m.db", "ls").err
    assert "\x1b" not in err and "x\\x1b[31m.db" in err


def test_the_store_s_own_errors_come_through(run, app, monkeypatch) -> None:
    def locked(self: Offhours, job_id: int) -> None:
        raise Busy("offhours.db: locked by another process")

    monkeypatch.setattr(Offhours, "why", locked)
    assert run("why", 1) == (5, "", "offhours: offhours.db: locked by another process\n")


def test_an_interrupt_ends_with_130(run, app, monkeypatch) -> None:
    def interrupt(self: Offhours, job_id: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Offhours, "why", interrupt)
    result = run("why", 1)
    assert result.code == 130 and "interrupted" in result.err


def test_an_error_that_nobody_expects_is_not_hidden(app, monkeypatch) -> None:
    def broken(self: Offhours, job_id: int) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Offhours, "why", broken)
    with pytest.raises(ZeroDivisionError):
        cli(["why", "1"], prog_name="offhours")
