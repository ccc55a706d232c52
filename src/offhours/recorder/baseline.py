"""What is usual for one tool: its last calls, and a histogram of all."""

from __future__ import annotations

from collections import deque
from math import fsum
from statistics import median, pstdev

from offhours.recorder.histogram import Histogram


class Baseline:
    """Durations of a tool, in seconds.

    >>> usual = Baseline(window=100)
    >>> for seconds in (0.1, 0.1, 0.1):
    ...     usual.add(seconds)
    >>> round(usual.variance_of(0.135), 2)
    0.35
    """

    def __init__(self, window: int) -> None:
        self._last: deque[float] = deque(maxlen=window)
        self._sum = 0.0
        self._since_sum = 0
        self.all_time = Histogram()
        self.variance = 0.0
        self.errors = 0

    def add(self, seconds: float) -> None:
        """One more call that went as usual."""
        self.variance = self.variance_of(seconds)
        self._sum += seconds
        if len(self._last) == self._last.maxlen:
            self._sum -= self._last[0]
        self._last.append(seconds)
        self._since_sum += 1
        if self._since_sum >= 1000:  # so that rounding does not add up
            self._sum, self._since_sum = fsum(self._last), 0
        self.all_time.add(seconds)

    @property
    def samples(self) -> int:
        """How many calls the baseline stands on."""
        return len(self._last)

    @property
    def mean(self) -> float:
        """Of the last calls; 0 when there are none."""
        return max(0.0, self._sum / len(self._last)) if self._last else 0.0

    @property
    def median(self) -> float:
        """Of the last calls; 0 when there are none."""
        return median(self._last) if self._last else 0.0

    def variance_of(self, seconds: float) -> float:
        """How far a call is from the mean of the last ones: 0.35 is 35 % slower."""
        mean = self.mean
        return (seconds - mean) / mean if mean > 0 else 0.0

    def figures(self) -> dict[str, float]:
        """Mean, spread and percentiles of the last calls, in milliseconds."""
        ordered = sorted(self._last) or [0.0]

        def at(share: float) -> float:
            """Between the two calls that it lies between: of 100 calls p99 is not the slowest."""
            place = share * (len(ordered) - 1)
            below = int(place)
            above = ordered[min(below + 1, len(ordered) - 1)]
            return (ordered[below] + (place - below) * (above - ordered[below])) * 1000

        return {
            "mean_ms": self.mean * 1000,
            "median_ms": self.median * 1000,
            "std_ms": pstdev(self._last) * 1000 if self._last else 0.0,
            "min_ms": ordered[0] * 1000,
            "max_ms": ordered[-1] * 1000,
            "p50_ms": at(0.50),
            "p95_ms": at(0.95),
            "p99_ms": at(0.99),
        }
