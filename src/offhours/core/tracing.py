"""The port for whoever makes spans of the work, and how a trace travels with a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from offhours.core.carried import attach, attached
from offhours.core.model import Claimed, NewJob
from offhours.core.outcomes import Outcome

TRACE_KEY = "offhours:trace"
"""Under this key of its metadata a job carries the context of the span that stored it."""

RUN_KEY = "offhours:run"
"""Under this one an attempt carries that of its own span, on its way to another process."""

Carrier = Mapping[str, str]


class RunSpan:
    """One attempt that is watched; this one by nobody.

    carrier: its context, for the process in which the attempt is made
    """

    trace_id: str | None = None
    carrier: Carrier = MappingProxyType({})

    def end(self, outcome: Outcome | None) -> None:
        """The attempt has ended; None when it is not known how."""


NO_SPAN = RunSpan()


class Tracing(Protocol):
    """Watches jobs being stored and attempts being made."""

    def submit(
        self, pattern: NewJob, count: int, store: Callable[[NewJob], list[int]]
    ) -> list[int]:
        """Store `count` jobs like `pattern` by calling `store`, with their context added."""
        ...

    def begin(self, job: Claimed, here: bool) -> RunSpan:
        """An attempt begins: `here`, in this thread or coroutine, or in another process."""
        ...


class NoTracing:
    """Nobody watches."""

    def submit(
        self, pattern: NewJob, count: int, store: Callable[[NewJob], list[int]]
    ) -> list[int]:
        return store(pattern)

    def begin(self, job: Claimed, here: bool) -> RunSpan:
        return NO_SPAN


NO_TRACING = NoTracing()


def carry(metadata: str | None, carrier: Carrier, key: str = TRACE_KEY) -> str:
    """Metadata with a context in it.

    >>> carry('{"who":"ann"}', {"traceparent": "00-1-2-01"})
    '{"who":"ann","offhours:trace":{"traceparent":"00-1-2-01"}}'
    """
    return attach(metadata, key, dict(carrier))


def carried(metadata: str | None, key: str = TRACE_KEY) -> Carrier:
    """The context in stored metadata; empty when there is none that could be one.

    >>> carried('{"offhours:trace":{"traceparent":"00-1-2-01"}}')
    {'traceparent': '00-1-2-01'}
    """
    found = attached(metadata, key)
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}
