"""What is kept of many runs: counts, sums, and how long they took in buckets. Its size is bounded.

All times are whole microseconds, so that the order of adding makes no difference.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import msgspec

from offhours.core.times import Micros

_STEP = log(1.1)
_MOST_BUCKET = 400
COUNTED = ("succeeded", "failed", "retried", "deferred", "cancelled")


class Ending(NamedTuple):
    """How a run ended (one of `COUNTED`), how long it took, and how late it had begun.

    `bucket` is `bucket_of` the time that it took.
    """

    how: str
    took: Micros | None = None
    late: Micros | None = None
    bucket: int = 0


class Sketch(msgspec.Struct, omit_defaults=True):
    """Counts runs; quantiles are exact to 5 %.

    >>> sketch = Sketch()
    >>> for milliseconds in range(1, 1001):
    ...     took = 1000 * milliseconds
    ...     sketch.add(Ending("succeeded", took, bucket=bucket_of(took)))
    >>> sketch.executions, sketch.average, 0.47 < sketch.quantile(0.5) < 0.53
    (1000, 0.5005, True)
    """

    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    deferred: int = 0
    cancelled: int = 0
    timed: int = 0
    took: Micros = 0
    longest: Micros = 0
    started: int = 0
    late: Micros = 0
    latest: Micros = 0
    buckets: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, ending: Ending) -> None:
        """Count one more. (Spelled out: it is called six times for each run.)"""
        how, took, late, bucket = ending
        if how == "succeeded":
            self.succeeded += 1
        else:
            setattr(self, how, getattr(self, how) + 1)
        if took is not None:
            self.timed += 1
            self.took += took
            if took > self.longest:
                self.longest = took
            buckets = self.buckets
            buckets[bucket] = buckets.get(bucket, 0) + 1
        if late is not None:
            self.started += 1
            self.late += late
            if late > self.latest:
                self.latest = late

    def merge(self, other: Sketch) -> None:
        """Count all of another one too."""
        for name in (*COUNTED, "timed", "took", "started", "late"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest = max(self.longest, other.longest)
        self.latest = max(self.latest, other.latest)
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    @property
    def executions(self) -> int:
        """Runs that came to an end of their own: by success or by failure."""
        return self.succeeded + self.failed + self.retried

    @property
    def failures(self) -> int:
        """Runs that failed, whether or not they were tried again."""
        return self.failed + self.retried

    @property
    def error_rate(self) -> float:
        """The share of failures; 0 when nothing ran."""
        return self.failures / self.executions if self.executions else 0.0

    @property
    def average(self) -> float:
        """Seconds that a finished job's last run took; 0 when none finished."""
        return self.took / self.timed / 1e6 if self.timed else 0.0

    @property
    def average_late(self) -> float:
        """Seconds between being due and starting."""
        return self.late / self.started / 1e6 if self.started else 0.0

    def quantile(self, share: float) -> float:
        """The seconds within which a share of the runs ended; 0 when none did."""
        left = share * self.timed
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return min(exp((bucket + 0.5) * _STEP), self.longest) / 1e6
        return 0.0


def bucket_of(took: Micros) -> int:
    """The bucket of a length of time: each is a tenth wider than the one before."""
    return min(int(log(took) / _STEP), _MOST_BUCKET) if took > 1 else 0
