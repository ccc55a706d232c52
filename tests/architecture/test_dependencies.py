"""What an installation brings along: few things, each known by its name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
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
