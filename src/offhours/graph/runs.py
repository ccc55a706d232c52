"""The runs and deferrals of a job, read out of its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from offhours.core.events import KINDS, Event
from offhours.core.model import Job, JobState
from offhours.core.times import SECOND, Micros, iso

_LEFT_AS_IT_WAS = frozenset(kind for kind, state in KINDS.items() if state is None)
_STATUS = {
    "job.succeeded": "completed",
    "job.failed": "failed",
    "job.retried": "failed",
    "job.crashed": "failed",
    "job.rescued": "failed",
    "job.deferred": "deferred",
    "job.returned": "returned",
    "job.held": "waiting",
    "job.cancelled": "cancelled",
}


class Run(NamedTuple):
    """One attempt. `ended` is the event that ended it; None while it goes on, or when forgotten."""

    attempt: int
    began: Micros | None
    ended: Event | None
    status: str

    def metadata(self, job: Job) -> dict[str, Any]:
        """As the document has it."""
        end = None if self.ended is None else self.ended.at
        if end is None and self.attempt == job.attempt:
            end = job.finished_at
        seconds = None if end is None or self.began is None else (end - self.began) / SECOND
        return {
            "execution_type": _type_of(job),
            "status": self.status,
            "attempt": self.attempt,
            "triggered_at": iso(self.began),
            "completed_at": iso(end),
            "duration_seconds": seconds,
        }


class Deferral(NamedTuple):
    """One time that a job was put off, for the `times`-th time."""

    seq: int
    at: Micros
    attempt: int
    until: Micros | None
    reason: str
    times: int


def runs_of(job: Job, history: Sequence[Event]) -> list[Run]:
    """The attempts that started, in order; where events are gone, the last one only."""
    began: dict[int, Micros] = {}
    ended: dict[int, Event] = {}
    for event in history:
        if event.attempt and event.kind == "job.started":
            began.setdefault(event.attempt, event.at)
        elif event.attempt in began and event.kind not in _LEFT_AS_IT_WAS:
            ended.setdefault(event.attempt or 0, event)
    if job.started_at is not None and job.attempt and job.attempt not in began:
        began[job.attempt] = job.started_at
    return [
        Run(attempt, began[attempt], ended.get(attempt), _status(job, attempt, ended.get(attempt)))
        for attempt in sorted(began)
    ]


def _status(job: Job, attempt: int, ended: Event | None) -> str:
    if ended is not None:
        return _STATUS.get(ended.kind, "ended")
    if attempt != job.attempt:
        return "ended"
    return {JobState.RUNNING: "running", JobState.SUCCEEDED: "completed"}.get(
        job.state, str(job.state)
    )


def deferrals_of(history: Sequence[Event]) -> list[Deferral]:
    """The deferrals whose events are kept, in order."""
    found: list[Deferral] = []
    for event in history:
        if event.kind == "job.deferred":
            told = event.told
            found.append(
                Deferral(event.seq, event.at, event.attempt or 0, told.get("until"),
                         str(told.get("reason") or ""), len(found) + 1)
            )  # fmt: skip
    return found


def _type_of(job: Job) -> str:
    if job.retry_of is not None:
        return "retry"
    return "one_time" if job.schedule_id is None else "cron_trigger"
