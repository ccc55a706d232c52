"""An executor in a worker, with what feeds it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from offhours.core.clock import Clock, Signal
from offhours.core.model import NewJob
from offhours.core.ports import Executor, QueueBound, name_list
from offhours.core.times import Micros
from offhours.engine.dispatcher import Dispatcher
from offhours.engine.lane import Lane
from offhours.engine.loop import Loop
from offhours.engine.registry import Registry, Task

_log = logging.getLogger("offhours")


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """Runs the tasks that it serves: its dispatcher fills the lane, its executor empties it."""

    executor: Executor
    serves: Callable[[Task], bool]
    signal: Signal
    lane: Lane
    dispatcher: Dispatcher

    def loop(self, clock: Clock) -> Loop:
        """The rounds of the dispatcher; the signal has one made now."""
        return Loop("dispatch", self.dispatcher.tick, clock, self.signal)

    def look(self) -> None:
        """Look at the store now."""
        self.dispatcher.nudged = True
        self.signal.set()

    def submit(self, job: NewJob, now: Micros, bound: QueueBound | None) -> int | None:
        """Store a job and claim it in one commit; None when we are not idle."""
        job_id = self.dispatcher.submit(job, now, bound)
        if job_id is not None and self.dispatcher.hungry.is_set():
            self.signal.set()  # it may not start yet: the loop finds out when it may
        return job_id

    def replace_slot(self) -> None:
        """A run that was given up keeps its thread: another one takes its place, if it can."""
        if not self.executor.replace_slot():
            self.lane.lose_slot()
            _log.error("a run that cannot be stopped keeps its slot; restart this worker")


def names_of(registry: Registry, serves: Callable[[Task], bool]) -> Callable[[], str]:
    """The tasks that are served, as claims name them; made anew when the registry changes."""
    known, names = -1, ""

    def current() -> str:
        nonlocal known, names
        if registry.version != known:
            known = registry.version
            names = name_list(task.name for task in registry.served() if serves(task))
        return names

    return current
