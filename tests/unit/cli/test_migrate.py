"""`migrate`: what it reads, refuses, prints and stores."""

from __future__ import annotations

import dbm.dumb
import json
import os
import pickle
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from offhours.cli.main import cli

BEAT = """\
from datetime import timedelta
from celery import Celery
from celery.schedules import crontab

app = Celery("proj", broker="redis://h", set_as_current=False)
app.conf.beat_schedule = {
    "morning": {"task": "proj.report", "schedule": crontab(hour=9, minute=0), "args": ["a b"]},
    "thirteenth": {
        "task": "proj.report", "schedule": crontab(0, 0, day_of_month=13, day_of_week="fri"),
    },
}
"""
CONFIG = """\
from datetime import timedelta
beat_schedule = {"often": {"task": "proj.report", "schedule": timedelta(minutes=45)}}
timezone = "Asia/Tokyo"
"""
JOBS = """\
from apscheduler.schedulers.background import BackgroundScheduler
def tidy(): ...
scheduler = BackgroundScheduler(timezone="Europe/Berlin")
scheduler.add_job(tidy, "cron", hour=9, id="nine")
"""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line in a folder with these programs."""
    names = {"beat_program": BEAT, "beat_settings": CONFIG, "aps_program": JOBS}
    for name, text in names.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield lambda *words: CliRunner().invoke(cli, ["migrate", *words])
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("source", ["beat_program.py:app", "beat_program.py", "beat_program:app"])
def test_both_are_shown_side_by_side(run: Run, source: str) -> None:
    done = run("celery-beat", source)
    assert done.exit_code == 1  # one of them was refused
    assert (
        "morning: proj.report" in done.stdout and "here:  every day at 09:00 (UTC)" in done.stdout
    )
    times = [line.split()[1:3] for line in done.stdout.splitlines() if " 09:00:00" in line]
    assert len(times) == 5
    assert "not brought over: it fires on day 13 of the month" in done.stdout
    assert "1 of 2 schedules can be brought over" in done.stderr


def test_lines_to_copy(run: Run) -> None:
    python = run("celery-beat", "beat_program.py", "--format", "python").stdout.splitlines()
    assert python[0] == (
        "app.schedule('proj.report', '0 9 * * *', args=('a b',), name='morning', timezone='UTC')"
    )
    assert python[1].startswith("# thirteenth is not brought over: ")
    commands = run("celery-beat", "beat_program.py", "--format", "commands").stdout.splitlines()
    assert commands[0] == (
        "offhours schedule add '0 9 * * *' proj.report --arg '\"a b\"' --name morning "
        "--timezone UTC"
    )


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_json(run: Run, words: list[str]) -> None:
    told = json.loads(run("celery", "beat_settings.py", *words).stdout)
    [often] = told["schedules"]
    assert told["refused"] == 0 and often["plan"]["timezone"] == "Asia/Tokyo"
    assert often["fires"]["there"] == often["fires"]["here"] and often["stored"] is None


def test_applied_twice_it_is_stored_once(run: Run, tmp_path: Path) -> None:
    words = ("apscheduler", "aps_program.py:scheduler", "--apply", "--db", "new.db")
    done = run(*words)
    assert done.exit_code == 0 and "  created" in done.stdout
    assert "the scheduler is not started" in done.stderr
    again = json.loads(run(*words, "--json").stdout)
    assert [each["stored"] for each in again["schedules"]] == ["unchanged"]
    assert (tmp_path / "new.db").exists()


def test_without_apply_nothing_is_stored(run: Run, tmp_path: Path) -> None:
    run("celery-beat", "beat_settings.py")
    assert not list(tmp_path.glob("*.db"))


class Detonator:
    """Harms whoever unpickles it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.abort, ()


def test_beats_shelve_is_not_unpickled(run: Run, tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "celerybeat-schedule"), "c") as file:
        file["entries"] = pickle.dumps(Detonator())
    newer = tmp_path / "celerybeat-schedule.sqlite"  # as from Python 3.13 on
    with sqlite3.connect(newer) as connection:
        connection.execute("create table Dict (key blob, value blob)")
        connection.execute("insert into Dict values ('entries', ?)", (pickle.dumps(Detonator()),))
    connection.close()
    for source in ("celerybeat-schedule", "celerybeat-schedule.dir", newer.name):
        done = run("celery-beat", source)
        assert done.exit_code == 7 and "a shelve is pickles" in done.stderr
        assert "offhours migrate celery-beat FILE.py:app" in done.stderr


def test_a_job_store_tells_what_is_not_pickled(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "jobs.sqlite") as connection:
        connection.execute(
            "create table apscheduler_jobs (id text, next_run_time float, job_state blob)"
        )
        connection.execute(
            "insert into apscheduler_jobs values ('nightly', 2e9, ?)", (pickle.dumps(Detonator()),)
        )
    connection.close()
    for source in ("jobs.sqlite", f"sqlite:///{tmp_path}/jobs.sqlite"):
        done = run("apscheduler", source)
        assert done.exit_code == 1
        assert "there: next at 2033-05-18T03:33:20Z" in done.stdout
        assert "scheduler.start(paused=True)" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("celery-beat", "nothing.py"), 2, "no file nothing.py"),
        (("celery-beat", "no_such_module:app"), 2, "no file and no module no_such_module"),
        (
            ("celery-beat", "beat_program.py:ap"),
            2,
            "no Celery application 'ap' in it; there is",
        ),
        (("celery-beat", "aps_program.py"), 2, "no Celery application and no beat_schedule"),
        (("apscheduler", "beat_program.py"), 2, "no APScheduler scheduler in it"),
        (("celery-beat", "empty.sqlite"), 3, "has no table django_celery_beat_periodictask"),
    ],
)
def test_a_source_that_is_none_is_told(
    run: Run, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    with sqlite3.connect(tmp_path / "empty.sqlite") as connection:
        connection.execute("create table other (x)")
    connection.close()
    done = run(*words)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr


def test_a_library_that_is_not_there_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = run("celery-beat", "beat_program.py")
    assert done.exit_code == 1 and "celery is not installed here" in done.stderr


def test_another_version_of_apscheduler_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "4.0.0a6")
    done = run("apscheduler", "aps_program.py")
    assert done.exit_code == 7 and "APScheduler 4.0.0a6 is installed; version 3" in done.stderr
