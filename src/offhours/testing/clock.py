"""A clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from offhours.core.clock import Signal
from offhours.core.errors import TimeError
from offhours.core.times import (
    SECOND,
    Duration,
    Micros,
    Moment,
    iso,
    parse_duration,
    parse_moment,
    to_datetime,
)

_LOOK_SECONDS = 0.001


class FakeClock:
    """Stands still until it is told to move. Threads that wait on it wait for *its* time.

    >>> clock = FakeClock()
    >>> clock.advance("90s")
    >>> clock.travel("2026-03-29T00:59:59Z")
    >>> clock.now().isoformat()
    '2026-03-29T00:59:59+00:00'
    """

    def __init__(self, start: Moment = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._micros = parse_moment(start)
        self._monotonic: Micros = 0
        self._lock = threading.Lock()
        self._alone: int | None = None

    def advance(self, duration: Duration) -> None:
        """Let time pass."""
        self._pass(parse_duration(duration))

    def travel(self, moment: Moment) -> None:
        """Let time pass until a moment to come; `TimeError` when it has passed."""
        left = parse_moment(moment) - self._micros
        if left < 0:
            raise TimeError(
                f"travel: {iso(parse_moment(moment))} has passed, it is {iso(self._micros)}; "
                "jump() sets a clock back"
            )
        self._pass(left)

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

    def wait(self, signal: Signal, until: Micros) -> bool:
        while self._micros < until:
            if self._alone == threading.get_ident() and not signal.is_set():
                self._pass(until - self._micros)
            elif signal.wait(_LOOK_SECONDS):
                return True
        return signal.is_set()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs, this thread waits for nobody: when it does, time jumps ahead."""
        before, self._alone = self._alone, threading.get_ident()
        try:
            yield
        finally:
            self._alone = before

    def _pass(self, passed: Micros) -> None:
        with self._lock:
            self._micros += passed
            self._monotonic += passed
