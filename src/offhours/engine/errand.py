"""A run that happens in another process: the engine's side of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from offhours.core import wire
from offhours.core.clock import Clock
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Outcome
from offhours.core.times import SECOND, Micros
from offhours.engine.context import Context
from offhours.engine.desk import answer
from offhours.engine.foreground import Foreground
from offhours.engine.place import place_of
from offhours.engine.registry import Task


class LentRun:
    """Implements `core.ports.Errand` over the context that the lifeline watches."""

    def __init__(
        self,
        context: Context,
        task: Task,
        job: Claimed,
        clock: Clock,
        foreground: Foreground,
        *,
        max_payload: int,
        timezone: tzinfo | None,
        on_change: Callable[[], None],
        on_close: Callable[[Context, Outcome | None], None],
    ) -> None:
        self._context = context
        self.metadata = job.metadata
        self._clock = clock
        self._foreground = foreground
        self._on_change = on_change
        self._on_close = on_close
        self.step_aside = task.step_aside if job.priority >= BACKGROUND_CLASS else "finish"
        self.order = wire.pack(
            wire.Order(
                list(job),
                place_of(task.function),
                task.step_aside,
                max_payload,
                _zone(timezone, clock),
                [type_name(kind) for kind in task.policy.retry_on],
                [type_name(kind) for kind in task.policy.give_up_on],
                logging.getLogger().getEffectiveLevel(),
                context.home,
            )
        )
        context.on_cancel = on_change
        foreground.listen(on_change)

    @property
    def cancelled(self) -> bool:
        return self._context.cancelled

    @property
    def foreground_until(self) -> Micros:
        until = self._foreground.until
        return until if until > self._clock.micros() else 0

    def save(self, progress: str) -> None:
        self._context.keep(progress)

    def answer(self, verb: str, args: list[Any]) -> Any:
        return answer(self._context.desk, verb, args)

    def close(self, outcome: Outcome | None = None) -> None:
        self._foreground.unlisten(self._on_change)
        self._on_close(self._context, outcome)


def type_name(kind: type) -> str:
    """A class by name, the same in the worker and in a child that imported its script."""
    module = kind.__module__.replace("__mp_main__", "__main__")
    return f"{module}:{kind.__qualname__}"


def _zone(timezone: tzinfo | None, clock: Clock) -> str | int | None:
    if timezone is None:
        return None
    key = getattr(timezone, "key", None)
    if isinstance(key, str):
        return key
    offset = clock.now().astimezone(timezone).utcoffset()
    return None if offset is None else round(offset.total_seconds() * SECOND)
