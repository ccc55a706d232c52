"""What can be asked of the jobs in a store, and what is seen of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from offhours.core.times import Micros


class JobFilter(NamedTuple):
    """Which jobs are meant; what is empty or None leaves all of them.

    text: is found in a job's name, task, arguments, metadata, reason or error, in either case
    tenant: whose they are; None is everybody's
    since, until: when they were submitted, the end not included
    finished_after, finished_before: when they ended, likewise
    tags: they have one of these among their tags (`tags` of their metadata)
    flow_id: they are steps of this flow
    ids: only those of these; None leaves all
    """

    states: Sequence[str] = ()
    tasks: Sequence[str] = ()
    queues: Sequence[str] = ()
    priorities: Sequence[int] = ()
    tenant: str | None = None
    schedule_id: int | None = None
    text: str | None = None
    since: Micros | None = None
    until: Micros | None = None
    finished_after: Micros | None = None
    finished_before: Micros | None = None
    tags: Sequence[str] = ()
    flow_id: int | None = None
    ids: Sequence[int] | None = None


class Depth(NamedTuple):
    """How many jobs of one queue and priority stand in one state, and since when the first waits.

    `stage` is `ready`, `later`, `held` or `running`.
    """

    queue: str
    priority: int
    stage: str
    jobs: int
    oldest: Micros


class Backlog(NamedTuple):
    """Jobs of one priority that were due in one slot of time and ended in another.

    state: "ready" and "running" have not ended; of the others the newest were looked at
    due, ended: the number of the slot, counted from `since`; -1 is before it, None is not yet
    last: when the last of them ended, None while they have not; `first` likewise
    """

    state: str
    priority: int
    due: int
    ended: int | None
    jobs: int
    first: Micros | None
    last: Micros | None


class Stretch(NamedTuple):
    """A run as a timeline shows it; `ended_at` is None while it goes on."""

    job_id: int
    task: str
    name: str | None
    state: str
    worker: int | None
    started_at: Micros
    ended_at: Micros | None
