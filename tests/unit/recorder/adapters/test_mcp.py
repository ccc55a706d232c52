"""The chain around a real MCP client: in memory, and to a server process over stdio."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from offhours.recorder.adapters.mcp import intercept


def make_server() -> MCPServer:
    server = MCPServer("test")

    @server.tool()
    def double(number: int) -> int:
        return 2 * number

    @server.tool()
    def fail() -> str:
        raise ToolError("nothing there")

    @server.tool()
    def forbidden() -> str:
        raise AssertionError

    return server


async def check(client: Any, witnessed: Any) -> None:
    assert intercept(witnessed.chain, client) is client
    result = await client.call_tool("double", {"number": 21})
    assert result.structured_content == {"result": 42}
    assert witnessed.lines == ["before double {'number': 21}", "around", "after"]
    result = await client.call_tool("fail")
    assert result.is_error and "nothing there" in result.content[0].text
    assert witnessed.lines[-1].startswith("error ToolFailed: ")
    result = await client.call_tool("forbidden", {})
    assert (result.is_error, result.content[0].text) == (True, "not today")
    assert witnessed.lines == ["before forbidden {}"]
    assert (witnessed.figures("double"), witnessed.figures("fail")) == ((1, 0), (1, 1))


def test_a_client_in_memory(witnessed: Any) -> None:
    async def main() -> None:
        async with Client(make_server()) as client:
            await check(client, witnessed)

    asyncio.run(main())


def test_a_session_to_another_process(witnessed: Any) -> None:
    async def main() -> None:
        process = StdioServerParameters(command=sys.executable, args=[str(Path(__file__))])
        async with stdio_client(process) as streams, ClientSession(*streams) as session:
            await session.initialize()
            await check(session, witnessed)

    asyncio.run(main())


def test_what_breaks_on_the_way_is_raised(witnessed: Any) -> None:
    async def main() -> None:
        async with Client(make_server()) as client:
            intercept(witnessed.chain, client)
            with pytest.raises(TypeError):
                await client.call_tool("double", {"number": 1}, nonsense=True)
            assert witnessed.lines[-1].startswith("error TypeError")

    asyncio.run(main())


if __name__ == "__main__":
    make_server().run("stdio")
