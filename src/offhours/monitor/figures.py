"""The fold: events in, figures out. A pure function of the events, in memory that is bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from offhours.core.events import Event
from offhours.core.notices import JobFacts
from offhours.core.times import Micros
from offhours.monitor.series import SKEW, Series
from offhours.monitor.sketch import Ending, bucket_of

MOST_TASKS = 200
MOST_NAMES = 200
MOST_SCHEDULES = 1_000
FORGOTTEN = "(forgotten)"

HOW = {
    "job.succeeded": "succeeded",
    "job.failed": "failed",
    "job.retried": "retried",
    "job.crashed": "retried",
    "job.rescued": "retried",
    "job.deferred": "deferred",
    "job.cancelled": "cancelled",
}
Facts = Mapping[int, JobFacts]


class Figures(msgspec.Struct):
    """All that the events up to `seq` come to.

    tasks, names: a series for each task, and for each name that jobs were given besides; when there
        are too many, those that had nothing to tell for the longest time are forgotten
    schedules: how many runs in a row failed, by the number of the schedule
    last_start: when a job last started
    history: how many hours of tasks and names are kept at most
    """

    history: int = 1_000
    seq: int = 0
    everything: Series = msgspec.field(default_factory=lambda: Series(kept=60))
    tasks: dict[str, Series] = msgspec.field(default_factory=dict)
    names: dict[str, Series] = msgspec.field(default_factory=dict)
    schedules: dict[int, int] = msgspec.field(default_factory=dict)
    last_start: Micros = 0

    def fold(self, events: Sequence[Event], facts: Facts) -> None:
        """Take in the next events. `facts` has the jobs that `wanted` names."""
        for seq, at, kind, job_id, _, data in events:
            if kind == "job.started":
                self.last_start = at
            elif kind in HOW and job_id is not None:
                self._count(kind, at, facts.get(job_id), data)
            self.seq = seq

    def not_after(self, now: Micros) -> None:
        """Nothing can have happened later than now: should the clock have been set back."""
        for series in (self.everything, *self.tasks.values(), *self.names.values()):
            series.not_after(now)
        if self.last_start > now + SKEW:
            self.last_start = 0

    def _count(self, kind: str, at: Micros, job: JobFacts | None, data: str | None) -> None:
        ending = ending_of(kind, job, data)
        self.everything.add(ending, at)
        task = FORGOTTEN if job is None else label(job.task)
        self._add(self.tasks, MOST_TASKS, task, ending, at)
        if job is None:
            return
        if job.name is not None and job.name != task:
            self._add(self.names, MOST_NAMES, job.name, ending, at)
        if job.schedule_id is not None and ending.how in ("succeeded", "failed"):
            failed = self.schedules.pop(job.schedule_id, 0) + 1
            if ending.how == "failed":
                self.schedules[job.schedule_id] = failed
                _shorten(self.schedules, MOST_SCHEDULES)

    def _add(
        self, table: dict[str, Series], most: int, key: str, ending: Ending, at: Micros
    ) -> None:
        series = table.pop(key, None) or Series(kept=15)
        table[key] = series  # the newest one stands last
        _shorten(table, most)
        if series.add(ending, at):
            self._bound_history()

    def _bound_history(self) -> None:
        every = [*self.tasks.values(), *self.names.values()]
        for _ in range(sum(len(series.hours) for series in every) - self.history):
            oldest = min((s for s in every if s.hours), key=lambda s: min(s.hours))
            del oldest.hours[min(oldest.hours)]

    def clear_history(self) -> None:
        """Forget the hours of all tasks: they were exported."""
        for series in (*self.tasks.values(), *self.names.values()):
            series.hours.clear()

    def find(self, name: str) -> Series | None:
        """The series of a task by its name, by that without its module, or by a job's name."""
        known = self.tasks.get(name) or self.names.get(name)
        if known is None:
            alike = [task for task in self.tasks if task.rpartition(":")[2] == name]
            known = self.tasks[alike[-1]] if alike else None
        return known


def wanted(events: Sequence[Event]) -> list[int]:
    """The jobs of which `fold` must know the facts."""
    return list({e.job_id for e in events if e.kind in HOW and e.job_id is not None})


def ending_of(kind: str, job: JobFacts | None, data: str | None = None) -> Ending:
    """What an event says of a run. Times are of finished jobs, which never change again, and of
    attempts that are retried, whose event has them."""
    how = HOW[kind]
    if kind == "job.retried" and data is not None:
        took = json.loads(data).get("took")
        if isinstance(took, int) and took >= 0:
            return Ending(how, took, None, bucket_of(took))
    if job is None or how not in ("succeeded", "failed") or job.started_at is None:
        return Ending(how)
    late = max(0, job.started_at - job.run_at)
    if job.finished_at is None:
        return Ending(how, None, late)
    took = max(0, job.finished_at - job.started_at)
    return Ending(how, took, late, bucket_of(took))


def label(task: str) -> str:
    """What a task is called; those of one process only have a number in their name.

    >>> label("local:1f2e3d4c5b6a:tidy"), label("shop:mail")
    ('tidy', 'shop:mail')
    """
    return task.split(":", 2)[2] if task.startswith("local:") and task.count(":") > 1 else task


def _shorten(table: dict[str, Series] | dict[int, int], most: int) -> None:
    while len(table) > most:
        del table[next(iter(table))]  # type: ignore[arg-type]
