"""An ordered list of interceptors, and the functions that have them around."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload
from weakref import WeakSet

from offhours.recorder.interceptors import Function

P = ParamSpec("P")
R = TypeVar("R")


class Layer(Protocol):
    """What a chain asks of its members; `Interceptor` is one, the recorder another."""

    order: int

    def wants(self, tool: str) -> bool: ...
    def layer(self, tool: str, function: Function) -> Function: ...


class Wrapped:
    """A function and what stands around it now; `call` changes when the chain does."""

    __slots__ = ("__weakref__", "call", "function", "tool")

    def __init__(self, tool: str, function: Function) -> None:
        self.tool = tool
        self.function = function
        self.call = function


class InterceptorChain:
    """Interceptors in order, around any number of functions.

    A function that was wrapped once follows every later `add` and `remove`.

    >>> from offhours.recorder import Interceptor
    >>> class Doubt(Interceptor):
    ...     def around(self, call, proceed):
    ...         return f"{proceed()}?"
    >>> chain = InterceptorChain()
    >>> ask = chain.wrap("ask", lambda: "really")
    >>> chain.add(Doubt())
    >>> ask()
    'really?'
    """

    def __init__(self, interceptors: Iterable[Layer] = ()) -> None:
        self._members: tuple[Layer, ...] = ()
        self._wrapped: WeakSet[Wrapped] = WeakSet()
        self._lock = threading.Lock()
        for interceptor in interceptors:
            self.add(interceptor)

    @property
    def interceptors(self) -> tuple[Layer, ...]:
        """The interceptors, outermost first."""
        return self._members

    def add(self, interceptor: Layer) -> None:
        """Put one more around all calls; the same one twice is once."""
        with self._lock:
            if not any(member is interceptor for member in self._members):
                members = (*self._members, interceptor)
                self._set(tuple(sorted(members, key=lambda member: member.order)))

    def remove(self, interceptor: Layer) -> None:
        """Take one away; calls that run already keep it to their end."""
        with self._lock:
            self._set(tuple(member for member in self._members if member is not interceptor))

    def bind(self, tool: str, function: Function) -> Wrapped:
        """The function as `.call`, for who keeps a registry and looks it up on each call."""
        wrapped = Wrapped(tool, function)
        with self._lock:
            wrapped.call = _around(self._members, wrapped)
            self._wrapped.add(wrapped)
        return wrapped

    def wrap(self, tool: str, function: Callable[P, R]) -> Callable[P, R]:
        """The function with the chain around it: a tool, or an Offhours task under its name."""
        wrapped = self.bind(tool, function)
        if inspect.iscoroutinefunction(function):

            async def intercepted_async(*args: Any, **kwargs: Any) -> Any:
                return await wrapped.call(*args, **kwargs)

            return cast("Callable[P, R]", functools.update_wrapper(intercepted_async, function))

        def intercepted(*args: Any, **kwargs: Any) -> Any:
            return wrapped.call(*args, **kwargs)

        return cast("Callable[P, R]", functools.update_wrapper(intercepted, function))

    def call(self, tool: str, function: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
        """One call with the chain around it, of a function that is only met now.

        Costs some microseconds more than a function that was wrapped before; an async function
        gives its coroutine.
        """
        called: R = _around(self._members, Wrapped(tool, function))(*args, **kwargs)
        return called

    @overload
    def tool(self, function: Callable[P, R]) -> Callable[P, R]: ...
    @overload
    def tool(self, *, name: str) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def tool(self, function: Function | None = None, *, name: str | None = None) -> Any:
        """A decorator: `@chain.tool`, or `@chain.tool(name="search")`."""
        if function is None:
            return lambda function: self.wrap(name or tool_name(function), function)
        return self.wrap(name or tool_name(function), function)

    def _set(self, members: tuple[Layer, ...]) -> None:
        calls = [(wrapped, _around(members, wrapped)) for wrapped in self._wrapped]
        self._members = members
        for wrapped, call in calls:
            wrapped.call = call


def _around(members: Iterable[Layer], wrapped: Wrapped) -> Function:
    call = wrapped.function
    for member in reversed(tuple(members)):
        if member.wants(wrapped.tool):
            call = member.layer(wrapped.tool, call)
    return call


def tool_name(function: Function) -> str:
    """What a tool is called when nobody gave it a name.

    >>> tool_name(len)
    'len'
    """
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
