"""Who carries phases out: found by name in a registry, never by what a store says."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from offhours.core.errors import HandlerNotFound, OptionError, TaskError, did_you_mean
from offhours.orchestrator.phases import Phase


class PhaseFailed(Exception):
    """Raise in a handler when the phase fails, and would fail again as things stand.

    It is not retried, unless the phase has somebody who repairs: that one is given the message.
    Any other exception is retried as often as the plan says.
    """


@dataclass(frozen=True, slots=True)
class PhaseContext:
    """What a handler is told. The running job is `offhours.context()`: steps, progress, approvals.

    request: the whole text
    phase: the one that is to be done
    results: what the phases before it returned, near and far, by their names, in order
    failed: those before it that did not succeed, and why not; there are some only behind a need
        that ignores or catches a failure
    attempt: 1 for the first
    failure: how the attempt before ended, as text; or, for who repairs, what is to be repaired
    repairing: whether the handler is asked to repair what made another one's phase fail
    repairs: what was returned by who repaired, in order
    """

    request: str
    phase: Phase
    results: Mapping[str, Any] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    failure: str = ""
    repairing: bool = False
    repairs: Sequence[Any] = ()


class Handler(Protocol):
    """Carries out phases of one kind. `run` may be a coroutine function.

    It returns plain data, which the phases behind it see and the store keeps. It may be run again
    after a crash, so what must not happen twice belongs into `offhours.context().step(...)`.
    """

    def run(self, context: PhaseContext, /) -> Any: ...


class _Function:
    """A function as a handler."""

    def __init__(self, function: Callable[[PhaseContext], Any]) -> None:
        self.run = function


class Handlers:
    """Handlers by name.

    >>> handlers = Handlers()
    >>> handlers.add("shout", lambda context: context.request.upper())
    >>> handlers.get("shout").run(PhaseContext("hello", Phase("one", "shout")))
    'HELLO'
    >>> handlers.get("shoot")
    Traceback (most recent call last):
      ...
    offhours.core.errors.HandlerNotFound: no handler "shoot" is registered; did you mean "shout"?
    """

    def __init__(self) -> None:
        self._known: dict[str, Handler] = {}
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        handler: Handler | Callable[[PhaseContext], Any],
        *,
        replace: bool = False,
    ) -> None:
        """Register a handler, or a function as one. A name that is taken wants `replace`."""
        if not isinstance(name, str) or not name or not name.isprintable():
            raise OptionError(f"handler: expected a name, got {name!r}")
        found: Handler = handler if hasattr(handler, "run") else _Function(handler)
        if not callable(found.run):
            raise TaskError(f"handler {name!r}: expected a function or an object with run(context)")
        with self._lock:
            if name in self._known and not replace:
                raise OptionError(f"handler: {name!r} is registered; pass replace=True")
            self._known[name] = found

    def get(self, name: str) -> Handler:
        """The handler of a name; `HandlerNotFound` when there is none."""
        found = self._known.get(name)
        if found is None:
            near = did_you_mean(name, self.names())
            raise HandlerNotFound(f'no handler "{name}" is registered{near}')
        return found

    def names(self) -> list[str]:
        """All names, in order."""
        with self._lock:
            return sorted(self._known)

    def __contains__(self, name: object) -> bool:
        return name in self._known


def is_async(handler: Handler) -> bool:
    """Whether its `run` is to be awaited."""
    return inspect.iscoroutinefunction(handler.run)
