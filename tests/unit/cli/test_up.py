"""`up` and `worker`, up to the point where the engine takes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhours.app import Offhours

FILE = """
from offhours import Offhours
app = Offhours("file.db")
@app.task
def send() -> None: ...
"""


@pytest.fixture
def ran(monkeypatch) -> list[Offhours]:
    """The apps whose `run` was called; it returns at once."""
    apps: list[Offhours] = []

    def note_run(app: Offhours) -> int:
        apps.append(app)
        return 0

    monkeypatch.setattr(Offhours, "run", note_run)
    return apps


@pytest.mark.parametrize("command", ["up", "serve", "worker"])
def test_it_says_what_runs_where(run, ran, command: str) -> None:
    Path("mailer.py").write_text(FILE)
    code, out, err = run(command, "mailer.py")
    assert (code, out, len(ran)) == (0, "", 1)
    assert f"mailer.py:app works on {Path.cwd() / 'file.db'}" in err
    assert "4 threads" in err and "tasks: mailer:send" in err and "offhours --db file.db top" in err


def test_threads(run, ran) -> None:
    Path("mailer.py").write_text(FILE)
    assert "2 threads" in run("worker", "mailer.py", "--threads", "2").err
    assert ran[0].settings.threads == 2


def test_the_exit_code_is_the_engine_s(run, monkeypatch) -> None:
    Path("mailer.py").write_text(FILE)
    monkeypatch.setattr(Offhours, "run", lambda app: 130)
    result = run("up", "mailer.py")
    assert result.code == 130 and "stopped at once" in result.err


def test_no_tasks_is_worth_a_word(run, ran) -> None:
    Path("bare.py").write_text('from offhours import Offhours\noh = Offhours("bare.db")\n')
    assert "decorate a function with @oh.task" in run("up", "bare.py").err


def test_a_memory_database_is_worth_a_word(run, ran) -> None:
    Path("mem.py").write_text(FILE.replace("file.db", ":memory:"))
    assert "jobs are lost" in run("up", "mem.py").err


def test_inline_is_for_tests(run, ran) -> None:
    Path("inl.py").write_text(FILE.replace('"file.db"', '"file.db", executor="inline"'))
    result = run("up", "inl.py")
    assert result.code == 2 and 'executor="inline"' in result.err and not ran


def test_another_database_is_refused(run, ran) -> None:
    Path("mailer.py").write_text(FILE)
    result = run("up", "mailer.py", "--db", "other.db")
    assert result.code == 2 and "leave out --db other.db" in result.err and not ran


def test_quiet(run, ran) -> None:
    Path("mailer.py").write_text(FILE)
    assert run("up", "mailer.py", "-q") == (0, "", "")
