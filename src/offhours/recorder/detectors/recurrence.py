"""Remembers slow episodes, so that what comes back all the time is not news each time."""

from __future__ import annotations

from collections import deque


class Recurrence:
    """Slow calls of the last `memory` calls; those within `gap` calls of each other are one.

    A garbage collection every hundredth call lies far outside a window of two hundred, and yet it
    is that tool's everyday life. Only experience over more calls can tell.
    """

    def __init__(
        self, often: int = 3, memory: int = 1000, near: float = 0.4, gap: int = 10
    ) -> None:
        self._often = often
        self._memory = memory
        self._near = near
        self._gap = gap
        self._episodes: deque[list[float]] = deque()  # number of the last call, highest logarithm

    def is_news(self, value: float, call: int) -> bool:
        """Whether few episodes were as slow as the logarithm `value`; the call is remembered."""
        episodes = self._episodes
        while episodes and call - episodes[0][0] > self._memory:
            episodes.popleft()
        current = episodes[-1] if episodes and call - episodes[-1][0] <= self._gap else None
        alike = sum(1 for one in episodes if one is not current and one[1] >= value - self._near)
        if current is None:
            episodes.append([call, value])
        else:
            current[:] = call, max(current[1], value)
        # With little experience, even one like it says that it is frequent.
        return alike < self._often * min(1.0, call / self._memory)
