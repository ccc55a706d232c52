"""The OpenAI Agents SDK's tools with the chain around them. Needs `offhours[agents]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offhours.core.errors import NotInstalled
from offhours.recorder.chain import InterceptorChain, tool_name
from offhours.recorder.interceptors import is_refusal

try:
    from agents import default_tool_error_function, function_tool
except ModuleNotFoundError as error:
    raise NotInstalled("the OpenAI Agents SDK", "agents") from error


def intercepting(chain: InterceptorChain) -> Callable[..., Any]:
    """The SDK's `function_tool`, with the chain around every tool that it makes.

    It takes the same options. The model reads why a call was refused; of errors it reads what
    `failure_error_function` says, and with `failure_error_function=None` both end the run.

    >>> from offhours.recorder import InterceptorChain
    >>> function_tool = intercepting(InterceptorChain())
    >>> @function_tool
    ... def search(query: str) -> str:
    ...     "Search the web."
    ...     return query
    >>> search.name, list(search.params_json_schema["properties"])
    ('search', ['query'])
    """

    def make(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return lambda function: make(function, **options)
        name = options.get("name_override") or tool_name(function)
        tell = options.get("failure_error_function", default_tool_error_function)
        if tell is not None:
            options["failure_error_function"] = _telling(name, tell)
        return function_tool(chain.wrap(name, function), **options)

    return make


def _telling(tool: str, otherwise: Callable[[Any, Exception], Any]) -> Callable[..., Any]:
    def tell(context: Any, error: Exception) -> Any:
        return f"refused: {error}" if is_refusal(error, tool) else otherwise(context, error)

    return tell
