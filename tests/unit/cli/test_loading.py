"""A user's file is imported under its right name, and what is wrong with it is said."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from offhours.cli.codes import CommandError
from offhours.cli.loading import load_app, load_file
from offhours.core.errors import ConfigError

APP = 'from offhours import Offhours\napp = Offhours(":memory:", executor="inline")\n'


def write(name: str, text: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def test_the_one_app_is_found() -> None:
    name, app = load_app(write("one_app.py", APP + "again = app\n@app.task\ndef f(): ...\n"))
    assert name == "app" and app.registry.names() == ["one_app:f"]


def test_with_several_one_must_be_chosen() -> None:
    file = write("two_apps.py", APP + 'other = Offhours(":memory:")\n')
    with pytest.raises(click.UsageError, match="choose with --app: app, other"):
        load_app(file)
    assert load_app(file, "other")[0] == "other"
    with pytest.raises(click.UsageError, match='no app "othr"; did you mean "other"'):
        load_app(file, "othr")


def test_without_an_app_it_says_how_to_make_one() -> None:
    with pytest.raises(click.UsageError, match=r'add one: app = Offhours\("jobs.db"\)'):
        load_app(write("no_app.py", "x = 1\n"))


def test_a_file_of_a_package_has_its_dotted_name_and_relative_imports() -> None:
    write("shop/__init__.py", "")
    write("shop/core.py", APP)
    write("shop/mail/__init__.py", "")
    file = write("shop/mail/jobs.py", "from ..core import app\n@app.task\ndef send(): ...\n")
    assert load_app(file)[1].registry.names() == ["shop.mail.jobs:send"]


def test_a_package_s_own_file() -> None:
    file = write("depot/__init__.py", APP + "@app.task\ndef f(): ...\n")
    assert load_app(file)[1].registry.names() == ["depot:f"]


def test_its_neighbours_can_be_imported() -> None:
    write("here/neighbour.py", "value = 7\n")
    assert load_file(write("here/main_file.py", "from neighbour import value\n")).value == 7


def test_a_main_guard_is_not_entered() -> None:
    load_file(write("guarded.py", 'if __name__ == "__main__":\n    raise RuntimeError\n'))


def test_a_missing_file_is_told_with_the_near_one() -> None:
    write("worker_app.py", APP)
    with pytest.raises(click.UsageError, match=r'did you mean "worker_app\.py"'):
        load_file("workr_app.py")


def test_only_python_files() -> None:
    with pytest.raises(click.UsageError, match=r"ends in \.py"):
        load_file(write("jobs.txt", ""))


def test_a_name_that_is_taken() -> None:
    with pytest.raises(click.UsageError, match="its name json belongs to"):
        load_file(write("json.py", APP))


def test_an_error_in_it_is_shown_from_their_first_line_on(capsys) -> None:
    with pytest.raises(CommandError, match=r"cannot import broken_file\.py: ZeroDivisionError"):
        load_file(write("broken_file.py", "def f():\n    1 / 0\nf()\n"))
    err = capsys.readouterr().err
    assert err.count("  File ") == 2 and "loading.py" not in err


def test_a_syntax_error_is_shown_with_its_place(capsys) -> None:
    with pytest.raises(CommandError, match="SyntaxError"):
        load_file(write("typo_file.py", "def f(:\n"))
    assert 'typo_file.py", line 1' in capsys.readouterr().err


def test_a_file_that_ends_the_program() -> None:
    with pytest.raises(CommandError, match="ended the program"):
        load_file(write("exits.py", "import sys\nsys.exit(0)\n"))


def test_our_own_errors_stay_what_they_are() -> None:
    with pytest.raises(ConfigError):
        load_file(write("misset.py", "from offhours import Offhours\nOffhours(threads=0)\n"))
