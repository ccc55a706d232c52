"""The rules: when something is wrong, and the sentence that says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from offhours.core.model import Job
from offhours.core.times import SECOND, Duration, Micros, parse_duration, spoken
from offhours.monitor.rule import Finding, Rule, TaskRule
from offhours.monitor.view import View

NOTHING_STOPS_IT = ("next", "behind")


@dataclass(frozen=True, kw_only=True)
class ErrorRate(TaskRule):
    """At least a `share` of a task's runs failed, of `at_least` so many.

    >>> ErrorRate(share=0.5, task="mail", lasting="2m").share
    0.5
    """

    kind: ClassVar[str] = "error_rate"

    share: float = 0.1
    at_least: int = 5

    def find(self, view: View) -> Iterator[Finding]:
        for task in view.tasks(self.task):
            seen = view.window(task, self.span)
            if seen.executions >= self.at_least and seen.error_rate >= self.share:
                yield Finding(
                    f"task {task}",
                    f"{seen.error_rate:.0%} of the runs of {task} failed in the last "
                    f"{spoken(self.span)} ({seen.failures} of {seen.executions}; the limit is "
                    f"{self.share:.0%}): read the errors with "
                    f"`offhours ls --task {task} --state failed`",
                    seen.error_rate,
                    self.share,
                )


@dataclass(frozen=True, kw_only=True)
class AverageTime(TaskRule):
    """A task's runs took `seconds` or more on average, of `at_least` so many.

    >>> AverageTime(seconds=30).name
    'average_time'
    """

    kind: ClassVar[str] = "average_time"

    seconds: float = 300
    at_least: int = 1

    def find(self, view: View) -> Iterator[Finding]:
        for task in view.tasks(self.task):
            seen = view.window(task, self.span)
            if seen.timed >= self.at_least and seen.average >= self.seconds:
                yield Finding(
                    f"task {task}",
                    f"the runs of {task} took {_said(seen.average)} on average in the last "
                    f"{spoken(self.span)} (the limit is {_said(self.seconds)}): look at what it "
                    "waits for, or give it a timeout",
                    seen.average,
                    self.seconds,
                )


@dataclass(frozen=True, kw_only=True)
class Lateness(TaskRule):
    """Jobs of a task that finished had started `seconds` or more late on average.

    >>> Lateness(seconds=60).severity
    'high'
    """

    kind: ClassVar[str] = "lateness"

    seconds: float = 60
    at_least: int = 1

    def find(self, view: View) -> Iterator[Finding]:
        for task in view.tasks(self.task):
            seen = view.window(task, self.span)
            if seen.started >= self.at_least and seen.average_late >= self.seconds:
                yield Finding(
                    f"task {task}",
                    f"the jobs of {task} that ended in the last {spoken(self.span)} had started "
                    f"{_said(seen.average_late)} late on average (the limit is "
                    f"{_said(self.seconds)}): start more workers, or lower what it competes with",
                    seen.average_late,
                    self.seconds,
                )


@dataclass(frozen=True, kw_only=True)
class DeferralStorm(TaskRule):
    """The jobs of a task were put off `count` times or more.

    >>> DeferralStorm(count=20, window="10m").kind
    'deferral_storm'
    """

    kind: ClassVar[str] = "deferral_storm"

    count: int = 100

    def find(self, view: View) -> Iterator[Finding]:
        for task in view.tasks(self.task):
            times = view.window(task, self.span).deferred
            if times >= self.count:
                yield Finding(
                    f"task {task}",
                    f"the jobs of {task} were put off {times} times in the last "
                    f"{spoken(self.span)} (the limit is {self.count}): defer them to when what "
                    "they wait for is there, or limit the rate of the task",
                    times,
                    self.count,
                )


@dataclass(frozen=True, kw_only=True)
class FailuresInARow(Rule):
    """The last `count` jobs of a task, or runs of a schedule, all failed.

    >>> FailuresInARow(count=3).name
    'failures_in_a_row'
    """

    kind: ClassVar[str] = "failures_in_a_row"

    count: int = 5

    def find(self, view: View) -> Iterator[Finding]:
        for task in view.tasks(None):
            failed = view.figures.tasks[task].streak
            if failed >= self.count:
                yield self._found(
                    f"task {task}", f"jobs of {task}", failed,
                    f"`offhours ls --task {task} --state failed`",
                )  # fmt: skip
        for schedule_id, failed in view.figures.schedules.items():
            if failed >= self.count:
                name = view.schedule_name(schedule_id)
                look = f"`offhours schedule show {schedule_id}`"
                yield self._found(f"schedule {schedule_id}", f"runs of the {name}", failed, look)

    def _found(self, subject: str, what: str, failed: int, look: str) -> Finding:
        return Finding(
            subject,
            f"the last {failed} {what} all failed (the limit is {self.count}): look with {look}",
            failed,
            self.count,
        )


@dataclass(frozen=True, kw_only=True)
class QueueAge(Rule):
    """The first job of a queue has waited for `longest` since it was due.

    >>> QueueAge(longest="10m").name
    'queue_age'
    """

    kind: ClassVar[str] = "queue_age"

    longest: Duration = "15m"
    queue: str | None = None

    def find(self, view: View) -> Iterator[Finding]:
        limit = parse_duration(self.longest, "longest")
        oldest: dict[str, Job] = {}
        for job in view.heads:
            if self.queue in (None, job.queue):
                oldest.setdefault(job.queue, job)
        for queue, job in oldest.items():
            waited = view.now - job.run_at
            if waited >= limit:
                yield Finding(
                    f"queue {queue}",
                    f"job {job.id} of the queue {queue} has waited for {spoken(waited)} (the limit "
                    f"is {spoken(limit)}): {view.why(job)}",
                    waited / SECOND,
                    limit / SECOND,
                )


@dataclass(frozen=True, kw_only=True)
class Silence(Rule):
    """Jobs are ready and workers alive, yet nothing has started for `longest`.

    What waits for a reason (a pause, a limit, a foreground workflow, no worker for its task) does
    not count.

    >>> Silence(longest="2m").severity
    'critical'
    """

    kind: ClassVar[str] = "silence"

    severity: str = "critical"
    longest: Duration = "5m"

    def find(self, view: View) -> Iterator[Finding]:
        limit = parse_duration(self.longest, "longest")
        job = self._stuck(view, limit)
        if job is None:
            return
        quiet = view.now - self._since(view, job)
        slots = sum(worker.slots for worker in view.workers)
        yield Finding(
            "workers",
            f"no job has started for {spoken(quiet)} (the limit is {spoken(limit)}), though "
            f"{_many(view.counts['ready'], 'job')} could and {_many(len(view.workers), 'worker')} "
            f"with {_many(slots, 'slot')} live; {view.counts['running']} run: look with "
            "`offhours ls --state running`, cancel or restart what hangs and give it a timeout, "
            "or start more workers",
            quiet / SECOND,
            limit / SECOND,
        )

    def _stuck(self, view: View, limit: Micros) -> Job | None:
        """A job that nothing holds back but that did not start."""
        if view.now - view.figures.last_start < limit:
            return None
        for job in view.heads:
            late = view.now - self._since(view, job) >= limit
            if late and self._served(view, job) and view.why(job).code in NOTHING_STOPS_IT:
                return job
        return None

    def _served(self, view: View, job: Job) -> bool:
        return any(job.task in json.loads(worker.tasks) for worker in view.workers)

    def _since(self, view: View, job: Job) -> Micros:
        """From when on somebody could have started it, and nobody started anything."""
        opened = min((worker.started_at for worker in view.workers), default=view.now)
        return max(job.run_at, view.figures.last_start, opened)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _said(seconds: float) -> str:
    return spoken(round(seconds * SECOND))
