"""Finds that a tool has become slower for good, by the ranks of its calls."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import NormalDist, median

_score = NormalDist().inv_cdf


class LevelWatch:
    """A one-sided CUSUM of the normal score of each call's rank among the usual ones.

    Ranks, because two modes or a heavy tail do not disturb them. `slack` and `alarm` are in
    standard deviations; a run must have `calls` calls and a median that is `floor` higher.
    """

    def __init__(self, slack: float = 0.75, alarm: float = 12.0, calls: int = 15) -> None:
        self._slack = slack
        self._alarm = alarm
        self._calls = calls
        self._sum = 0.0
        self._run: list[float] = []

    def risen(self, value: float, usual: Sequence[float], floor: float) -> list[float] | None:
        """Take in a value; the new level's values once there is one. `usual` is sorted."""
        count = len(usual)
        rank = (bisect_left(usual, value) + bisect_right(usual, value) + 1) / 2 / (count + 1)
        edge = 0.5 / (count + 1)
        self._sum += _score(min(max(rank, edge), 1 - edge)) - self._slack
        if self._sum <= 0:
            self._sum = 0.0
            self._run.clear()
            return None
        self._run.append(value)
        if self._sum <= self._alarm or len(self._run) < self._calls:
            return None
        if median(self._run) <= usual[count // 2] + floor:
            del self._run[:-200]  # slowly rising for long: only what is recent counts
            return None
        run = self._run[-50:]
        self._sum, self._run = 0.0, []
        return run
