"""Tasks that fail when a test wants them to."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from offhours.handles import TaskHandle


@contextmanager
def failing(
    task: TaskHandle[..., Any], error: BaseException | None = None, *, times: int | None = None
) -> Iterator[None]:
    """While the block runs, a task's runs raise `error`: all of them, or the first `times`.

    Any error will do, also `Defer`; without one it is a `RuntimeError`. Calls of the function that
    are no runs do not fail. Runs in other processes cannot be reached.

    >>> from offhours.testing import drain, memory_app
    >>> app = memory_app()
    >>> charge = app.task(name="charge", retries=1)(lambda: "paid")
    >>> job = charge.submit()
    >>> with failing(charge, ConnectionError("no route"), times=1):
    ...     [ran.outcome for ran in drain(app, until="1h")]
    ['retried', 'succeeded']
    """
    registry = task.app.registry
    whole = registry.get(task.task.name)
    counted = itertools.count(1)
    wanted = RuntimeError(f"{whole.name} fails on purpose") if error is None else error

    def strike() -> None:
        if times is None or next(counted) <= times:
            raise wanted

    registry.add(replace(whole, function=_struck(whole.function, strike)))
    try:
        yield
    finally:
        registry.add(whole)


def _struck(function: Callable[..., Any], strike: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def struck(*args: Any, **kwargs: Any) -> Any:
        strike()
        return function(*args, **kwargs)

    @functools.wraps(function)
    async def struck_later(*args: Any, **kwargs: Any) -> Any:
        strike()
        return await function(*args, **kwargs)

    return struck_later if inspect.iscoroutinefunction(function) else struck
