"""Looking at many jobs and events at once: for people, never for the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from offhours.core.events import Event
from offhours.core.lists import Backlog, Depth, JobFilter, Stretch
from offhours.core.model import Job, JobState
from offhours.core.ports import name_list
from offhours.core.times import Micros
from offhours.store.connection import Database


class SqlLists:
    """Implements `core.ports.Lists` on a database."""

    def __init__(self, database: Database, sql: Mapping[str, str]) -> None:
        self._db = database
        self._sql = sql

    def jobs(
        self,
        wanted: JobFilter,
        *,
        after: int = 0,
        newest_first: bool = True,
        limit: int = 50,
        skip: int = 0,
    ) -> list[Job]:
        """A page of the jobs that are meant; `after` is the last id of the page before.

        They come without results, with the beginning of their arguments and the end of an error.
        """
        name = "find_down" if newest_first else "find_up"
        return self._jobs(name, (after, *filter_values(wanted), limit, skip))

    def rows(self, ids: Sequence[int]) -> list[Job]:
        """These jobs, in the same short form, but for those that are gone."""
        return self._jobs("rows", (json.dumps(list(ids)),))

    def _jobs(self, name: str, values: tuple[Any, ...]) -> list[Job]:
        rows = self._db.read(self._sql[name], values)
        return [job._replace(state=JobState(job.state)) for job in map(Job._make, rows)]

    def count(self, wanted: JobFilter) -> int:
        """How many jobs are meant."""
        [(count,)] = self._db.read(self._sql["find_count"], filter_values(wanted))
        return int(count)

    def depths(self) -> list[Depth]:
        """How many unfinished jobs there are of each queue, priority and stage."""
        return [Depth(*row) for row in self._db.read(self._sql["depths"])]

    def backlog(self, since: Micros, slot: Micros, limit: int) -> list[Backlog]:
        """What was due and had not ended, by slots of time since then.

        Of those that ended in each way, the `limit` newest are looked at.
        """
        rows = self._db.read(self._sql["backlog"], (since, slot, limit))
        return [Backlog(*row) for row in rows]

    def stretches(self, since: Micros, last: Micros, limit: int = 500) -> list[Stretch]:
        """The runs that go on or have ended since, the newest first."""
        rows = self._db.read(self._sql["stretches"], (since, limit, last))
        found = [Stretch(*row) for row in rows]
        ids = json.dumps([each.job_id for each in found])
        told = dict(self._db.read(self._sql["starts"], (ids,))) if found else {}
        return [
            each._replace(worker=_worker(told.get(each.job_id))) if each.worker is None else each
            for each in found
        ]

    def events(self, before: int = 0, limit: int = 50, kinds: str | None = None) -> list[Event]:
        """The newest events, or those before one; with `kinds`, a `name_list`, only those."""
        rows = self._db.read(self._sql["events_down"], (before, kinds, limit))
        return [Event(*row) for row in rows]

    def events_of(self, tenant: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """The next events of a tenant's jobs after a cursor."""
        rows = self._db.read(self._sql["events_of_tenant"], (after, tenant, limit))
        return [Event(*row) for row in rows]


def filter_values(wanted: JobFilter) -> tuple[Any, ...]:
    """The parameters of `{found}`."""
    return (
        _names(wanted.states),
        _names(wanted.tasks),
        _names(wanted.queues),
        _names([str(int(priority)) for priority in wanted.priorities]),
        wanted.tenant,
        wanted.schedule_id,
        None if wanted.text is None else _like(wanted.text),
        wanted.since,
        wanted.until,
        wanted.finished_after,
        wanted.finished_before,
        _names(wanted.tags),
        wanted.flow_id,
        None if wanted.ids is None else json.dumps(list(wanted.ids)),
    )


def _names(names: Sequence[str]) -> str | None:
    return name_list(names) if names else None


def _like(text: str) -> str:
    """A pattern that finds exactly this text, whatever is in it."""
    for mark in ("\\", "%", "_"):
        text = text.replace(mark, f"\\{mark}")
    return f"%{text.lower()}%"


def _worker(data: str | None) -> int | None:
    told = json.loads(data) if data else {}
    worker = told.get("worker")
    return worker if isinstance(worker, int) else None
