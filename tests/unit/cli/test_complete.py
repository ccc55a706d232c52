"""What Tab offers, as a shell asks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from offhours.app import Offhours
from offhours.cli.completion import SHELLS, VARIABLE
from offhours.cli.main import cli
from offhours.cli.remote.agents import RemoteGoals
from offhours.core.agents import Goal

GOAL = Goal(**{**dict.fromkeys(Goal._fields), "task_id": "task_1", "agent": "scout"})


def offered(*words: str, last: str = "") -> list[str]:
    asked = ShellComplete(cli, {}, "offhours", VARIABLE)
    return [item.value for item in asked.get_completions(list(words), last)]


@pytest.fixture
def filled(app: Offhours) -> Offhours:
    app.submit("t:boom", args=("x",), queue="mail")
    app.drain()
    app.submit("t:add", args=(1,), queue="mail")
    app.schedule("t:add", "every day at 9am", args=(1,), name="nine")
    return app


@pytest.mark.parametrize(
    ("words", "last", "found"),
    [
        (["ls", "--state"], "s", ["succeeded"]),
        (["ls", "--task"], "t:", ["t:add", "t:boom"]),
        (["submit"], "t:b", ["t:boom"]),
        (["pause", "--queue"], "", ["mail"]),
        (["show"], "", ["2", "1"]),
        (["defer"], "", ["2"]),
        (["cancel"], "", ["2"]),
        (["retry"], "", ["1"]),
        (["show"], "2", ["2"]),
        (["schedule", "show"], "", ["nine", "1"]),
        (["schedule", "add", "every day"], "t:a", ["t:add"]),
        (["ls", "--db", "offhours.db", "--task"], "", ["t:add", "t:boom"]),
        (["ls", "--db", "none.db", "--task"], "", []),
        (["schedule"], "pa", ["pause"]),
        ([], "sch", ["schedule"]),
        (["ls"], "--sta", ["--state"]),
    ],
)
def test_names_and_numbers_come_out_of_the_database(filled, words, last, found) -> None:
    assert offered(*words, last=last) == found
    assert not Path("none.db").exists()


def test_goals_of_a_server_too(app: Offhours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RemoteGoals, "page", lambda goals, **asked: [GOAL])
    monkeypatch.setenv("OFFHOURS_TOKEN", "oh_secret")
    assert offered("goal", "show", "--url", "http://127.0.0.1:1/") == ["task_1"]


def test_goals_flows_and_approvals_too(app: Offhours) -> None:
    goal = app.agent("scout").schedule("Look.", "every day at 7am")
    assert offered("goal", "show") == [goal.task_id]
    assert offered("flow", "show") == [] and offered("approve") == []


def test_whatever_is_wrong_a_tab_prints_nothing(capsys, monkeypatch) -> None:
    Path("offhours.db").write_text("my diary")
    assert offered("show") == []
    monkeypatch.setenv("OFFHOURS_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("OFFHOURS_TOKEN", "oh_1")
    assert offered("show") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(run, shell: str) -> None:
    out = run("completion", shell).out
    assert VARIABLE in out and "offhours" in out


def test_the_own_shell_is_known(run, monkeypatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("completion").out == run("completion", "fish").out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run("completion").code == 2


def test_a_tab_at_the_first_word_imports_no_command() -> None:
    program = (
        "import sys, offhours.cli.main as m\n"
        "from click.shell_completion import ShellComplete\n"
        "found = ShellComplete(m.cli, {}, 'offhours', 'X').get_completions([], 's')\n"
        "print(len(found), *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    count, *loaded = done.stdout.split()
    assert int(count) > 3
    assert not set(loaded) & {"offhours.app", "offhours.cli.show", "apsw", "rich", "msgspec"}
