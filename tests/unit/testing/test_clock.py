"""The clock that tests move."""

from __future__ import annotations

import threading

import pytest

from offhours.core.clock import Signal
from offhours.core.errors import TimeError
from offhours.core.times import SECOND
from offhours.testing import FakeClock


def test_travelling_is_time_that_passes_and_jumping_is_not() -> None:
    clock = FakeClock("2026-06-01T00:00:00Z")
    clock.travel("2026-06-01T00:00:05Z")
    assert clock.monotonic() == 5
    clock.jump("2026-05-01T00:00:00Z")
    assert clock.now().month == 5 and clock.monotonic() == 5


def test_the_past_is_not_travelled_to() -> None:
    clock = FakeClock("2026-06-01T00:00:00Z")
    with pytest.raises(TimeError, match=r"2026-05-31T00:00:00.*jump"):
        clock.travel("2026-05-31T00:00:00Z")


def test_a_thread_that_is_alone_waits_for_nobody() -> None:
    clock = FakeClock()
    with clock.alone():
        assert not clock.wait(Signal(), clock.micros() + 3_600 * SECOND)
    assert clock.monotonic() == 3_600


def test_a_signal_that_is_set_ends_its_wait_before_time_passes() -> None:
    clock, signal = FakeClock(), Signal()
    signal.set()
    with clock.alone():
        assert clock.wait(signal, clock.micros() + SECOND)
    assert clock.monotonic() == 0


def test_other_threads_wait_for_the_clock_also_then() -> None:
    clock, signal = FakeClock(), Signal()
    ended: list[bool] = []
    until = clock.micros() + SECOND
    waiter = threading.Thread(target=lambda: ended.append(clock.wait(signal, until)))
    with clock.alone():
        waiter.start()
        waiter.join(0.02)
        assert waiter.is_alive() and clock.monotonic() == 0
        signal.set()
        waiter.join()
    assert ended == [True]
