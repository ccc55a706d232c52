"""When background work may start: the one rule, asked by claims and by `why`."""

from __future__ import annotations

from offhours.core.admission import BackgroundLimits, Room, background_room
from offhours.core.model import ForegroundLease
from offhours.core.times import SECOND

NOW = 1_000 * SECOND


def lease(until: int) -> ForegroundLease:
    return ForegroundLease(1, "wf", "me", 0, until)


def room(limits: BackgroundLimits, leases=(), running=0, last=None) -> Room:
    return background_room(limits, leases, running, last, NOW)


def test_nothing_limits() -> None:
    assert room(BackgroundLimits()) == Room(None)


def test_the_last_lease_to_end_counts() -> None:
    assert room(BackgroundLimits(), [lease(NOW + 5), lease(NOW + 9)]) == Room(
        0, "workflow", NOW + 9
    )


def test_limit() -> None:
    limits = BackgroundLimits(limit=3)
    assert room(limits, running=1) == Room(2)
    assert room(limits, running=3) == Room(0, "limit")
    assert room(limits, running=7) == Room(0, "limit")


def test_throttle() -> None:
    limits = BackgroundLimits(throttle=SECOND)
    assert room(limits) == Room(1)
    assert room(limits, last=NOW - SECOND // 4) == Room(0, "throttled", NOW + SECOND * 3 // 4)
    assert room(limits, last=NOW - SECOND) == Room(1)


def test_a_start_in_the_future_is_a_clock_that_was_set_back() -> None:
    assert room(BackgroundLimits(throttle=SECOND), last=NOW + 3600 * SECOND) == Room(1)


def test_workflow_before_limit_before_throttle() -> None:
    limits = BackgroundLimits(throttle=SECOND, limit=1)
    assert room(limits, [lease(NOW + 1)], running=1, last=NOW).reason == "workflow"
    assert room(limits, running=1, last=NOW).reason == "limit"
    assert room(limits, last=NOW).reason == "throttled"
