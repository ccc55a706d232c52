"""A loop goes on whatever its tick does, unless there is nothing left to work on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import pytest

from offhours.core.clock import Signal
from offhours.core.errors import Busy, StoreGone
from offhours.core.times import SECOND, Micros
from offhours.engine.loop import Loop
from offhours.testing import FakeClock


class Pauses(FakeClock):
    """Waits for nothing, and writes down how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, signal: Signal, until: Micros) -> bool:
        self.seconds.append((until - self.micros()) / SECOND)
        return False


def run(ticks: Iterable[Exception | int]) -> tuple[Loop, list[float]]:
    """A loop whose ticks fail, or want so many seconds; after the last it is stopped."""
    clock, left = Pauses(), iter(ticks)

    def tick(now: Micros) -> Micros:
        match next(left, None):
            case Exception() as error:
                raise error
            case int(seconds):
                return now + seconds * SECOND
        loop.stop()
        return now

    loop = Loop("test", tick, clock)
    loop.start()
    loop._thread.join(20)
    assert not loop.alive
    return loop, clock.seconds


def test_what_fails_is_tried_again_after_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    locked, fault = Busy("locked"), ValueError("a fault")
    loop, pauses = run([locked, fault, *[locked] * 6, 7, fault])
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 7, 0.1]
    assert loop.failures == 9 and not loop.store_gone
    said = [(record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert said[:2] == [("offhours-test: locked", False), ("offhours-test: a fault", True)]


def test_it_ends_when_the_store_is_gone() -> None:
    loop, pauses = run([StoreGone("a.db", "was replaced"), 7])
    assert loop.store_gone and loop.failures == 1 and pauses == []


def test_what_fails_because_it_was_stopped_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    def stopped(call: Callable[[], None]) -> Micros:
        call()
        raise OSError("closed")

    loop = Loop("test", lambda now: stopped(loop.stop), Pauses())
    loop.start()
    loop._thread.join(20)
    assert loop.failures == 0
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
