"""Who steers: what people do by hand is written into the audit log under a name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from offhours.core.here import Via, actor, via
from offhours.engine.context import find_context

P = ParamSpec("P")
R = TypeVar("R")

CODE = "code"


@contextmanager
def acting_as(name: str, way: Via | None = None) -> Iterator[None]:
    """What this thread or coroutine changes while the block runs is done by `name`."""
    before, way_before = actor.set(name), via.set(way)
    try:
        yield
    finally:
        actor.reset(before)
        via.reset(way_before)


def steers(function: Callable[P, R]) -> Callable[P, R]:
    """A change by hand: without a name that was given, it is the running job's, or the code's."""

    @functools.wraps(function)
    def by_somebody(*args: P.args, **kwargs: P.kwargs) -> R:
        if actor.get() is not None:
            return function(*args, **kwargs)
        context = find_context()
        with acting_as(CODE if context is None else f"job {context.job_id}"):
            return function(*args, **kwargs)

    return by_somebody
