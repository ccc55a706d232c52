"""The default detector: a limit from the tail of the tool's own latencies, and its level."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from math import exp, inf, log, sqrt

from offhours.recorder.detectors.base import Finding
from offhours.recorder.detectors.level import LevelWatch
from offhours.recorder.detectors.reach import Reach
from offhours.recorder.detectors.recurrence import Recurrence

WINDOW = 200
YOUNG = 100
RARE = 1e-4
REFIT = 16
LOWEST, HIGHEST = 1, 3  # three slow calls in two thousand that were missed shift no bound
EXPERIENCED = 1_000  # calls, from which on the reach of the tool bounds its limit
BEYOND = log(2)  # a call that is slower than usual ones by so much is never usual
_TAIL = 0.1
_LEAST = 1e-9
_MOST = 1e6


class DynamicDetector:
    """A call is news when it is rare for its tool, slower by `threshold`, and not a regular guest.

    The last 200 logarithms are kept in order. Beyond their ninth decile the excess is taken as
    exponential; the limit is what one call in ten thousand would pass. Calls above it do not
    teach the window. See `Recurrence` for the guests and `LevelWatch` for rises that stay.

    >>> detector = DynamicDetector(0.2, min_samples=10)
    >>> usual = [detector.observe(0.100 + n % 7 / 1000) for n in range(200)]
    >>> any(usual), detector.observe(0.400).reason
    (False, 'point')
    """

    mode = "dynamic"

    def __init__(self, threshold: float, *, min_samples: int) -> None:
        self.threshold = threshold
        self.limit = inf
        self._min_samples = max(2, min_samples)
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self._excess = 0.0
        self._log_limit = inf
        self._since_fit = 0
        self._calls = 0
        self._guests = Recurrence()
        self._levels = Recurrence(often=2, memory=2_000)
        self._reach = Reach()
        self._level = LevelWatch()

    def observe(self, seconds: float) -> Finding | None:
        value = log(max(seconds, _LEAST))
        self._calls += 1
        if len(self._order) < self._min_samples:
            self._learn(value)
            return None
        before, limit = self._middle(), self.limit
        over = value > self._log_limit
        news = over and self._guests.is_news(value, self._calls)
        run = self._level.risen(value, self._sorted, log(1 + self.threshold))
        if run is not None:
            self._adopt(run)
            if not self._levels.is_news(self._middle(), self._calls):
                return None
            return Finding("level", limit, None, _risen(self._middle() - before))
        if not news:
            self._learn(min(value, self._log_limit))
            return None
        rarity = self._rarity(value)
        times = f"{exp(value - before):.1f} times the median"
        return Finding("point", limit, rarity, f"{times}, {_rare(rarity)} is as slow")

    def _learn(self, value: float) -> None:
        if len(self._sorted) >= self._min_samples:
            self._reach.add(value - self._middle())
        insort(self._sorted, value)
        self._order.append(value)
        if len(self._order) > WINDOW:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._since_fit += 1
        if self._since_fit >= REFIT or len(self._order) <= 50:
            self._fit()

    def _adopt(self, run: Iterable[float]) -> None:
        self._order = deque(run)
        self._sorted = sorted(self._order)
        self._fit()

    def _fit(self) -> None:
        self._since_fit = 0
        count = len(self._sorted)
        if count < self._min_samples:
            return
        # While there are few, the slowest says more of a cold start than of the tail.
        known = self._sorted[:-1] if count < YOUNG else self._sorted
        tail = known[min(int(len(known) * (1 - _TAIL)), len(known) - 2) :]
        # Few calls say little about a tail: keep away from it, but not beyond all reason.
        doubt = 1 + 6 * (1 - count / WINDOW) / max(1.0, sqrt(count / 10))
        self._excess = doubt * (sum(tail) / len(tail) - tail[0])
        far = tail[0] + self._excess * log(_TAIL / RARE)
        if count < YOUNG:
            far = min(far, known[-1] + log(2))
        middle, reach = self._middle(), self._reach
        if reach.calls >= EXPERIENCED:
            far = max(far, middle + reach.at(LOWEST))
            far = min(far, middle + reach.at(HIGHEST) + BEYOND)
        self._log_limit = max(far, middle + log(1 + self.threshold))
        self.limit = exp(self._log_limit)

    def _middle(self) -> float:
        return self._sorted[len(self._sorted) // 2]

    def _rarity(self, value: float) -> float:
        """One call in how many is as slow, by the fitted tail; a million at most."""
        above = value - self._sorted[int(len(self._sorted) * (1 - _TAIL))]
        if self._excess <= 0:
            return _MOST
        return min(_MOST, exp(min(above / self._excess, 20.0)) / _TAIL)


def _rare(rarity: float) -> str:
    return "not one call in a million" if rarity >= _MOST else f"one call in {rarity:,.0f}"


def _risen(by: float) -> str:
    return f"the level rose by {exp(by) - 1:.0%}".replace("%", " %")
