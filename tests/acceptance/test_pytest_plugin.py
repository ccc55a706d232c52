"""A user's project with tests of its own: pytest finds the plugin, and it harms nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = """\
import sys
from offhours import Offhours

app = Offhours("shop.db")
assert app.store.name == ":memory:", "the tests reached the database of the program"

@app.task(retries=2)
def mail(to: str) -> str:
    return f"to {to}"

@app.task
def order(who: str) -> None:
    mail.submit(who)

app.schedule(order, "every day at 2:30am", args=("bob",), timezone="Europe/Berlin", name="nightly")
"""
TESTS = """\
import pytest
from offhours.testing import (
    assert_not_submitted, assert_scheduled, assert_submitted, drain, failing, immediate
)
from shop.tasks import app, mail, order

def test_follow_ups(offhours_app):
    assert offhours_app is app
    order.submit("ann")
    assert [run.task for run in drain(app)] == ["shop.tasks:order", "shop.tasks:mail"]
    assert_submitted(mail, args=("ann",), times=1)

def test_nothing_is_left_of_the_one_before(offhours_app):
    assert_not_submitted(mail)

def test_a_night_at_the_clock_change(offhours_app, offhours_clock):
    assert_scheduled(order, "30 2 * * *", timezone="Europe/Berlin")
    offhours_clock.travel("2026-03-28T12:00:00Z")
    drain(app)
    ran = drain(app, until="1d")
    assert [run.at.isoformat() for run in ran] == ["2026-03-29T01:00:00+00:00"] * 2

def test_a_retry(offhours_app):
    mail.submit("ann")
    with failing(mail, ConnectionError(), times=1):
        assert [run.outcome for run in drain(app, until="1h")] == ["retried", "succeeded"]

def test_at_once(offhours_app):
    with immediate(app):
        assert mail.submit("ann").result() == "to ann"

def test_this_one_fails(offhours_app):
    mail.submit("ann")
    assert_submitted(mail, args=("bob",))
"""
STRANGERS = """\
import sys

known = set(sys.modules)

def test_nothing_of_it_is_loaded(request):
    assert {name for name in known if name.startswith("offhours")} == {
        "offhours", "offhours.pytest_plugin"
    }
    assert not [f for f in request.fixturenames if "offhours" in f]
"""
OWN_FIXTURE = """\
import pytest
from offhours import Offhours
from offhours.testing import in_memory

made = Offhours(":memory:")

@pytest.fixture
def offhours_app(offhours_clock):
    with in_memory(made, offhours_clock) as app:
        yield app

def test_the_own_one_counts(offhours_app, offhours_clock):
    assert offhours_app is made and offhours_app.clock is offhours_clock

def test_it_is_empty(offhours_app):
    assert offhours_app.submit(len, args=("four",)).result() == 4
"""
SETTINGS = """\
[tool.pytest.ini_options]
addopts = "--strict-config --strict-markers"
filterwarnings = ["error"]
pythonpath = ["."]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "tasks.py").write_text(SHOP)
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    """What pytest says there, with the plugins that are installed."""
    off = ("randomly", "xdist", "hypothesispytest", "schemathesis", "anyio", "langsmith_plugin")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
    for name in off:  # they take their time, and are not what is tried
        command += ["-p", f"no:{name}"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def outcomes(said: str) -> dict[str, str]:
    return {name: how for how, name in re.findall(r"^(\w+) test_\w+\.py::(\w+)", said, re.M)}


def test_a_project_that_names_its_app(project: Path) -> None:
    settings = project / "pyproject.toml"
    settings.write_text(SETTINGS + 'offhours_app = "shop.tasks:app"\n')
    (project / "test_shop.py").write_text(TESTS)
    said = run(project)
    found = outcomes(said)
    assert found.pop("test_this_one_fails") == "FAILED", said
    assert set(found.values()) == {"PASSED"} and len(found) == 5, said
    assert "args=('bob',) was not submitted; submitted were:" in said
    assert 'job 1: shop.tasks:mail("ann")' in said
    assert not (project / "shop.db").exists()


def test_projects_that_do_not(project: Path) -> None:
    (project / "test_a_strangers.py").write_text(STRANGERS)
    (project / "test_b_own.py").write_text(OWN_FIXTURE)
    assert set(outcomes(said := run(project)).values()) == {"PASSED"}, said
    assert "3 passed" in said


def test_a_name_that_leads_nowhere_is_told_in_one_line(project: Path) -> None:
    (project / "test_shop.py").write_text(TESTS)
    said = run(project, "-o", "offhours_app=shop.tasks:ap")
    assert "ERROR: " in said and "shop.tasks has no app called 'ap'; there is app" in said
    assert "Traceback" not in said
