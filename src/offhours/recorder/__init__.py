"""The flight recorder: every tool call of the last seconds, dumped when one leaves its baseline.

>>> from offhours.recorder import PerfCatcherInterceptor
>>> with PerfCatcherInterceptor() as recorder:
...     double = recorder.tool(lambda number: 2 * number, name="double")
...     double(21), recorder.get_tool_stats("double")["count"]
(42, 1)
"""

from offhours.recorder.chain import InterceptorChain
from offhours.recorder.dumps import Dump, Request
from offhours.recorder.interceptors import Interceptor, ToolCall
from offhours.recorder.perfcatcher import PerfCatcherInterceptor
from offhours.recorder.places import workflow
from offhours.recorder.sinks.base import Sink

__all__ = [
    "Dump",
    "Interceptor",
    "InterceptorChain",
    "PerfCatcherInterceptor",
    "Request",
    "Sink",
    "ToolCall",
    "workflow",
]
