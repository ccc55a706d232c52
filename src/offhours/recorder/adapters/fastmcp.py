"""A FastMCP server with the chain around its tools. Needs fastmcp: `offhours[fastmcp]`."""

from __future__ import annotations

from typing import Any

from offhours.core.errors import NotInstalled
from offhours.recorder.adapters.outcomes import ToolFailed, refusals_as
from offhours.recorder.chain import InterceptorChain

try:
    from fastmcp.exceptions import ToolError
    from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
except ModuleNotFoundError as error:
    raise NotInstalled("FastMCP", "fastmcp") from error


class InterceptorMiddleware(Middleware):
    """The chain around every tool call of a server, also of tools that come later.

    A refusal is a `ToolError`: its text reaches the client, even where other errors are masked.

    >>> from fastmcp import FastMCP
    >>> from offhours.recorder import InterceptorChain
    >>> server = FastMCP("notes")
    >>> server.add_middleware(InterceptorMiddleware(InterceptorChain()))
    """

    def __init__(self, chain: InterceptorChain) -> None:
        self._chain = chain

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Called by FastMCP."""
        message = context.message

        async def proceed(**arguments: Any) -> Any:
            changed = message.model_copy(update={"arguments": arguments})
            result = await call_next(context.copy(message=changed))
            if result.is_error:
                raise ToolFailed(result)
            return result

        try:
            with refusals_as(ToolError, message.name):
                return await self._chain.call(message.name, proceed, **(message.arguments or {}))
        except ToolFailed as failed:
            return failed.result
