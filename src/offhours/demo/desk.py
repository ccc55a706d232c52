"""The person in front: a small piece of work, done again and again, each time with a stopwatch."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

PAUSE = 0.004
_WORDS = ("ask", "file", "note", "plan", "read", "sort", "tidy", "call", "draft", "print")


@dataclass(frozen=True, slots=True)
class Feel:
    """How long the steps of one stretch took, in milliseconds."""

    steps: int
    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Feel:
        """
        >>> Feel.of([0.001] * 99 + [0.005]).p50
        1.0
        """
        ordered = sorted(seconds)
        middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        return cls(len(ordered), middle * 1000, late * 1000)


class Desk:
    """Search as you type: read the notes, find those with a word, draw the first ten."""

    def __init__(self, notes: int = 3000) -> None:
        rng = random.Random(7)
        titles = [" ".join(rng.choices(_WORDS, k=5)) for _ in range(notes)]
        self._notes = json.dumps([{"id": i, "title": title} for i, title in enumerate(titles)])
        self._typed = 0

    def step(self) -> float:
        """One keystroke; the seconds until its answer was there."""
        started = time.perf_counter()
        self._typed += 1
        word = _WORDS[self._typed % len(_WORDS)]
        found = [note for note in json.loads(self._notes) if word in note["title"]]
        json.dumps(sorted(found, key=lambda note: str(note["title"]))[:10])
        return time.perf_counter() - started

    def work(self, go_on: Callable[[], bool]) -> list[float]:
        """Steps with a short pause after each, as long as `go_on` says."""
        taken = []
        while go_on():
            taken.append(self.step())
            time.sleep(PAUSE)
        return taken

    def work_for(self, seconds: float, between: Callable[[], object] = lambda: None) -> list[float]:
        """Steps for a while; `between` them, outside of what is timed, somebody may look."""
        ends = time.monotonic() + seconds

        def go_on() -> bool:
            between()
            return time.monotonic() < ends

        return self.work(go_on)
