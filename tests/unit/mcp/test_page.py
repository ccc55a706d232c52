"""The examples of docs/mcp.md run."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("mcp")
from mcp import Client
from mcp_types import ElicitResult

from offhours.mcp import TasksClient
from offhours.mcp.server import DESTRUCTIVE

PAGE = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_server_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("offhours.mcp.status._SOONEST", 5_000)
    monkeypatch.setattr("offhours.mcp.status._FOR_A_PERSON", 5_000)
    before, after = BLOCKS[1].split("server = ")
    page: Any = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)
    exec(f"{before}\n{BLOCKS[2]}\nserver = {after}", vars(page))

    async def shown(ctx: object, params: object) -> ElicitResult:
        return ElicitResult(action="accept", content={"folder": "notes/"})

    async def main() -> None:
        client = Client(page.server, extensions=[TasksClient()], elicitation_callback=shown)  # type: ignore[arg-type]
        async with client:
            result = await client.call_tool("index", {"folder": "notes/"})
            assert result.structured_content == {"result": 2}
            result = await client.call_tool("tidy")
            assert result.structured_content == {"result": "tidied notes/"}

    with page.app:
        asyncio.run(main())
    page.app.close()


def test_it_says_of_each_tool_whether_it_destroys() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `offhours_")]
    told = {
        name: row.rstrip(" |").endswith("true")
        for row in rows
        if "| yes |" in row
        for name in re.findall(r"`(offhours_\w+)`", row)
    }
    assert told == DESTRUCTIVE
