"""docs/training.md and docs/gates.md run as they stand, and their tables say what holds."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from offhours import Offhours, SafetyControls
from offhours.training import level_table

DOCS = Path(__file__).parents[2] / "docs"
TRAINING = (DOCS / "training.md").read_text(encoding="utf-8")
GATES = (DOCS / "gates.md").read_text(encoding="utf-8")


def run_page(page: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "page"}
    apps: list[Offhours] = []
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(block, "<page>", "exec"), space)
        apps += [space["app"]] if space.get("app") not in apps else []
    space["apps"] = apps
    return space


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_page_of_training_runs(capsys: pytest.CaptureFixture[str]) -> None:
    done = run_page(TRAINING)
    told = capsys.readouterr().out
    assert told.startswith("1.000 on the golden set, and nothing served before\n[False, True]\n")
    assert "every day at 02:00" in told
    for app in [*done["apps"], done["scheduler"].app]:
        app.close()


def test_the_page_of_gates_runs(capsys: pytest.CaptureFixture[str]) -> None:
    done, job = run_page(GATES), None
    assert "Memory: " in capsys.readouterr().out
    gate, store = done["Maintenance"](), done["app"].store
    assert gate.look(job, 0, store).open
    Path("maintenance").touch()
    assert gate.look(job, 0, store).again_at == 5 * 60_000_000
    done["app"].close()


def test_the_table_of_levels_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)`.*? \| (.*?) \| (.*?) \| (.*?) \|$", TRAINING, re.MULTILINE)
    told = {name: figures for name, *figures in rows if name in SafetyControls().to_dict()}
    no_figure = {"level", "max_memory_usage_mb", "min_live_score", "rollback_on_degradation",
                 "backup_models"}  # fmt: skip
    assert set(told) == {each.name for each in fields(SafetyControls)} - no_figure
    for column, level in enumerate(("strict", "moderate", "permissive")):
        for name, figures in told.items():
            figure = figures[column].replace(",", "")
            held = level_table(level)[name]
            assert held == (None if figure == "none" else float(figure)), (level, name)
