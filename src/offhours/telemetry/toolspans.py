"""Tool calls as spans, by the conventions for generative AI."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from offhours.core.errors import NotInstalled
from offhours.core.here import correlation, place
from offhours.telemetry import attributes as names

Function = Callable[..., Any]


class ToolSpans:
    """A member of an interceptor chain: each call of a tool becomes a span `execute_tool NAME`.

    Arguments and results stay out of it. A generator's span ends when the tool has returned it.

    provider: the application's own tracer provider, instead of the global one
    order: its place in the chain, outside of the recorder, which is at 100

    Raises `NotInstalled` when OpenTelemetry is not installed.

    >>> from offhours.recorder import InterceptorChain
    >>> InterceptorChain([ToolSpans()]).wrap("double", lambda n: 2 * n)(21)
    42
    """

    def __init__(self, provider: Any = None, *, order: int = 90) -> None:
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise NotInstalled("OpenTelemetry", "otel") from error
        self.order = order
        self._tracer = trace.get_tracer("offhours.tools", tracer_provider=provider)

    def wants(self, tool: str) -> bool:
        """Every tool."""
        return True

    def layer(self, tool: str, function: Function) -> Function:
        """The function, each call of it in a span."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def spanned_async(*args: Any, **kwargs: Any) -> Any:
                with self._span(tool):
                    return await function(*args, **kwargs)

            return spanned_async

        @functools.wraps(function)
        def spanned(*args: Any, **kwargs: Any) -> Any:
            with self._span(tool):
                return function(*args, **kwargs)

        return spanned

    @contextmanager
    def _span(self, tool: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(f"{names.EXECUTE_TOOL} {tool}") as span:
            if span.is_recording():
                span.set_attributes({**_FIXED, names.AI_TOOL: tool, **_here()})
            try:
                yield
            except BaseException as error:
                span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
                raise


_FIXED = {names.AI_OPERATION: names.EXECUTE_TOOL, names.AI_TOOL_TYPE: names.FUNCTION}


def _here() -> dict[str, Any]:
    where = place.get()
    found = {
        names.JOB: correlation().job,
        names.WORKFLOW: None if where is None else where[0],
        names.STEP: None if where is None else where[1],
    }
    return {key: value for key, value in found.items() if value is not None}
