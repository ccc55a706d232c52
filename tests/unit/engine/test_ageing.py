"""How often a worker looks for what has waited for long."""

from __future__ import annotations

from typing import Any

import pytest

from offhours.core.times import MINUTE, SECOND
from offhours.engine.ageing import AT_ONCE, Ageing

NOW = 1_800_000_000 * SECOND


class Backlog:
    """A store in which so many jobs are old enough."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.asked: list[tuple[int, int, int]] = []

    def age(self, before: int, limit: int, now: int) -> int:
        self.asked.append((before, limit, now))
        return self.jobs


@pytest.mark.parametrize(
    ("jobs", "age", "pause"),
    [
        (0, 8 * MINUTE, 2 * MINUTE),
        (AT_ONCE - 1, 8 * MINUTE, 2 * MINUTE),
        (AT_ONCE, 8 * MINUTE, SECOND),
        (2 * AT_ONCE, 8 * MINUTE, SECOND),  # so many of each class
        (0, 2 * SECOND, SECOND),
    ],
)
def test_it_looks_four_times_in_an_age_and_soon_again_after_much(
    jobs: int, age: int, pause: int
) -> None:
    store: Any = Backlog(jobs)
    assert Ageing(store, age).tick(NOW) == NOW + pause
    assert store.asked == [(NOW - age, AT_ONCE, NOW)]
