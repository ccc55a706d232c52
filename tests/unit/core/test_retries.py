"""Back-off, the exceptions that deserve it, and the delays that servers ask for."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhours.core.retries import RetryPolicy, retry_after
from offhours.core.times import HOUR, MINUTE, SECOND, parse_moment

NOW = parse_moment("2026-06-01T12:00Z")


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_delays_stay_within_bounds(spent: int, chance: float) -> None:
    policy = RetryPolicy(base=SECOND, factor=3.0, cap=HOUR, jitter=0.25)
    assert 0.75 * SECOND - 1 <= policy.delay(spent, chance) <= HOUR


def test_rules_for_exceptions() -> None:
    policy = RetryPolicy(retry_on=(OSError,), give_up_on=(FileNotFoundError,))
    assert policy.allows(ConnectionError())
    assert not policy.allows(FileNotFoundError())
    assert not policy.allows(ValueError())


class Limited(Exception):
    def __init__(self, **attributes: object) -> None:
        super().__init__("slow down")
        self.__dict__.update(attributes)


def response(value: object) -> SimpleNamespace:
    return SimpleNamespace(headers={"Retry-After": value})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Limited(retry_after=3), 3 * SECOND),
        (Limited(retry_after=timedelta(minutes=1)), MINUTE),
        (Limited(response=response("120")), 2 * MINUTE),
        (Limited(response=response("Mon, 01 Jun 2026 12:00:30 GMT")), 30 * SECOND),
        (Limited(response=response("Mon, 01 Jun 2026 11:00:00 GMT")), 0),
        (Limited(response=response("soon")), None),
        (Limited(response=response(None)), None),
        (Limited(retry_after=True), None),
        (Limited(retry_after=float("nan")), None),
        (Limited(response=None), None),
        (ValueError(), None),
    ],
)
def test_retry_after(error: Exception, expected: int | None) -> None:
    assert retry_after(error, NOW) == expected
