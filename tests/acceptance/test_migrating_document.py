"""docs/migrating.md: its Python runs, and the names that its tables give are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import offhours
from offhours.handles import SubmitOptions
from offhours.options import TaskOptions
from offhours.schedules import ScheduleOptions
from offhours.testing import drain, in_memory

TEXT = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the document's blocks define, one after the other."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"offhours": offhours, "__name__": "migrating_document"}
    for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S):
        exec(compile(block, "migrating.md", "exec"), names)
    return names


def test_its_python_runs(space: dict[str, Any]) -> None:
    app, flow = space["app"], space["flow"]
    assert {handle.name for handle in app.schedules} == {"morning", "often", "nightly", "tidy"}
    try:
        with in_memory(app):
            run = app.submit_flow(flow)
            drain(app)
            assert run.status == "succeeded" and run.results()["add up"] == 2
    finally:
        app.close()


def test_the_options_of_its_tables_exist() -> None:
    known = {*SubmitOptions.__annotations__, *TaskOptions.__annotations__}
    known |= {*ScheduleOptions.__annotations__, *offhours.config.Options.__annotations__}
    known |= {"args", "if_failed", "minutes"}  # of `submit`, of a flow's edge, of a timedelta
    ours = re.findall(r"^\| .* \| (.*) \|$", TEXT, re.M)
    named = {word for cell in ours for word in re.findall(r"\b([a-z_]+)=", cell)}
    assert named <= known, named - known
    assert len(named) > 15
