"""What an installation brings along: few things, each known by its name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "pyproject.toml"
KNOWN = {
    "apsw", "click", "cronsim", "fastapi", "msgspec", "prometheus-client", "psutil", "pyyaml",
    "rich", "tzdata", "tzlocal", "uvicorn", "websockets",
}  # fmt: skip


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", each)[0].lower() for each in requirements}


def test_s28_what_is_needed_is_known_by_name() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert names(project["dependencies"]) == KNOWN


def test_s28_each_has_a_lowest_version() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert [each for each in project["dependencies"] if ">=" not in each] == []


def locked() -> list[dict[str, Any]]:
    """All that our own work may install, as `uv lock` has written it down."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return [package for package in packages if package["name"] != "offhours"]


def test_s28_each_file_that_may_be_installed_is_known_by_its_digest() -> None:
    for package in locked():
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]), package["name"]


def test_s28_all_comes_from_the_one_registry() -> None:
    for package in locked():
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        for file in [*package.get("wheels", []), package.get("sdist")]:
            assert file is None or file["url"].startswith("https://files.pythonhosted.org/")


def test_s28_what_is_asked_for_is_what_is_locked(tmp_path: Path) -> None:
    """Nothing is asked of the network: a lock that agrees needs nothing more to say so."""
    check = [sys.executable, "-m", "uv", "lock", "--check", "--offline"]
    environment = {**os.environ, "UV_CACHE_DIR": str(tmp_path), "UV_PYTHON": sys.executable}
    done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"run `uv lock`\n{done.stderr}"
