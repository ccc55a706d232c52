"""What was read, written down for us: the lines make what they say."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from celery import Celery
from celery.schedules import crontab
from click.testing import CliRunner

from offhours import Offhours, TaskPriority
from offhours.cli.main import cli
from offhours.cli.migrate_views import finish
from offhours.cli.session import Session
from offhours.core.times import to_micros
from offhours.core.triggers import At, Calendar, Cron, Every, Plan
from offhours.migrate.beat import Entry, brought
from offhours.migrate.foreign import Foreign
from offhours.migrate.writing import apply, as_dict, command, python_imports, python_line, when_text
from offhours.testing import FakeClock, MemoryApp, memory_app

NOW = to_micros(datetime(2026, 2, 10, 12, 34, 56, tzinfo=UTC))
ENTRIES = [
    Entry("morning", "p.t", crontab(hour=9, minute=0), ("a b",), {"n": 3}, {"priority": 3}),
    Entry("often", "p.t", timedelta(minutes=45), options={"queue": "slow", "expires": 90}),
    Entry("once a day", "p.t", crontab(hour=1, minute=5), max_runs=1, end=NOW + 10**15),
    Entry("paused", "p.t", crontab(hour="*/6", minute=0), paused=True),
]


def found() -> list[Foreign]:
    app = Celery("proj", broker="redis://h", set_as_current=False)
    app.conf.timezone = "Europe/Berlin"
    return [brought(entry, app, NOW) for entry in ENTRIES]


@pytest.fixture
def app() -> MemoryApp:
    return known()


def known() -> MemoryApp:
    """An app that knows the task."""
    made = memory_app(FakeClock(datetime(2026, 2, 10, 12, 34, 56, tzinfo=UTC)))
    made.task(name="p.t")(lambda *args, **kwargs: None)
    return made


def stored(app: Offhours) -> dict[str, Any]:
    left_out = {"id", "revision", "declared", "text", "created_at", "updated_at", "plan"}
    return {
        handle.name: (
            {key: value for key, value in handle.record._asdict().items() if key not in left_out},
            handle.plan,
        )
        for handle in app.schedules
    }


def test_python_lines_and_apply_make_the_same(app: MemoryApp) -> None:
    lines = [python_line(each, NOW) for each in found()]
    assert python_imports(lines) == [
        "from datetime import timedelta", "from offhours import TaskPriority",
    ]  # fmt: skip
    for line in lines:
        exec(line, {"app": app, "timedelta": timedelta, "TaskPriority": TaskPriority})
    other = known()
    assert [apply(other, each) for each in found()] == ["created"] * 4
    assert stored(app) == stored(other)
    assert stored(app)["paused"][0]["status"] == "paused"


def test_applied_again_it_changes_nothing(app: MemoryApp) -> None:
    for each in found():
        apply(app, each)
    app.clock.advance("3h")
    assert [apply(app, each) for each in found()] == ["unchanged"] * 4


def test_what_changed_there_is_changed_here_and_what_was_said_here_stays(app: MemoryApp) -> None:
    [morning, *_] = found()
    apply(app, morning)
    app.schedules.get("morning").update(jitter="10s")
    assert apply(app, morning) == "unchanged"
    later = Entry("morning", "p.t", crontab(hour=10, minute=0))
    celery = Celery("proj", set_as_current=False)
    assert apply(app, brought(later, celery, NOW)) == "changed"
    assert app.schedules.get("morning").plan.triggers == (Cron("0 10 * * *"),)


def test_commands_make_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "jobs_of_commands.py"
    file.write_text(
        "from offhours import Offhours\napp = Offhours('x.db')\n"
        "@app.task(name='p.t')\ndef t(*args, **kwargs): ...\n"
    )
    celery = Celery("proj", broker="redis://h", set_as_current=False)
    now = to_micros(datetime.now(UTC))
    runner = CliRunner()
    for each in [brought(entry, celery, now) for entry in ENTRIES[:3]]:
        line = command(each, now)
        assert line is not None
        words = shlex.split(line)
        sys.modules.pop("jobs_of_commands", None)  # the app of the last one was closed
        done = runner.invoke(cli, [*words[1:], "--file", "jobs_of_commands.py", "--quiet"])
        assert done.exit_code == 0, done.output
    app = Offhours("x.db")
    made = {handle.name: handle for handle in app.schedules}
    assert made["morning"].record.args == '[["a b"],{"n":3}]'
    assert made["often"].record.expires == 90 * 10**6
    assert made["once a day"].record.max_runs == 1
    app.close()


@pytest.mark.parametrize(
    "plan",
    [
        Plan((Cron("0 9 * * *"),), "Europe/Berlin"),
        Plan((Cron("0 9 * * *"),), "Europe/Berlin", start=NOW + 10**12, end=NOW + 10**15),
        Plan((Cron("0 9 L * 5#2"),), "UTC"),
        Plan((Every(45 * 60 * 10**6, NOW),), "UTC"),
        Plan((Calendar(days=14, anchor_date=datetime(2026, 2, 2).date()),), "UTC"),
        Plan((At(NOW + 10**12),), "Asia/Tokyo"),
        Plan((Cron("0 3 * * *"), Cron("15 5 * * *")), "UTC"),
    ],
)
def test_times_are_said_so_that_they_are_read_back(plan: Plan, app: MemoryApp) -> None:
    foreign = Foreign("there", "n", "p.t", "", plan=plan)
    text = when_text(foreign, NOW)
    assert text is not None
    assert app.schedules.plan(text, plan.timezone)[0] == plan


def test_times_without_words_are_given_as_a_plan(app: MemoryApp) -> None:
    plan = Plan((Every(45 * 60 * 10**6, NOW), Cron("0 9 * * *")), "UTC", end=NOW + 10**13 + 1)
    foreign = Foreign("there", "n", "p.t", "", plan=plan)
    line = python_line(foreign, NOW)
    if when_text(foreign, NOW) is None:
        assert command(foreign, NOW) is None and "Plan(" in line
    exec(line, {"app": app, "Plan": Plan, "Every": Every, "Cron": Cron})
    assert app.schedules.get("n").plan == plan


def test_json_has_all_of_it() -> None:
    told = as_dict(found()[0], NOW)
    assert told["sentence"] == "every day at 09:00" and told["refused"] is None
    assert told["fires"]["there"] == told["fires"]["here"] and len(told["fires"]["here"]) == 5
    assert told["options"]["priority"] == "low" and told["command"].startswith("offhours schedule")


@pytest.mark.parametrize("form", ["python", "commands"])
def test_a_name_is_no_line_of_a_script(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhours.migrate.writing.when_text", lambda foreign, now: None)
    evil = Foreign("there", "n\ntouch /tmp/evil", "p.t", "", refused="so\nrm -rf /")
    odd = Plan((Every(45 * 60 * 10**6, NOW), Cron("0 9 * * *")), "UTC")
    unsaid = Foreign("there", "m\ntouch /tmp/evil", "p.t", "", plan=odd)
    with click.Context(click.Command("migrate"), obj=Session()), CliRunner().isolation() as printed:
        with suppress(click.exceptions.Exit):
            finish([evil, unsaid], NOW, apply=False, form=form)
        lines = printed[0].getvalue().decode().splitlines()
    assert any(line.startswith("# n\\ntouch") for line in lines)
    assert not any(line.startswith(("touch", "rm")) for line in lines)
