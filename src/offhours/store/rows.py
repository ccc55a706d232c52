"""A row of the table of jobs, as what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from offhours.core.model import Job, JobState


def read_job(row: Sequence[Any]) -> Job:
    """The job of a row that has all the columns of one, in their order."""
    job = Job(*row)
    return job._replace(state=JobState(job.state))
