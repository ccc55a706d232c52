"""What a detector is, and what it says."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Finding(NamedTuple):
    """Why a call stands out. `limit` in seconds; `rarity`: of how many calls one is this slow."""

    reason: str
    limit: float
    rarity: float | None
    says: str


class Detector(Protocol):
    """Sees every call of one tool, in order."""

    mode: str
    threshold: float

    @property
    def limit(self) -> float:
        """The next call stands out when it takes longer (s)."""
        ...

    def observe(self, seconds: float) -> Finding | None:
        """Take in a call; what stands out about it, if anything does."""
        ...
