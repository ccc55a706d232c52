"""Running what is due, and letting time pass until more is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import NotStarted, OptionError, ResultTimeout
from offhours.core.events import KINDS
from offhours.core.model import Job, JobState
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import Duration, Micros, Moment, parse_until, to_datetime
from offhours.engine.registry import Task
from offhours.handles import JobHandle
from offhours.testing.clock import FakeClock

_LOOK_SECONDS = 0.001
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: of which job and task, which attempt, when it began, and how it ended.

    outcome: `succeeded`, `failed`, `retried`, `deferred`, `slept`, `held` or `cancelled`
    """

    job: JobHandle[Any]
    task: str
    attempt: int
    at: datetime
    outcome: str

    def __str__(self) -> str:
        return f"{self.task} (job {self.job.id}, attempt {self.attempt}) {self.outcome}"


def drain(
    app: Offhours, until: Moment | Duration | None = None, *, seconds: float = 30
) -> list[Ran]:
    """Run all that is due, and what it submits, until nothing is; what ran, in order.

    With `until` (a moment, `14:00`, or a time from now like "1d") the clock moves on to then, and
    rests at each instant at which something is due: retries, schedules, sleeps, expiries. It needs
    an app with a `FakeClock`.

    With threads the app is started, and waited for; `ResultTimeout` when a run takes longer than
    `seconds` of real time.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> task = app.task(name="report")(lambda: None)
    >>> _ = app.schedule(task, "every day at 7am")
    >>> [ran.at.isoformat() for ran in drain(app, until="2d")]
    ['2026-01-01T07:00:00+00:00', '2026-01-02T07:00:00+00:00']
    """
    seen = app.store.last_seq()
    if until is None:
        _settle(app, seconds)
        return list(_ran(app, seen))
    clock = app.clock
    if not isinstance(clock, FakeClock):
        raise OptionError("until: this app has the clock of the machine; give it a FakeClock")
    end = parse_until(until, clock.micros(), app.settings.timezone)
    _settle(app, seconds)
    while (change := _next_change(app)) is not None and change <= end:
        clock.travel(to_datetime(change))
        _settle(app, seconds)
    if clock.micros() < end:
        clock.travel(to_datetime(end))
    return list(_ran(app, seen))


@contextmanager
def immediate(app: Offhours) -> Iterator[None]:
    """While the block runs, what is submitted has run when `submit` returns; so have flows.

    Schedules and retries wait for their time all the same. A job in a transaction of your own runs
    at the next submit. How a job ended, its handle knows.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> with immediate(app):
    ...     app.submit(len, args=("four",)).status
    <JobState.SUCCEEDED: 'succeeded'>
    """
    if app.settings.executor != "inline":
        raise NotStarted('immediate() needs executor="inline"; with threads, wait for the jobs')
    submit_calls, submit_flow = app.submit_calls, app.submit_flow

    def calls(task: Task, calls: Any, options: Any) -> list[JobHandle[Any]]:
        jobs = submit_calls(task, calls, options)
        if options.get("connection") is None:
            _settle(app, 0)
        return jobs

    def flow(flow: Any) -> Any:
        stored = submit_flow(flow)
        _settle(app, 0)
        return stored

    vars(app).update(submit_calls=calls, submit_flow=flow)
    try:
        yield
    finally:
        for name in ("submit_calls", "submit_flow"):
            vars(app).pop(name, None)


def _settle(app: Offhours, seconds: float) -> None:
    """Run all that is due at this moment."""
    if app.settings.executor != "inline":
        _wait_until_quiet(app, seconds)
        return
    clock = app.clock
    with clock.alone() if isinstance(clock, FakeClock) else nullcontext():
        app.drain()


def _wait_until_quiet(app: Offhours, seconds: float) -> None:
    app.start()
    deadline = time.monotonic() + seconds
    while (busy := _busy(app)) is not None:
        if time.monotonic() >= deadline:
            raise ResultTimeout(f"drain: after {seconds:g} s {busy}", 0)
        threading.Event().wait(_LOOK_SECONDS)  # in the machine's time: the other one stands still


def _busy(app: Offhours) -> str | None:
    """What keeps the workers from being done with this moment."""
    now = app.clock.micros()
    for record in app.schedules.records():
        if record.due_at is not None and record.due_at <= now:
            return f"schedule {record.id} is due: {app.schedules.get(record.id).why()}"
    for job in _unfinished(app):
        waits = job.state is JobState.PENDING and job.run_at <= now
        if job.state is JobState.RUNNING or (waits and app.why(job.id).code in _ABOUT_TO_START):
            return f"job {job.id} ({job.task}) is not done: {app.why(job.id)}"
    return None


_ABOUT_TO_START = ("next", "behind", "no_worker")


def _unfinished(app: Offhours) -> Iterator[Job]:
    for state in (JobState.RUNNING, JobState.PENDING, JobState.HELD):
        after = 0
        while page := app.jobs(state=state, after=after, limit=_PAGE):
            yield from page
            after = page[-1].id


def _next_change(app: Offhours) -> Micros | None:
    """The next instant at which a job or a schedule wants something."""
    now = app.clock.micros()
    schedules = app.schedules.records()
    moments = [s.due_at for s in schedules if s.status is ScheduleStatus.ACTIVE]
    for job in _unfinished(app):
        moments += [job.run_at, job.expires_at]
        if job.run_at <= now:
            moments.append(app.why(job.id).until)
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def _ran(app: Offhours, seen: int) -> Iterator[Ran]:
    """The runs that the events after `seen` tell of."""
    began: dict[tuple[int | None, int | None], Micros] = {}
    for event in app.events(after=seen):
        run = (event.job_id, event.attempt)
        if event.kind == "job.started":
            began[run] = event.at
        elif run in began and KINDS.get(event.kind) not in (None, JobState.RUNNING):
            assert event.job_id is not None and event.attempt is not None
            job = JobHandle[Any](app, event.job_id)
            at = to_datetime(began.pop(run))
            outcome = event.kind.removeprefix("job.")
            yield Ran(job, job.record.task, event.attempt, at, outcome)
