"""Faults of schedules: fires lost in silence, work held up, words taken for something else."""

from __future__ import annotations

import pytest

from offhours import JobState
from offhours.core.errors import ScheduleError
from offhours.core.schedules import ScheduleMove, ScheduleStatus
from offhours.testing import memory_app


def noop(*args: object) -> None: ...


@pytest.mark.parametrize(
    "blackout",
    ["2026-12", "12-13", "22:00Z-06:00", "22:00+01:00-06:00", "22-06", 123, True, b"22:00-06:00",
     ["2026-12-24"] * 401],
)  # fmt: skip
def test_a_blackout_that_is_not_clear_is_refused(blackout: object) -> None:
    with pytest.raises(ScheduleError, match="blackout"):
        memory_app().schedule(noop, "every hour", blackout=blackout)  # type: ignore[arg-type]


def test_a_schedule_that_cannot_be_fired_stops_nobody_else() -> None:
    """Its zone may be unknown on this machine, its row may be of another release."""
    app = memory_app()
    broken = app.schedule(noop, "every minute", name="broken")
    whole = app.schedule(noop, "every minute", name="whole")
    found = broken.record
    changes = {"plan": found.plan.replace('"UTC"', '"Mars/Olympus"')}
    move = ScheduleMove(found.id, found.revision, found.next_at, "", changes, {})
    assert app.store.schedules.change(move, app.clock.micros())
    job = app.submit(noop)
    app.clock.advance("1m")
    app.drain()
    assert job.status is JobState.SUCCEEDED
    assert whole.record.runs == 1
    assert broken.status is ScheduleStatus.DISABLED
    assert "Mars/Olympus" in (broken.record.reason or "")
    assert any(event.kind == "schedule.disabled" for event in app.events())
