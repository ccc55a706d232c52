"""Rounds of a dispatcher, called by hand."""

from __future__ import annotations

import json
from typing import Any

from offhours.core.clock import Signal
from offhours.core.model import Job, NewJob, WorkerInfo
from offhours.core.outcomes import Done
from offhours.core.ports import name_list
from offhours.core.schedules import NewSchedule
from offhours.core.times import HOUR, SECOND
from offhours.core.triggers import Every, Plan
from offhours.engine.codec import Codec
from offhours.engine.dispatcher import Dispatcher
from offhours.engine.foreground import Foreground
from offhours.engine.lane import Lane
from offhours.engine.registry import Registry, Task
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase
from offhours.testing import FakeClock

POLL, LEASE = SECOND, 30 * SECOND


class Round:
    """A lane of two slots on a store in memory; the test is its executor and calls the rounds."""

    def __init__(self) -> None:
        self.store = SqlStore(SqliteDatabase(":memory:"))
        self.clock = FakeClock()
        self.clock.advance("1h")
        self.registry = Registry()
        self.registry.add(Task("t", len, Codec(len, "t"), retries=2, timeout=7))
        self.tasks = ["t"]
        self.foreground = Foreground()
        self.lane = Lane(2, self.clock, self.foreground, Signal())
        self.lane._mean = 60.0  # runs have been slow of late: nothing is claimed ahead
        self.told: list[Any] = []
        self.me = self.worker()
        self.dispatcher = Dispatcher(
            self.lane,
            self.store,
            self.registry,
            self.clock,
            tasks=lambda: name_list(self.tasks),
            worker=lambda: self.me,
            foreground=self.foreground,
            poll=POLL,
            lease=LEASE,
            on_applied=lambda moves: self.told.append([move.job_id for move in moves]),
            on_more=lambda: self.told.append("more"),
            on_fired=lambda: self.told.append("fired"),
            on_lost=lambda worker: self.told.append(f"lost {worker}"),
        )

    @property
    def now(self) -> int:
        return self.clock.micros()

    def worker(self) -> int:
        info = WorkerInfo(0, "w", "h", 1, "1", "", '["t"]', 2, self.now, 0, self.now, LEASE)
        return self.store.add_worker(info, self.now)

    def new(self) -> NewJob:
        return NewJob("t", "[[],{}]", 50, self.now, 3)

    def submit(self, count: int = 1, **changes: Any) -> list[int]:
        return self.store.submit([self.new()._replace(**changes)] * count, self.now)

    def schedule(self, task: str, due: int) -> None:
        """One that is due so soon, and then each hour."""
        plan = json.dumps(Plan((Every(HOUR, self.now + due),), "UTC").to_dict())
        new = NewSchedule(task, task, "[[],{}]", 50, 3, "default", None, None, "retry", plan, "")
        self.store.schedules.add(new, self.now + due, self.now)

    def tick(self) -> int:
        """One round; how long to wait for the next."""
        return self.dispatcher.tick(self.now) - self.now

    def start(self, count: int = 1) -> list[Any]:
        """The executor takes so many jobs."""
        jobs = [self.lane.try_take() for _ in range(count)]
        assert None not in jobs
        return jobs

    def ahead(self) -> None:
        """Runs have been quick of late: the lane wants more than it has slots."""
        self.lane._mean = 0.001

    def finish(self, job: Any, outcome: Any = Done("1")) -> None:  # noqa: B008
        assert self.lane.finish(job, outcome)

    def job(self, job_id: int) -> Job:
        found = self.store.job(job_id)
        assert found is not None
        return found

    def states(self, ids: list[int]) -> list[str]:
        return [str(self.job(job_id).state) for job_id in ids]

    def returned(self) -> dict[int, str]:
        """The jobs that were handed back, and why."""
        return {
            event.job_id: json.loads(event.data)["reason"]
            for event in self.store.events()
            if event.kind == "job.returned"
        }
