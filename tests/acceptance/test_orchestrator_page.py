"""docs/orchestrator.md runs as it stands, and its table says what the handlers return."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from offhours import TaskStatus

PAGE = (Path(__file__).parents[2] / "docs" / "orchestrator.md").read_text(encoding="utf-8")


def test_its_snippets_and_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "page"}
    for snippet in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(snippet, "orchestrator.md", "exec", dont_inherit=True), space)
    told = capsys.readouterr().out
    execution = space["task_ids"]
    assert execution.status is TaskStatus.COMPLETED and (tmp_path / "work.db").exists()
    assert "code web API: pending: " in told
    assert "tests authentication: completed at attempt 2" in told
    assert "code cart using the catalogue (code) after design, code catalogue" in told
    assert "['chart', 'clean', 'fetch']" in told
    results = {phase.split()[0]: result for phase, result in execution.results().items()}
    for handler, _, keys in re.findall(r"^\| `(\w+)` \| ([^|]*) \| (.*) \|$", PAGE, re.MULTILINE):
        if handler in results:
            assert set(re.findall(r"`(\w+)`", keys)) >= results[handler].keys(), handler
    assert space["orchestrator"].shutdown()
    space["orchestrator"].app.close()
