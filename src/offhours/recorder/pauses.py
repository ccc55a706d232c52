"""Notices when the whole process stood still: stopped, suspended, or its machine was."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

ALLOWED = 0.3


class PauseWatch:
    """Fed by a loop that should come round on time.

    A round that is late although the process used hardly any processor time was not held up by a
    busy tool: nobody was running.
    """

    def __init__(
        self, timer: Callable[[], float], cpu: Callable[[], float] = time.process_time
    ) -> None:
        self._timer = timer
        self._cpu = cpu
        self._due: float | None = None
        self._last = (0.0, 0.0)
        self._pauses: deque[tuple[float, float]] = deque(maxlen=64)

    def expect(self, wait: float) -> None:
        """The loop is about to rest for `wait` seconds at most."""
        self._last = self._timer(), self._cpu()
        self._due = self._last[0] + wait

    def look(self) -> None:
        """The loop, or somebody in its place, has come round."""
        if self._due is None:
            return
        now, cpu = self._timer(), self._cpu()
        late = now - self._due
        if late > ALLOWED and cpu - self._last[1] < late / 2:
            self._pauses.append((self._last[0], now))
            self._last, self._due = (now, cpu), now

    def forget(self) -> None:
        """No loop runs any more."""
        self._due = None

    def covers(self, began: float, end: float) -> bool:
        """Whether the process stood still at some time between two moments."""
        return any(began < last and end > first for first, last in self._pauses)
