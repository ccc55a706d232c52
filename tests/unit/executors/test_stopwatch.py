"""The time of a run stands still while it is held, for whatever reasons."""

from __future__ import annotations

import time

import pytest

from offhours.executors.supervision import Stopwatch


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_it_counts(moment: list[float]) -> None:
    watch = Stopwatch()
    moment[0] += 3
    assert watch.seconds == 3
    watch.start()
    assert watch.seconds == 0


def test_what_is_held_twice_goes_on_when_both_have_ended(moment: list[float]) -> None:
    watch = Stopwatch()
    moment[0] += 1
    watch.hold("frozen")
    moment[0] += 10
    watch.hold("waits")
    moment[0] += 10
    watch.hold("frozen", False)
    moment[0] += 10
    assert watch.seconds == 1
    watch.hold("waits", False)
    moment[0] += 2
    assert watch.seconds == 3


def test_what_is_held_when_it_starts_is_held_still(moment: list[float]) -> None:
    watch = Stopwatch()
    watch.hold("frozen")
    watch.start()
    moment[0] += 5
    assert watch.seconds == 0
    watch.hold("frozen", False)
    moment[0] += 5
    assert watch.seconds == 5


def test_letting_go_of_what_was_not_held_changes_nothing(moment: list[float]) -> None:
    watch = Stopwatch()
    moment[0] += 1
    watch.hold("waits", False)
    moment[0] += 1
    assert watch.seconds == 2
