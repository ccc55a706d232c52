"""The one protocol for whatever wants to stand around a tool call or a job."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from offhours.core.errors import TaskError

Function = Callable[..., Any]
ToolFilter = Iterable[str] | Callable[[str], bool] | None

# On the exception, because what a tool raises itself may be of the same class.
_REFUSED = "_offhours_refused"

_log = logging.getLogger("offhours.recorder")


@dataclass(slots=True)
class ToolCall:
    """One call on its way. `state` is for interceptors to remember things in."""

    tool: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    state: dict[str, Any] = field(default_factory=dict)


class Interceptor:
    """Stands around calls. Override what you need; what you leave alone costs nothing.

    order: smaller stands further outside (50); among equals, first added is outermost
    tools: names or patterns like `db_*` of the tools that it wants, or a function of the name;
        None for all

    `before` may raise: the call is then refused, and its caller sees that error; `is_refusal` tells
    it from an error of the tool. One in `after` or `on_error` is logged, and the caller does not
    notice. Around async tools these three may be `async def`.

    >>> class Loud(Interceptor):
    ...     def before(self, call: ToolCall) -> None:
    ...         print("calling", call.tool)
    >>> from offhours.recorder import InterceptorChain
    >>> InterceptorChain([Loud()]).wrap("double", lambda n: 2 * n)(21)
    calling double
    42
    """

    order: int = 50
    tools: ToolFilter = None

    def wants(self, tool: str) -> bool:
        """Whether calls of a tool come past here."""
        if self.tools is None:
            return True
        if callable(self.tools):
            return bool(self.tools(tool))
        patterns = (self.tools,) if isinstance(self.tools, str) else self.tools
        return any(fnmatchcase(tool, pattern) for pattern in patterns)

    def before(self, call: ToolCall) -> Any:
        """The call is about to be made."""

    def around(self, call: ToolCall, proceed: Callable[[], Any]) -> Any:
        """Make the call with `proceed()`, or do not; what this returns is the call's result."""
        return proceed()

    async def around_async(self, call: ToolCall, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """`around` for async tools."""
        return await proceed()

    def after(self, call: ToolCall, result: Any) -> Any:
        """The call returned `result`."""

    def on_error(self, call: ToolCall, error: BaseException) -> Any:
        """The call raised `error`, which goes on to its caller unchanged."""

    def layer(self, tool: str, function: Function) -> Function:
        """The function with this interceptor around it; override it to be faster than hooks."""
        make = _async_layer if inspect.iscoroutinefunction(function) else _layer
        return functools.update_wrapper(make(self, tool, function), function)


def _layer(it: Interceptor, tool: str, function: Function) -> Function:
    for hook in (it.before, it.after, it.on_error):
        if inspect.iscoroutinefunction(hook):
            raise TaskError(
                f"{tool} is not async, so {type(it).__name__}.{hook.__name__} cannot be"
            )

    def intercepted(*args: Any, **kwargs: Any) -> Any:
        call = ToolCall(tool, args, kwargs)
        try:
            it.before(call)
        except Exception as refusal:
            _mark(refusal, tool)
            raise
        try:
            result = it.around(call, lambda: function(*args, **kwargs))
        except BaseException as error:
            _quietly(it.on_error, call, error)
            raise
        _quietly(it.after, call, result)
        return result

    return intercepted


def _async_layer(it: Interceptor, tool: str, function: Function) -> Function:
    async def intercepted(*args: Any, **kwargs: Any) -> Any:
        call = ToolCall(tool, args, kwargs)
        try:
            told = it.before(call)
            if inspect.isawaitable(told):
                await told
        except Exception as refusal:
            _mark(refusal, tool)
            raise
        try:
            result = await it.around_async(call, lambda: function(*args, **kwargs))
        except BaseException as error:
            await _quietly_async(it.on_error, call, error)
            raise
        await _quietly_async(it.after, call, result)
        return result

    return intercepted


def is_refusal(error: BaseException, tool: str) -> bool:
    """Whether a call of a tool ended so because a `before` refused it: the tool was never called.

    >>> class No(Interceptor):
    ...     def before(self, call: ToolCall) -> None:
    ...         raise PermissionError("not today")
    >>> from offhours.recorder import InterceptorChain
    >>> try:
    ...     InterceptorChain([No()]).call("send", print)
    ... except PermissionError as error:
    ...     is_refusal(error, "send"), is_refusal(error, "another")
    (True, False)
    """
    return getattr(error, _REFUSED, None) == tool


def _mark(refusal: Exception, tool: str) -> None:
    object.__setattr__(refusal, _REFUSED, tool)  # exceptions may be frozen dataclasses


def _quietly(hook: Callable[[ToolCall, Any], Any], call: ToolCall, outcome: Any) -> Any:
    try:
        return hook(call, outcome)
    except Exception:
        _log.exception("%s of an interceptor failed on a call of %s", hook.__name__, call.tool)
        return None


async def _quietly_async(
    hook: Callable[[ToolCall, Any], Any], call: ToolCall, outcome: Any
) -> None:
    told = _quietly(hook, call, outcome)
    if inspect.isawaitable(told):
        try:
            await told
        except Exception:
            _log.exception("%s of an interceptor failed on a call of %s", hook.__name__, call.tool)
