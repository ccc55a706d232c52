"""The recorder's page: its Python runs as it stands, its commands ask Loki as Loki wants it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from offhours import get_perfcatcher_interceptor

PAGE = (Path(__file__).parents[2] / "docs" / "recorder.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(words: str) -> dict[str, Any]:
    """Run the one example in which these words stand."""
    [code] = [block for block in BLOCKS if words in block]
    space: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "docs/recorder.md", "exec", dont_inherit=True), space)
    return space


def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BLOCKS) == 8
    run("@recorder.tool")
    assert capsys.readouterr().out == "1 1\nlist of 3 in workflow_123\n"
    space = run("class Budget")
    assert capsys.readouterr().out == "ONCE\n"
    with pytest.raises(PermissionError, match="no budget left for paid_model"):
        space["ask"]("twice")


def test_dumps_in_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space = run("StoreSink(app)")
    assert len(space["app"].store.notices.dumps()) == 1
    space["recorder"].close()
    space["app"].close()


def test_jobs_are_calls() -> None:
    app = run("app.intercept(")["app"]
    with app:
        assert app.submit(len, args=("four",)).result(20) == 4
    assert get_perfcatcher_interceptor().get_tool_stats("builtins:len")["count"] == 1
    app.close()


@pytest.mark.parametrize(
    ("package", "words", "printed"),
    [
        ("langchain_core", "adapters.langchain", "offline\n"),
        ("agents", "adapters.agents", ""),
        ("fastmcp", "adapters.fastmcp", ""),
        ("mcp", "adapters.mcp", "4\n"),
    ],
)
def test_other_libraries(
    package: str, words: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(package)
    run(words)
    assert capsys.readouterr().out == printed


def test_no_command_asks_for_what_loki_refuses() -> None:
    commands = re.findall(r"^curl (?:.*\\\n)*.*", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        assert "since=" in command
        assert "start=" not in command
