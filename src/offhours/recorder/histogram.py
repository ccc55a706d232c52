"""All latencies a tool ever had, in buckets that grow by 3.2 %: bounded, 1.6 % exact."""

from __future__ import annotations

from math import exp, log

_STEP = log(1.032)
_LEAST, _MOST = 1e-9, 1e6


class Histogram:
    """Counts seconds by size.

    >>> histogram = Histogram()
    >>> for milliseconds in range(1, 1001):
    ...     histogram.add(milliseconds / 1000)
    >>> abs(histogram.quantile(0.5) - 0.5) < 0.01
    True
    """

    __slots__ = ("buckets", "count")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.count = 0

    def add(self, seconds: float) -> None:
        """Count one more."""
        bucket = int(log(min(max(seconds, _LEAST), _MOST) / _LEAST) / _STEP)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """The seconds below which a share of all is; 0 when there are none."""
        left = share * self.count
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return _LEAST * exp((bucket + 0.5) * _STEP)
        return 0.0
