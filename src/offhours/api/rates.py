"""How often something may happen: a bucket that fills again, one for each key."""

from __future__ import annotations

from offhours.core.clock import Clock

_MOST = 10_000


class Buckets:
    """`rate` a second for each key, and `burst` at once."""

    def __init__(self, clock: Clock, rate: float, burst: int) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Use one; 0, or in how many seconds there is one again."""
        level, now = self._level(key)
        if level < 1:
            return (1 - level) / self._rate
        if key not in self._levels and len(self._levels) >= _MOST:
            del self._levels[next(iter(self._levels))]
        self._levels[key] = (level - 1, now)
        return 0.0

    def _level(self, key: str) -> tuple[float, float]:
        now = self._clock.monotonic()
        level, at = self._levels.get(key, (float(self._burst), now))
        return min(float(self._burst), level + (now - at) * self._rate), now
