"""The memory's page runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import offhours.search

PAGE = (Path(__file__).parents[2] / "docs" / "memory.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True, params=["words", "meaning"])
def _either_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if request.param == "words":
        monkeypatch.setattr("offhours.search.installed_embedder", lambda: None)
    elif offhours.search.installed_embedder() is None:
        pytest.skip("the extra `semantic` is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "shared.db"))


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    space: dict[str, Any] = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/memory.md", "exec", dont_inherit=True), space)
    space["app"].close()
    assert capsys.readouterr().out.splitlines() == [
        "schedule_1",
        "nightly_backup",
        "['schedule_1']",
        "How to greet a guest",
        "nightly_backup ['scheduled_task', 'cron', '0 2 * * *', 'storage']",
        "p1",
        "job 1 (app:backup) was wanted by thought_12345",
        "['exec_1.1']",
        "2",
    ]
    assert 'graph id="offhours"' in space["file"].getvalue()
