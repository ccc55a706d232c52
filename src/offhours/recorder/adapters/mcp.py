"""An MCP client with the chain around the tools that it calls. Needs mcp: `offhours[mcp]`."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from offhours.core.errors import NotInstalled
from offhours.recorder.adapters.outcomes import ToolFailed
from offhours.recorder.chain import InterceptorChain
from offhours.recorder.interceptors import is_refusal

try:
    from mcp import Client, ClientSession
    from mcp.types import CallToolResult, TextContent
except ModuleNotFoundError as error:
    raise NotInstalled("MCP", "mcp") from error

S = TypeVar("S", Client, ClientSession)


def intercept(chain: InterceptorChain, client: S) -> S:
    """Put the chain around `call_tool` of a client or session; it is given back, too.

    A result that says `is_error` is an error for interceptors, and reaches the caller as it is. A
    refusal is such a result, with the reason as its text: no request leaves this process.

    >>> from mcp import Client
    >>> from mcp.server.mcpserver import MCPServer
    >>> from offhours.recorder import InterceptorChain
    >>> client = intercept(InterceptorChain(), Client(MCPServer("notes")))
    """
    call_tool = client.call_tool

    async def intercepted(
        name: str, arguments: dict[str, Any] | None = None, *args: Any, **options: Any
    ) -> Any:
        async def proceed(**given: Any) -> Any:
            result = await call_tool(name, given or arguments, *args, **options)
            if getattr(result, "is_error", False):
                raise ToolFailed(result)
            return result

        try:
            return await chain.call(name, proceed, **(arguments or {}))
        except ToolFailed as failed:
            return failed.result
        except Exception as error:
            if not is_refusal(error, name):
                raise
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)

    setattr(client, "call_tool", functools.update_wrapper(intercepted, call_tool))  # noqa: B010
    return client
