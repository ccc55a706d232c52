"""Rows of tables as what they stand for, and values as rows hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from offhours.core.model import Job, JobState
from offhours.core.schedules import Schedule, ScheduleStatus

_encode = msgspec.json.Encoder().encode


def read_job(row: Sequence[Any]) -> Job:
    """The job of a row that has all the columns of one, in their order."""
    job = Job(*row)
    return job._replace(state=JobState(job.state))


def read_schedule(row: Sequence[Any]) -> Schedule:
    """The schedule of a row that has all the columns of one, in their order."""
    schedule = Schedule(*row)
    return schedule._replace(status=ScheduleStatus(schedule.status))


def as_json(value: object) -> str:
    """A value as JSON text."""
    return _encode(value).decode()
