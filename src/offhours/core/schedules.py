"""Schedules: what is stored of one, and what its words mean."""

from __future__ import annotations

import json
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

from offhours.core.fire_rules import Overlap
from offhours.core.model import NewJob
from offhours.core.times import Micros, iso_second, spoken
from offhours.core.triggers import Plan


class ScheduleStatus(StrEnum):
    """Only an active schedule fires.

    paused: by hand; its fires are skipped until it is resumed
    disabled: it failed too many times in a row; resumed by hand
    parked: no worker knows its task; goes on by itself when one does
    ended: it has no fires left
    """

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    PARKED = "parked"
    ENDED = "ended"


class NewSchedule(NamedTuple):
    """A schedule as it was asked for, checked and encoded. The first part describes its jobs.

    `plan` is the JSON of a `core.triggers.Plan`, `text` what it was written as. `declared` tells
    what the program said, so that it can be told from what was changed by hand since.
    """

    name: str
    task: str
    args: str
    priority: int
    max_attempts: int | None
    queue: str
    timeout: Micros | None
    metadata: str | None
    on_lost: str
    plan: str
    text: str
    catch_up: str = "once"
    overlap: str = Overlap.SKIP
    jitter: Micros = 0
    blackouts: str | None = None
    expires: Micros | None = None
    max_runs: int | None = None
    disable_after: int | None = 5
    declared: str | None = None


class Schedule(NamedTuple):
    """A rule that makes jobs, and where it stands. Moments and durations in microseconds.

    `next_at` is the next instant of the plan; `due_at`, which only an active one has, is the same
    with its jitter. `runs` counts the jobs that fires made and the runs that were reported,
    `skipped` the fires that made none, `failures` the runs that failed since one succeeded.
    `revision` grows with each change by hand.
    """

    id: int
    name: str
    task: str
    args: str
    priority: int
    max_attempts: int | None
    queue: str
    timeout: Micros | None
    metadata: str | None
    on_lost: str
    plan: str
    text: str
    catch_up: str
    overlap: str
    jitter: Micros
    blackouts: str | None
    expires: Micros | None
    max_runs: int | None
    disable_after: int | None
    declared: str | None
    revision: int
    status: ScheduleStatus
    reason: str | None
    next_at: Micros | None
    due_at: Micros | None
    runs: int
    skipped: int
    failures: int
    last_at: Micros | None
    last_job: int | None
    delay_total: Micros
    delay_most: Micros
    on_time: int
    created_at: Micros
    updated_at: Micros


class FireRecord(NamedTuple):
    """What became of one instant of a schedule.

    Without a `job_id` it was skipped, and `code` and `reason` say why. `delay` is how much later
    than due (jitter included) the job was made. A run that was made elsewhere and only reported has
    the code `reported` and its result as JSON in `reason`, or `reported_failure` and its error.
    """

    schedule_id: int
    instant: Micros
    job_id: int | None
    code: str
    reason: str | None
    at: Micros
    delay: Micros


def due_at(name: str, jitter: Micros, instant: Micros) -> Micros:
    """The instant and its share of the jitter: the same in every process, and after restarts.

    >>> 1_000 <= due_at("backup", 500, 1_000) <= 1_500
    True
    """
    if jitter == 0:
        return instant
    digest = blake2b(f"{name}\0{instant}".encode(), digest_size=8).digest()
    return instant + int.from_bytes(digest, "big") % (jitter + 1)


def job_of(schedule: Schedule, fire_at: Micros, now: Micros, due: Micros) -> NewJob:
    """The job that a fire of this schedule makes; it expires so long after it was `due`."""
    return NewJob(
        task=schedule.task,
        args=schedule.args,
        priority=schedule.priority,
        run_at=now,
        max_attempts=schedule.max_attempts,
        queue=schedule.queue,
        timeout=schedule.timeout,
        name=schedule.name,
        metadata=schedule.metadata,
        on_lost=schedule.on_lost,
        expires_at=None if schedule.expires is None else due + schedule.expires,
        schedule_id=schedule.id,
        fire_at=fire_at,
    )


def runs_left(schedule: Schedule, plan_count: int | None) -> int | None:
    """How many more jobs its fires may make; None for any number."""
    limits = [limit for limit in (schedule.max_runs, plan_count) if limit is not None]
    return max(0, min(limits) - schedule.runs) if limits else None


class ScheduleMove(NamedTuple):
    """One change of a schedule: what it expects to find, what it sets, and what is told."""

    schedule_id: int
    revision: int
    next_at: Micros | None
    kind: str
    changes: dict[str, Any]
    data: dict[str, Any]


def _changed(
    schedule: Schedule, kind: str, now: Micros, data: dict[str, Any] | None = None, **changes: Any
) -> ScheduleMove:
    changes |= {"revision": schedule.revision + 1, "updated_at": now}
    told = {"schedule": schedule.id, "name": schedule.name, **(data or {})}
    return ScheduleMove(schedule.id, schedule.revision, schedule.next_at, kind, changes, told)


def pause(schedule: Schedule, reason: str, now: Micros) -> ScheduleMove:
    """Fire no more until it is resumed."""
    reason = reason or "paused by hand"
    return _changed(
        schedule, "schedule.paused", now, {"reason": reason},
        status=ScheduleStatus.PAUSED, reason=reason, due_at=None,
    )  # fmt: skip


def resume(schedule: Schedule, next_at: Micros | None, now: Micros) -> ScheduleMove:
    """Fire again from now on; what it did not fire meanwhile is recorded as skipped before."""
    ended = next_at is None
    return _changed(
        schedule, "schedule.resumed", now,
        status=ScheduleStatus.ENDED if ended else ScheduleStatus.ACTIVE,
        reason="it has no fires left" if ended else None,
        failures=0,
        next_at=next_at,
        due_at=_due_of(schedule, next_at),
    )  # fmt: skip


def defer(
    schedule: Schedule, until: Micros, reason: str, now: Micros, plan: Plan | None = None
) -> ScheduleMove:
    """Fire next at a time that somebody chose, and go on by the plan after it (or by another).

    Also one that has ended, or was paused or disabled, fires again then.
    """
    told = {"from": schedule.next_at, "until": until, "reason": reason}
    new: dict[str, Any] = {}
    if plan is not None:
        new = {"plan": json.dumps(plan.to_dict()), "text": iso_second(until)}
    return _changed(
        schedule, "schedule.deferred", now, told, status=ScheduleStatus.ACTIVE, reason=None,
        failures=0, next_at=until, due_at=_due_of(schedule, until), **new,
    )  # fmt: skip


def end(schedule: Schedule, reason: str, now: Micros) -> ScheduleMove:
    """Fire no more, ever."""
    return _changed(
        schedule, "schedule.ended", now, {"reason": reason},
        status=ScheduleStatus.ENDED, reason=reason, next_at=None, due_at=None,
    )  # fmt: skip


def edit(
    schedule: Schedule, new: NewSchedule, next_at: Micros | None, now: Micros
) -> ScheduleMove | None:
    """Make it what `new` says; None when it is that already.

    The next fire stays where it is unless the plan or the jitter changed: then it is `next_at`.
    An ended schedule that has a fire again is active again.
    """
    fields = {
        field: value
        for field, value in new._asdict().items()
        if value != getattr(schedule, field) and not (field == "declared" and value is None)
    }
    if not fields:
        return None
    changed: dict[str, Any] = dict(fields)
    if fields.keys() & {"plan", "jitter", "name", "max_runs"}:
        changed["next_at"] = next_at
        status = schedule.status
        if next_at is None:
            status = ScheduleStatus.ENDED
            changed |= {"status": status, "reason": "it has no fires left"}
        elif status is ScheduleStatus.ENDED:
            status = ScheduleStatus.ACTIVE
            changed |= {"status": status, "reason": None}
        active = status is ScheduleStatus.ACTIVE and next_at is not None
        changed["due_at"] = due_at(new.name, new.jitter, next_at or 0) if active else None
    told = {"changed": sorted(fields.keys() - {"declared"}), "text": new.text}
    return _changed(schedule, "schedule.changed", now, told, **changed)


def _due_of(schedule: Schedule, next_at: Micros | None) -> Micros | None:
    return None if next_at is None else due_at(schedule.name, schedule.jitter, next_at)


def park(schedule: Schedule, now: Micros) -> ScheduleMove:
    """Fire no more until some worker knows the task."""
    reason = f"no running worker knows the task {schedule.task}"
    return _changed(
        schedule, "schedule.parked", now, {"reason": reason},
        status=ScheduleStatus.PARKED, reason=reason, due_at=None,
    )  # fmt: skip


def unpark(schedule: Schedule, now: Micros) -> ScheduleMove:
    """Its task is known again. What it missed meanwhile is for its `catch_up`."""
    return _changed(
        schedule, "schedule.resumed", now, {"reason": "its task is known again"},
        status=ScheduleStatus.ACTIVE, reason=None, due_at=_due_of(schedule, schedule.next_at),
    )  # fmt: skip


def disable(schedule: Schedule, reason: str, now: Micros, **changes: Any) -> ScheduleMove:
    """Fire no more until it is resumed by hand: something is wrong with it."""
    return _changed(
        schedule, "schedule.disabled", now, {"reason": reason},
        status=ScheduleStatus.DISABLED, reason=reason, due_at=None, **changes,
    )  # fmt: skip


def after_run(schedule: Schedule, succeeded: bool, now: Micros) -> ScheduleMove | None:
    """What the end of one of its jobs means for the schedule; None: nothing to write."""
    failures = 0 if succeeded else schedule.failures + 1
    if failures == schedule.failures:
        return None
    changes: dict[str, Any] = {"failures": failures}
    limit = schedule.disable_after
    fires = schedule.status in (ScheduleStatus.ACTIVE, ScheduleStatus.PARKED)
    if fires and limit is not None and failures >= limit:
        reason = "its job failed" if failures == 1 else f"{failures} jobs failed in a row"
        return disable(schedule, reason, now, **changes)
    return ScheduleMove(schedule.id, schedule.revision, schedule.next_at, "", changes, {})


def report_run(schedule: Schedule, succeeded: bool, ended: bool) -> ScheduleMove:
    """Count a run that somebody made without us; `ended` when it was the last that was allowed."""
    changes: dict[str, Any] = {"runs": schedule.runs + 1, "on_time": schedule.on_time + 1}
    if ended:
        changes |= {
            "status": ScheduleStatus.ENDED, "reason": "it has no fires left",
            "next_at": None, "due_at": None,
        }  # fmt: skip
    told = {"schedule": schedule.id, "name": schedule.name, "succeeded": succeeded}
    return ScheduleMove(
        schedule.id, schedule.revision, schedule.next_at, "schedule.run_reported", changes, told
    )


class Delays(NamedTuple):
    """How late the jobs of a schedule were made. `on_time` is the share within a second."""

    fires: int
    mean: Micros
    p99: Micros
    most: Micros
    on_time: float


def delays(schedule: Schedule, recent: list[Micros]) -> Delays | None:
    """The delays of all its fires, with the 99th percentile of the recent ones."""
    if schedule.runs == 0:
        return None
    ordered = sorted(recent)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0
    return Delays(
        schedule.runs, schedule.delay_total // schedule.runs, p99, schedule.delay_most,
        schedule.on_time / schedule.runs,
    )  # fmt: skip


def next_words(schedule: Schedule, now: Micros) -> str:
    """When it fires next, in words: `in 4 min`, `due now`, `disabled: ...`."""
    if schedule.status is not ScheduleStatus.ACTIVE:
        return f"{schedule.status}: {schedule.reason}" if schedule.reason else schedule.status
    assert schedule.due_at is not None
    left = schedule.due_at - now
    return f"in {spoken(left)}" if left > 0 else "due now"
