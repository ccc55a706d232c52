"""The recorder's page: its Python runs as it stands, its commands ask Loki as Loki wants it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from offhours.faces.interceptors import forget_global_chain

PAGE = (Path(__file__).parents[2] / "docs" / "recorder.md").read_text(encoding="utf-8")


def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    forget_global_chain()
    recorder, budget = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    space = {"__name__": "page"}
    exec(recorder, space)
    assert capsys.readouterr().out == "1 1\nlist of 3 in workflow_123\n"
    exec(budget, space)
    assert capsys.readouterr().out == "ONCE\n"
    with pytest.raises(PermissionError, match="no budget left for paid_model"):
        space["ask"]("twice")  # type: ignore[operator]
    forget_global_chain()


def test_no_command_asks_for_what_loki_refuses() -> None:
    commands = re.findall(r"^curl (?:.*\\\n)*.*", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        assert "since=" in command
        assert "start=" not in command
