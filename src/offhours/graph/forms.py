"""Schedules, jobs, runs and deferrals as nodes and edges, as the document writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from offhours.core.firing import plan_of
from offhours.core.graph import (
    CREATED_BY,
    DEFERRAL_OF,
    EXECUTION_OF,
    REQUESTED_BY,
    SCHEDULED_FOR,
    SCHEDULED_TASK,
    TASK_DEFERRAL,
    TASK_EXECUTION,
    THOUGHT,
    Edge,
    Node,
)
from offhours.core.model import Job, JobState
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.core.times import iso
from offhours.core.triggers import At, Cron
from offhours.graph import names
from offhours.graph.runs import Deferral, Run

_STATUS = {
    JobState.PENDING: "PENDING",
    JobState.HELD: "PENDING",
    JobState.RUNNING: "ACTIVE",
    JobState.SUCCEEDED: "COMPLETE",
    JobState.FAILED: "FAILED",
    JobState.CANCELLED: "CANCELLED",
}


def schedule_node(schedule: Schedule) -> Node:
    """A schedule in the document's form of a scheduled task."""
    triggers = plan_of(schedule.plan).triggers
    crons = [trigger.expression for trigger in triggers if isinstance(trigger, Cron)]
    once = all(isinstance(trigger, At) for trigger in triggers)
    return Node(
        names.schedule(schedule.id),
        SCHEDULED_TASK,
        {
            "name": schedule.name,
            "status": _schedule_status(schedule),
            "task_type": "one_time" if once else "recurring",
            "cron_expression": crons[0] if crons else None,
            "schedule": schedule.text,
            "task": schedule.task,
            "created_at": iso(schedule.created_at),
        },
    )


def _schedule_status(schedule: Schedule) -> str:
    match schedule.status:
        case ScheduleStatus.ENDED:
            return "COMPLETE"
        case ScheduleStatus.DISABLED:
            return "FAILED"
        case ScheduleStatus.ACTIVE:
            return "ACTIVE"
        case _:
            return "PENDING"


def job_node(job: Job) -> Node:
    """A job in the document's form of a scheduled task that runs once."""
    return Node(
        names.job(job.id),
        SCHEDULED_TASK,
        {
            "name": job.name or job.task,
            "status": _STATUS[job.state],
            "task_type": "one_time",
            "task": job.task,
            "created_at": iso(job.created_at),
        },
    )


def run_node(job: Job, run: Run) -> Node:
    """A run in the document's form of a task execution."""
    task = names.job(job.id) if job.schedule_id is None else names.schedule(job.schedule_id)
    told = {"task_id": task, **run.metadata(job)}
    return Node(names.run(job.id, run.attempt), TASK_EXECUTION, told)


def deferral_node(job: Job, deferral: Deferral) -> Node:
    """A deferral in the document's form."""
    return Node(
        names.deferral(deferral.seq),
        TASK_DEFERRAL,
        {
            "task_id": names.job(job.id),
            "original_time": iso(deferral.at),
            "deferred_until": iso(deferral.until),
            "reason": deferral.reason,
            "deferral_reason": deferral.reason,
            "deferral_count": deferral.times,
        },
    )


def schedule_edges(schedule: Schedule) -> list[Edge]:
    """Who wanted a schedule, and when it fires next."""
    me = names.schedule(schedule.id)
    edges = [Edge(me, CREATED_BY, thought) for thought in thoughts_of(schedule.metadata)]
    if schedule.next_at is not None:
        edges.append(Edge(me, SCHEDULED_FOR, names.moment(schedule.next_at)))
    return edges


def run_edges(job: Job, attempt: int) -> list[Edge]:
    """A run is one of its job and, if a schedule made that, one of the schedule."""
    return [Edge(names.run(job.id, attempt), EXECUTION_OF, each) for each in _tasks(job)]


def deferral_edges(job: Job, deferral: Deferral) -> list[Edge]:
    """A deferral is asked for by a run, in the name of the thought behind its job."""
    me = names.deferral(deferral.seq)
    edges = [Edge(me, DEFERRAL_OF, each) for each in _tasks(job)]
    askers: Sequence[str] = [*thoughts_of(job.metadata)]
    if deferral.attempt:
        askers = [names.run(job.id, deferral.attempt), *askers]
    return [*edges, *(Edge(me, REQUESTED_BY, asker) for asker in askers)]


def _tasks(job: Job) -> list[str]:
    made_by = [] if job.schedule_id is None else [names.schedule(job.schedule_id)]
    return [names.job(job.id), *made_by]


def thoughts_of(metadata: str | None) -> list[str]:
    """The thought that is named in the metadata of a job or schedule."""
    told: Any = json.loads(metadata) if metadata and "origin_thought_id" in metadata else None
    thought = told.get("origin_thought_id") if isinstance(told, dict) else None
    return [thought] if isinstance(thought, str) and thought else []


def thought_node(node_id: str) -> Node:
    """A thought of which only the name is known."""
    return Node(node_id, THOUGHT, {})
