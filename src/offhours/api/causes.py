"""Failures by their cause: errors that differ in numbers and quoted parts alone are one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from offhours.core.lists import JobFilter
from offhours.core.model import Job

if TYPE_CHECKING:
    from offhours.app import Offhours

LOOKED_AT = 1_000


def newest_failures(app: Offhours) -> list[Job]:
    """Those that are looked at."""
    return app.store.lists.jobs(JobFilter(states=["failed"]), limit=LOOKED_AT)


def fingerprint(job: Job) -> str:
    """What failures of one cause have in common."""
    pattern = re.sub(r"\d+|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"", "*", last_line(job)[:300])
    return f"{job.code}: {pattern}"


def last_line(job: Job) -> str:
    """The last line of a job's error."""
    return ((job.error or "").strip().splitlines() or [job.reason or "no message"])[-1]
