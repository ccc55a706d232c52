"""The legs of the suite: as root, as an ordinary user, and without any sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import nightly
from tests.sandbox.leg import Outcome

import offhours

ORDINARY = 61999  # an account that owns nothing
SYSTEM_PYTHON = "/usr/bin/python3"  # ours may lie below a folder that only root can enter


def play_as_user(levels: list[str]) -> list[Outcome]:
    """The suite in a process of an ordinary user, on a copy that it can read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(offhours.__file__).parent, folder / "offhours", ignore=ignore)
        shutil.copytree(Path(__file__).parent, folder / "tests" / "sandbox", ignore=ignore)
        shutil.copy(nightly.__file__, folder / "tests")
        subprocess.run(["chmod", "-R", "a+rX", name], check=True)
        account = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
        python = SYSTEM_PYTHON if os.geteuid() == 0 else sys.executable
        program = [python, str(folder / "tests" / "sandbox" / "leg.py"), *levels]
        done = subprocess.run(
            [*(account if os.geteuid() == 0 else []), *program],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1"}
            | ({"OFFHOURS_NIGHTLY": "1"} if nightly.NIGHTLY else {}),
            cwd="/",
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return [Outcome(*json.loads(line)) for line in done.stdout.splitlines()]
