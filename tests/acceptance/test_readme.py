"""The README's Python runs as it stands, and says what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from offhours.cli.main import cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    (tmp_path / "example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
    why, result = done.stdout.splitlines()
    assert "ann is typing" in why
    assert result == "6"


def test_ci_runs_the_readmes_command() -> None:
    commands = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    ci = (Path(__file__).parents[2] / ".ci" / "run").read_text(encoding="utf-8")
    assert commands[1].strip() in ci.splitlines()


def test_the_schedule_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [part.partition("#")[0].strip() for part in README.splitlines()
             if part.startswith("offhours schedule ")]  # fmt: skip
    assert len(lines) == 3
    (tmp_path / "FILE.py").write_text(
        "from offhours import Offhours\napp = Offhours()\n@app.task\ndef task(): ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OFFHOURS_DB", raising=False)
    monkeypatch.setattr(sys, "path", sys.path[:])
    for command in "; ".join(lines).split("; "):
        done = CliRunner().invoke(cli, shlex.split(command)[1:])
        assert done.exit_code == 0, done.output
        assert "09:00" in done.stdout or "calendar" in command
    del sys.modules["FILE"]
