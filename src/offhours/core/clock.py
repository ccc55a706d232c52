"""The one clock. Nothing else asks for the time, so that tests can move it."""

from __future__ import annotations

import time
from datetime import datetime
from threading import Event as Signal
from typing import Protocol

from offhours.core.times import SECOND, Micros, to_datetime

__all__ = ["Clock", "Signal", "SystemClock"]


class Clock(Protocol):
    """What Offhours asks of time."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def micros(self) -> Micros:
        """The wall clock in microseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that no one can set."""
        ...

    def wait(self, signal: Signal, until: Micros) -> bool:
        """Sleep until the signal is set (true) or the wall clock reaches `until` (false)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return to_datetime(self.micros())

    def micros(self) -> Micros:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, signal: Signal, until: Micros) -> bool:
        return signal.wait(max(0.0, (until - self.micros()) / SECOND))
