"""The names of tasks that a database has heard of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from offhours.core.model import Job, WorkerInfo

RECENT = 500
LOCAL = "local:"
_OWN = ("train:", "phase:", "offhours.", "offhours ")


class Asked(Protocol):
    """Whoever knows workers and jobs: an app, or a server."""

    def workers(self) -> list[WorkerInfo]: ...
    def jobs(self, *, limit: int) -> Sequence[Job]: ...


class TaskCount(NamedTuple):
    """A task, how many workers know it, and its share of the latest jobs."""

    task: str
    workers: int
    recent_jobs: int
    recent_failed: int


def served_tasks(app: Asked) -> Counter[str]:
    """The tasks that workers know, each with how many do."""
    return Counter(
        name for worker in app.workers() for name in json.loads(worker.tasks) if not is_local(name)
    )


def task_counts(app: Asked) -> list[TaskCount]:
    """The tasks that workers know or that the latest jobs have, by name."""
    workers = served_tasks(app)
    latest = [job for job in app.jobs(limit=RECENT) if not is_local(job.task)]
    jobs = Counter(job.task for job in latest)
    failed = Counter(job.task for job in latest if job.state == "failed")
    return [
        TaskCount(name, workers[name], jobs[name], failed[name])
        for name in sorted(set(workers) | set(jobs))
    ]


def is_local(name: str) -> bool:
    """Whether it is the function of a durable=False job, which no other process can run."""
    return name.startswith(LOCAL)


def is_own(name: str) -> bool:
    """Whether it is one of Offhours itself, whose arguments decide for whom and how it acts.

    >>> is_own("train:spam"), is_own("shop:train")
    (True, False)
    """
    return name.startswith(_OWN)
