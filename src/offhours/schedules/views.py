"""Schedules and fires as JSON answers carry them."""

from __future__ import annotations

import json
from typing import Any

from offhours.core.firing import plan_of
from offhours.core.model import TaskPriority
from offhours.core.schedules import Delays, FireRecord, Schedule
from offhours.core.times import Micros, iso


def schedule_dict(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON answers carry it: RFC 3339 times, durations with their unit."""

    def ms(length: Micros | None) -> float | None:
        return None if length is None else length / 1000

    plan = plan_of(schedule.plan)
    return {
        "id": schedule.id,
        "name": schedule.name,
        "task": schedule.task,
        "text": schedule.text,
        "timezone": plan.timezone,
        "plan": plan.to_dict(),
        "status": schedule.status.value,
        "reason": schedule.reason,
        "next_at": iso(schedule.next_at),
        "due_at": iso(schedule.due_at),
        "last_at": iso(schedule.last_at),
        "last_job": schedule.last_job,
        "runs": schedule.runs,
        "skipped": schedule.skipped,
        "failures": schedule.failures,
        "catch_up": schedule.catch_up,
        "overlap": schedule.overlap,
        "jitter_ms": ms(schedule.jitter),
        "blackout": json.loads(schedule.blackouts or "[]"),
        "expires_ms": ms(schedule.expires),
        "max_runs": schedule.max_runs,
        "disable_after": schedule.disable_after,
        "priority": TaskPriority(schedule.priority).name.lower(),
        "queue": schedule.queue,
        "arguments": json.loads(schedule.args),
        "metadata": None if schedule.metadata is None else json.loads(schedule.metadata),
        "revision": schedule.revision,
        "created_at": iso(schedule.created_at),
        "updated_at": iso(schedule.updated_at),
    }


def fire_dict(fire: FireRecord) -> dict[str, Any]:
    """A fire as JSON answers carry it."""
    return {
        "schedule": fire.schedule_id,
        "instant": iso(fire.instant),
        "job": fire.job_id,
        "code": fire.code,
        "reason": fire.reason,
        "at": iso(fire.at),
        "delay_ms": fire.delay / 1000,
    }


def coming_dict(instant: Micros, schedule: Schedule) -> dict[str, Any]:
    """An instant that is still to come, in the form of one that was; only the next one is spread
    by a jitter already."""
    due = schedule.due_at if instant == schedule.next_at else instant
    return {
        "schedule": schedule.id,
        "instant": iso(instant),
        "job": None,
        "code": "coming",
        "reason": None,
        "at": None,
        "delay_ms": None,
        "state": None,
        "name": schedule.name,
        "task": schedule.task,
        "due_at": iso(due),
    }


def delays_dict(delays: Delays) -> dict[str, Any]:
    """How late the jobs of a schedule were made, as JSON answers carry it."""
    return {
        "fires": delays.fires,
        "mean_ms": delays.mean / 1000,
        "p99_ms": delays.p99 / 1000,
        "max_ms": delays.most / 1000,
        "on_time": delays.on_time,
    }
