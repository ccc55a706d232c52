"""The flight recorder: every tool call of the last seconds, dumped when one leaves its baseline.

Names are loaded when they are first used: who only reads the settings does not pay for the rest.

>>> from offhours.recorder import PerfCatcherInterceptor
>>> with PerfCatcherInterceptor() as recorder:
...     double = recorder.tool(lambda number: 2 * number, name="double")
...     double(21), recorder.get_tool_stats("double")["count"]
(42, 1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.recorder.chain import InterceptorChain as InterceptorChain
    from offhours.recorder.dumps import Dump as Dump
    from offhours.recorder.dumps import Request as Request
    from offhours.recorder.interceptors import Interceptor as Interceptor
    from offhours.recorder.interceptors import ToolCall as ToolCall
    from offhours.recorder.interceptors import is_refusal as is_refusal
    from offhours.recorder.perfcatcher import PerfCatcherInterceptor as PerfCatcherInterceptor
    from offhours.recorder.places import workflow as workflow
    from offhours.recorder.sinks.base import Sink as Sink

_HOME = {
    "Dump": "dumps",
    "Interceptor": "interceptors",
    "InterceptorChain": "chain",
    "PerfCatcherInterceptor": "perfcatcher",
    "Request": "dumps",
    "Sink": "sinks.base",
    "ToolCall": "interceptors",
    "is_refusal": "interceptors",
    "workflow": "places",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'offhours.recorder' has no attribute {name!r}")
    value = getattr(import_module(f"offhours.recorder.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
