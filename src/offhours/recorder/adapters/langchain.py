"""LangChain's tools with the chain around them. Needs langchain-core: `offhours[langchain]`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from offhours.core.errors import NotInstalled
from offhours.recorder.adapters.outcomes import refusals_as
from offhours.recorder.chain import InterceptorChain

try:
    from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException
    from langchain_core.tools import tool as as_tool
except ModuleNotFoundError as error:
    raise NotInstalled("LangChain", "langchain") from error

_CALLS_FUNCTION = (StructuredTool._run, Tool._run)


def intercepted(
    chain: InterceptorChain, tools: Iterable[BaseTool | Callable[..., Any]]
) -> list[BaseTool]:
    """The tools with the chain around each, for `create_agent`, `bind_tools` and so on.

    What is given stays as it is; a plain function becomes a tool, as LangChain's `@tool` makes it.
    A refusal is a `ToolException`, which `handle_tool_error` may turn into an answer.

    >>> from offhours.recorder import InterceptorChain
    >>> def double(number: int) -> int:
    ...     "Twice a number."
    ...     return 2 * number
    >>> [tool] = intercepted(InterceptorChain(), [double])
    >>> tool.invoke({"number": 21})
    42
    """
    return [
        _intercepted(chain, tool if isinstance(tool, BaseTool) else as_tool(tool)) for tool in tools
    ]


def _intercepted(chain: InterceptorChain, tool: BaseTool) -> BaseTool:
    tool = tool.model_copy()
    # Around the function when the tool is one, for its arguments are then all that comes by.
    plain = type(tool)._run in _CALLS_FUNCTION
    for name in ("func", "coroutine") if plain else ("_run", "_arun"):
        function = getattr(tool, name, None)
        if function is None or getattr(function, "__func__", None) is BaseTool._arun:
            continue  # that one would call `_run`
        around = _telling(tool.name, chain.wrap(tool.name, function))
        object.__setattr__(tool, name, around)  # pydantic knows no methods of one instance
    return tool


def _telling(tool: str, call: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(call):

        async def told_async(*args: Any, **kwargs: Any) -> Any:
            with refusals_as(ToolException, tool):
                return await call(*args, **kwargs)

        return functools.update_wrapper(told_async, call)

    def told(*args: Any, **kwargs: Any) -> Any:
        with refusals_as(ToolException, tool):
            return call(*args, **kwargs)

    return functools.update_wrapper(told, call)
