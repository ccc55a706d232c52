"""For tests, ours and yours: a clock that you move, and the real engine without threads.

>>> from offhours.testing import FakeClock, memory_app
>>> app = memory_app()
>>> job = app.submit(len, args=("four",), delay="10m")
>>> app.drain()
0
>>> app.clock.advance("10m")
>>> app.drain(), job.result()
(1, 4)
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Unpack

from offhours.app import Offhours
from offhours.config import Options
from offhours.core.clock import Signal
from offhours.core.times import (
    SECOND,
    Duration,
    Micros,
    Moment,
    parse_duration,
    parse_moment,
    to_datetime,
)
from offhours.gates import ResourceMonitor, Usage

__all__ = ["FakeClock", "FakeMachine", "MemoryApp", "memory_app"]

_LOOK_SECONDS = 0.001


class FakeClock:
    """Stands still until it is told to move. Threads that wait on it wait for *its* time."""

    def __init__(self, start: Moment = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._micros = parse_moment(start)
        self._monotonic: Micros = 0
        self._lock = threading.Lock()

    def advance(self, duration: Duration) -> None:
        """Let time pass."""
        passed = parse_duration(duration)
        with self._lock:
            self._micros += passed
            self._monotonic += passed

    def jump(self, moment: Moment) -> None:
        """Set the wall clock, as an administrator would; the monotonic clock does not notice."""
        with self._lock:
            self._micros = parse_moment(moment)

    def now(self) -> datetime:
        return to_datetime(self._micros)

    def micros(self) -> Micros:
        return self._micros

    def monotonic(self) -> float:
        return self._monotonic / SECOND

    def wait(self, signal: Signal, until: Micros | None) -> bool:
        while until is None or self._micros < until:
            if signal.wait(_LOOK_SECONDS):
                return True
        return signal.is_set()


class FakeMachine(ResourceMonitor):
    """A machine that is as calm or as busy as it is told to be, for gates.

    >>> machine = FakeMachine()
    >>> machine.shows(cpu_percent=97)
    >>> machine.usage().cpu_percent
    97
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown = Usage(10, 10, 1_000, 10, 5, 0.1, 100_000, None)

    def shows(self, **figures: float | None) -> None:
        """From now on it has these figures of `Usage`."""
        self._shown = self._shown._replace(**figures)  # type: ignore[arg-type]

    def usage(self) -> Usage:
        return self._shown

    def start(self) -> None:
        """Nothing is sampled."""


class MemoryApp(Offhours):
    """An `Offhours` in memory with a `FakeClock`, whose jobs run in `drain()`."""

    clock: FakeClock

    def __init__(self, clock: FakeClock | None = None, **options: Unpack[Options]) -> None:
        options.setdefault("executor", "inline")
        super().__init__(":memory:", clock=clock or FakeClock(), **options)


def memory_app(**options: Unpack[Options]) -> MemoryApp:
    """A fresh app for one test: nothing on disk, no threads, no waiting."""
    return MemoryApp(**options)
