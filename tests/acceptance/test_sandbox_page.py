"""The sandbox's page runs as it stands."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from offhours.core.sandbox import Sandbox
from offhours.sandbox import SandboxManager

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_the_page_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(block, "docs/sandbox.md", "exec"), {"__name__": "page"})
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("passed {'total': 6} ")
    assert (second, third) == ("b'> one\\n> two\\n'", "True")


def test_the_manager_is_what_others_were_promised() -> None:
    sandbox: Sandbox = SandboxManager()
    assert set(inspect.signature(Sandbox.run).parameters) <= set(
        inspect.signature(sandbox.run).parameters
    ) | {"self"}
