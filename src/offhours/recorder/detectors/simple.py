"""The rule of a share above the mean, and a fixed limit."""

from __future__ import annotations

from collections import deque
from math import inf

from offhours.recorder.detectors.base import Finding


class ThresholdDetector:
    """A call that is slower than the mean of the last ones by more than a share of it.

    >>> rule = ThresholdDetector(0.2, window=100, min_samples=10)
    >>> [rule.observe(0.100) for _ in range(10)][-1], rule.observe(0.135).says
    (None, '35 % above the mean of 10 calls')
    """

    mode = "threshold"

    def __init__(self, threshold: float, *, window: int, min_samples: int) -> None:
        self._last: deque[float] = deque(maxlen=window)
        self._min_samples = min_samples
        self.threshold = threshold

    @property
    def limit(self) -> float:
        if len(self._last) < self._min_samples:
            return inf
        return self._mean() * (1 + self.threshold)

    def observe(self, seconds: float) -> Finding | None:
        limit, mean, count = self.limit, self._mean(), len(self._last)
        self._last.append(seconds)
        if seconds <= limit:
            return None
        above = f"{seconds / mean - 1:.0%}".replace("%", " %") if mean else "far"
        return Finding("threshold", limit, None, f"{above} above the mean of {count} calls")

    def _mean(self) -> float:
        return sum(self._last) / len(self._last) if self._last else 0.0


class FixedDetector:
    """A call that took longer than a limit that somebody chose.

    >>> FixedDetector(0.5).observe(0.75).says
    'over the fixed limit of 500 ms'
    """

    mode = "fixed"
    threshold = 0.0

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def observe(self, seconds: float) -> Finding | None:
        if seconds <= self.limit:
            return None
        says = f"over the fixed limit of {self.limit * 1000:g} ms"
        return Finding("fixed", self.limit, None, says)
