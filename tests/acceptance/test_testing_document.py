"""docs/testing.md: its files make a project, and all its tests pass."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.test_pytest_plugin import outcomes, run

TEXT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_its_project_passes(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for name, code in re.findall(r"^```\w+\n# ([\w.]+)[^\n]*\n(.*?)^```", TEXT, re.M | re.S):
        files[name] = f"{files.get(name, '')}{code}\n"
    files.pop("conftest.py")  # of another project: tests/acceptance/test_pytest_plugin.py has it
    for name, code in files.items():
        (tmp_path / name).write_text(code)
    found = outcomes(said := run(tmp_path))
    assert set(found.values()) == {"PASSED"}, said
    assert len(found) == TEXT.count("\ndef test_") == 12
    assert not (tmp_path / "shop.db").exists()
