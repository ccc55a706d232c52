"""Faults of schedules: fires lost in silence, work held up, words taken for something else."""

from __future__ import annotations

import pytest

from offhours import JobState
from offhours.core.errors import ScheduleError
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
