"""The chain as middleware of a real FastMCP server, asked by its own client in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("fastmcp")
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.tools.base import ToolResult

from offhours.recorder.adapters.fastmcp import InterceptorMiddleware


@pytest.fixture
def server(witnessed: Any) -> FastMCP:
    server = FastMCP("test", mask_error_details=True)
    server.add_middleware(InterceptorMiddleware(witnessed.chain))

    @server.tool
    def double(number: int) -> int:
        return 2 * number

    @server.tool
    async def fetch(address: str) -> str:
        raise LookupError(address)

    @server.tool
    def half_done() -> ToolResult:
        return ToolResult("half of it", is_error=True)

    @server.tool
    def forbidden() -> None:
        raise AssertionError

    return server


def ask(server: FastMCP, tool: str, **arguments: Any) -> Any:
    async def call() -> Any:
        async with Client(server) as client:
            return await client.call_tool(tool, arguments, raise_on_error=False)

    return asyncio.run(call())


def test_a_call(server: FastMCP, witnessed: Any) -> None:
    assert ask(server, "double", number=21).data == 42
    assert witnessed.lines == ["before double {'number': 21}", "around", "after"]
    assert witnessed.figures("double") == (1, 0)


def test_an_error_reaches_both(server: FastMCP, witnessed: Any) -> None:
    answer = ask(server, "fetch", address="x")
    assert answer.is_error and answer.content[0].text == "Error calling tool 'fetch'"
    assert witnessed.lines[-1].startswith("error ToolError")
    answer = ask(server, "half_done")
    assert answer.is_error and answer.content[0].text == "half of it"
    assert witnessed.lines[-1] == "error ToolFailed: half of it"
    assert witnessed.figures("half_done") == (1, 1)


def test_a_refusal_is_told_although_errors_are_masked(server: FastMCP, witnessed: Any) -> None:
    answer = ask(server, "forbidden")
    assert answer.is_error and answer.content[0].text == "not today"
    assert witnessed.lines == ["before forbidden {}"]

    async def directly() -> None:
        with pytest.raises(ToolError, match="not today"):
            await server.call_tool("forbidden", {})

    asyncio.run(directly())


def test_tools_that_come_later(server: FastMCP, witnessed: Any) -> None:
    @server.tool
    def late() -> str:
        return "late"

    assert ask(server, "late").data == "late"
    assert witnessed.figures("late") == (1, 0)
