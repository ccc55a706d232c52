"""Sets of times as a cron expression of ours that means the same."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from offhours.core.triggers.cron_walk import Walk
from offhours.migrate.cron import Times, expressions
from offhours.migrate.foreign import Refused

NOON = {"minutes": frozenset({0}), "hours": frozenset({12})}
START = datetime(2026, 1, 1)


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [
        ({1, 15}, {1, 3}),  # there is no first of the month that is not `*/31`
        ({1}, {5}),
        ({5, 13, 14}, {0, 2}),  # and no sunday that is not `*/7`
        ({13}, {0}),
        (set(range(1, 8)), {1}),
        (set(range(8, 22)), {2, 4}),
        ({29, 30, 31}, {6}),
        (set(range(1, 32, 2)), {1, 2}),
        (set(range(1, 32)), {1, 2}),
        ({7, 8, 9, 21}, set(range(7))),
    ],
)
def test_both_day_fields_must_match(days: set[int], weekdays: set[int]) -> None:
    [text, *_] = expressions(Times(**NOON, days=frozenset(days), weekdays=frozenset(weekdays)))
    year = [START + timedelta(days=n, hours=12) for n in range(366 + 365)]
    wanted = [at for at in year if at.day in days and at.isoweekday() % 7 in weekdays]
    walk = Walk(text, START)
    assert [next(walk) for _ in wanted] == wanted, text


def test_friday_the_13th_is_refused_with_a_way_out() -> None:
    with pytest.raises(Refused, match=r"day 13 of the month if that is a friday.*begin the task"):
        expressions(Times(**NOON, days=frozenset({13}), weekdays=frozenset({5})))


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (range(60), "*"), (range(0, 60, 5), "*/5"), ((3,), "3"), ((0, 30), "0,30"),
        (range(10, 15), "10-14"), (range(1, 60, 2), "1-59/2"), ((1, 2, 3, 7), "1-3,7"),
    ],
)  # fmt: skip
def test_a_field_is_as_short_as_can_be_read(minutes: range, text: str) -> None:
    times = Times(minutes=frozenset(minutes), hours=frozenset({12}))
    assert expressions(times)[0] == f"{text} 12 * * *"


def test_steps_may_be_written_out_where_the_clock_jumps() -> None:
    quarters = Times(minutes=frozenset(range(0, 60, 15)), hours=frozenset({2}))
    assert expressions(quarters) == ("*/15 2 * * *", "0-45/15 2 * * *")
