"""A registry of tools whose every call goes through the process's interceptors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from offhours.core.errors import ArgumentError, TaskError, ToolNotFound, did_you_mean
from offhours.faces.interceptors import get_global_interceptor_chain
from offhours.recorder.chain import InterceptorChain, Wrapped, tool_name

P = ParamSpec("P")
R = TypeVar("R")


class ToolsManager:
    """Tools by name. Calls are recorded by PerfCatcher, and pass any other interceptor.

    config: its `tools`, as a key or an attribute, may map names to functions
    ollama_client, rag: kept as attributes, for tools that want them
    chain: interceptors of its own, instead of `get_global_interceptor_chain()`

    >>> tools = ToolsManager(chain=InterceptorChain())
    >>> @tools.tool
    ... def shout(text):
    ...     return text.upper()
    >>> tools.execute_tool("shout", {"text": "hello"})
    'HELLO'
    """

    def __init__(
        self,
        config: Any = None,
        ollama_client: Any = None,
        rag: Any = None,
        *,
        chain: InterceptorChain | None = None,
    ) -> None:
        self.config = config
        self.ollama_client = ollama_client
        self.rag = rag
        self.chain = chain or get_global_interceptor_chain()
        self._tools: dict[str, Wrapped] = {}
        for name, function in _configured(config).items():
            self.register(name, function)

    def register(self, name: str, function: Callable[..., Any]) -> None:
        """Add a tool, sync or async, or replace the one of that name."""
        if not callable(function):
            raise TaskError(f"the tool {name!r} must be a function, got {type(function).__name__}")
        self._tools[name] = self.chain.bind(name, function)

    def tool(self, function: Callable[P, R]) -> Callable[P, R]:
        """A decorator that adds a function as a tool of its own name."""
        self.register(tool_name(function), function)
        return function

    def execute_tool(self, name: str, args: Mapping[str, Any] | None = None) -> Any:
        """Call a tool with named arguments. What it returns or raises passes unchanged.

        An async tool gives its coroutine, to be awaited. Raises `ToolNotFound` for an unknown
        name, `ArgumentError` when `args` is no mapping.
        """
        found = self._tools.get(name)
        if found is None:
            near = did_you_mean(str(name), list(self._tools))
            raise ToolNotFound(f"no tool {str(name)[:200]!r} is registered{near}")
        if args is None:
            return found.call()
        if type(args) is not dict and not isinstance(args, Mapping):
            raise ArgumentError("args", f"expected names with values, got {type(args).__name__}")
        return found.call(**args)

    def list_tools(self) -> list[str]:
        """The names of all tools, in order."""
        return sorted(self._tools)


def _configured(config: Any) -> Mapping[str, Callable[..., Any]]:
    """Functions only: other forms of configuration belong to somebody else."""
    tools = config.get("tools") if isinstance(config, Mapping) else getattr(config, "tools", None)
    if not isinstance(tools, Mapping):
        return {}
    return {str(name): tool for name, tool in tools.items() if callable(tool)}
