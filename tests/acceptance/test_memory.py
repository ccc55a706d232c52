"""The memory's page runs as it stands, and so do the examples of the source document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import offhours.search
from offhours import ArtifactType, ScheduledTaskManager, get_global_task_manager
from offhours.faces.base import forget_shared

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT.parent / "shared" / "sources" / "1-offline-optimizer.md"
PAGE = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True, params=["words", "meaning"])
def _either_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    if request.param == "words":
        monkeypatch.setattr("offhours.search.installed_embedder", lambda: None)
    elif offhours.search.installed_embedder() is None:
        pytest.skip("the extra `semantic` is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "shared.db"))
    forget_shared()
    yield
    forget_shared()


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


@pytest.mark.skipif(not DOCUMENT.is_file(), reason=f"the source document is not {DOCUMENT}")
def test_the_example_of_the_document_runs() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("### RAG Integration")[2]
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    manager: ScheduledTaskManager = get_global_task_manager()
    for name, description, when in (
        ("nightly_backup", "Backup database to S3", "0 2 * * *"),
        ("event_poller", "Poll external API for new events", "every 5 minutes"),
        ("sundays", "Watch the house", "* * * * 0"),
        ("report", "Email the analytics", "every sunday at noon"),
    ):
        manager.create_task(name, description, when, func_name="nobody")
    space: dict[str, Any] = {
        "ArtifactType": ArtifactType, "config_manager": SimpleNamespace(), "ollama_client": None,
    }  # fmt: skip
    exec(
        compile(code[1].replace("from src import", "from offhours import"), "<doc>", "exec"), space
    )
    assert space["similar"][0].name == "nightly_backup"
    assert 0 < len(space["similar"]) <= 10
    assert all("scheduled_task" in each.tags for each in space["similar"])
    assert [each.name for each in space["weekly_tasks"]] == ["sundays"]
    manager.app.stop()
