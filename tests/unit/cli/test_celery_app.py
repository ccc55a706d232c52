"""`celery-app` prints what starts the Celery workers of a file."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path


def test_it_prints_a_command_line(run) -> None:
    Path("my jobs.py").write_text("")
    code, out, err = run("celery-app", "my jobs.py")
    assert code == 0 and "OFFHOURS_BROKER_URL" in err
    assert shlex.split(out) == [
        "env", f"OFFHOURS_APP={Path.cwd() / 'my jobs.py'}", "celery", "-A",
        "offhours.celery.celery_app",
    ]  # fmt: skip


def test_a_file_that_cannot_be_imported_is_told_at_once(run) -> None:
    Path("jobs.py").write_text("1 / 0")
    code, _, err = run("celery-app", "jobs.py")
    assert code == 1 and "ZeroDivisionError" in err


def test_without_celery_it_says_what_to_install(run, monkeypatch) -> None:
    Path("jobs.py").write_text("")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, _, err = run("celery-app", "jobs.py")
    assert code == 1 and 'pip install "offhours[celery]"' in err
