"""How far from the middle a tool's calls get in the long run."""

from __future__ import annotations

from collections import deque

BLOCK = 100
BLOCKS = 20


class Reach:
    """The highest of the last two thousand values, to a block of a hundred.

    A window of two hundred calls may hold none of the slow ones that come once in three hundred,
    or so many of them that what it says of the tail is beyond all measure. This knows better.
    """

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=BLOCKS)
        self._highest = 0.0
        self._in_block = 0

    def add(self, value: float) -> None:
        """One more call, by how much it was above the middle."""
        if self._in_block == BLOCK:
            self._blocks.append(self._highest)
            self._highest, self._in_block = 0.0, 0
        self._highest = max(self._highest, value)
        self._in_block += 1

    @property
    def calls(self) -> int:
        """How many calls it knows."""
        return len(self._blocks) * BLOCK + self._in_block

    def at(self, rank: int) -> float:
        """The `rank`-th highest of the blocks: with a higher rank a few calls do not move it."""
        return sorted((*self._blocks, self._highest))[-rank]
