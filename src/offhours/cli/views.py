"""What `ls`, `show` and `top` tell of jobs, workers and tasks: as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from offhours.core.limits import Limit
from offhours.core.model import Job, JobState, TaskPriority, WorkerInfo
from offhours.core.notices import Alert, Delivery, DeliveryState
from offhours.core.times import Micros, parse_moment, spoken
from offhours.known_tasks import TaskCount
from offhours.views import is_alive

Row = Sequence[str]

JOB_HEADERS = ("ID", "STATE", "TASK", "NAME", "PRIORITY", "WHEN", "NOTE")
WORKER_HEADERS = ("ID", "WORKER", "ALIVE", "SLOTS", "STARTED", "LAST SIGN", "VERSION", "TASKS")
LIMIT_HEADERS = ("OF", "NAME", "AT ONCE", "RATE", "PAUSED", "REASON")
ALERT_HEADERS = ("ID", "STATE", "SEVERITY", "SUBJECT", "SINCE", "MESSAGE")
DELIVERY_HEADERS = ("STATE", "ROUTE", "WHEN", "TRIES", "SUBJECT", "NOTE")
QUEUE_HEADERS = ("QUEUE", "READY", "LATER", "HELD", "RUNNING", "OLDEST", "LIMIT", "NOTE")
COMING_HEADERS = ("IN", "SCHEDULE", "TASK")
FAILURE_HEADERS = ("TIMES", "LAST", "JOBS", "TASKS", "ERROR")
TASK_HEADERS = ("TASK", "WORKERS", "RECENT JOBS", "FAILED")


def job_rows(jobs: Iterable[Job], now: Micros) -> list[Row]:
    """One row a job: where it stands, since when, and the last line of what went wrong."""
    return [
        (
            str(job.id),
            job.state.value,
            job.task,
            job.name or "",
            TaskPriority(job.priority).name.lower(),
            _when(job, now),
            _note(job),
        )
        for job in jobs
    ]


def _when(job: Job, now: Micros) -> str:
    if job.finished_at is not None:
        return ago(job.finished_at, now)
    if job.state is JobState.RUNNING and job.started_at is not None:
        return f"for {_span(job.started_at, now)}"
    if job.run_at > now:
        return ahead(job.run_at, now)
    return f"waits {_span(job.run_at, now)}"


def _note(job: Job) -> str:
    if job.error:
        return job.error.strip().splitlines()[-1]
    return job.reason or ""


def worker_rows(workers: Iterable[WorkerInfo], now: Micros) -> list[Row]:
    """One row a worker."""
    return [
        (
            str(worker.id),
            worker.label,
            "yes" if is_alive(worker, now) else "no",
            str(worker.slots),
            ago(worker.started_at, now),
            ago(worker.beat_at, now),
            worker.release or worker.version,
            ", ".join(json.loads(worker.tasks)),
        )
        for worker in workers
    ]


def limit_rows(limits: Iterable[Limit], now: Micros) -> list[Row]:
    """One row a limit."""
    return [
        (
            limit.scope,
            limit.name or "-",
            "-" if limit.concurrency is None else str(limit.concurrency),
            "-" if limit.rate is None else str(limit.rate),
            "-" if limit.paused_at is None else ago(limit.paused_at, now),
            limit.reason or "",
        )
        for limit in limits
    ]


def alert_rows(alerts: Iterable[Alert], now: Micros) -> list[Row]:
    """One row an alert."""
    return [
        (
            str(alert.id),
            str(alert.state) + (f" by {alert.acknowledged_by}" if alert.acknowledged_by else ""),
            alert.severity,
            alert.subject,
            ago(alert.fired_at, now),
            alert.message,
        )
        for alert in alerts
    ]


def delivery_rows(deliveries: Iterable[Delivery], now: Micros) -> list[Row]:
    """One row a message."""
    return [
        (
            str(each.state),
            each.target,
            ahead(each.next_at, now)
            if each.state == DeliveryState.WAITING and each.next_at > now
            else ago(each.finished_at or each.created_at, now),
            str(each.attempt),
            each.subject,
            each.error or "",
        )
        for each in deliveries
    ]


def task_rows(tasks: Iterable[TaskCount]) -> list[Row]:
    """One row a task."""
    return [(t.task, str(t.workers), str(t.recent_jobs), str(t.recent_failed)) for t in tasks]


def queue_rows(queues: Iterable[Mapping[str, Any]], now: Micros) -> list[Row]:
    """One row a queue."""
    return [
        (
            queue["queue"],
            *(str(queue[stage]) for stage in ("ready", "later", "held", "running")),
            "-" if queue["oldest_wait_ms"] is None else spoken(queue["oldest_wait_ms"] * 1000),
            _bounds(queue),
            _paused(queue, now),
        )
        for queue in queues
    ]


def _bounds(queue: Mapping[str, Any]) -> str:
    at_once = None if queue["concurrency"] is None else f"{queue['concurrency']} at once"
    return ", ".join(filter(None, (at_once, queue["rate"]))) or "-"


def _paused(queue: Mapping[str, Any], now: Micros) -> str:
    if queue["paused_at"] is None:
        return ""
    because = f": {queue['reason']}" if queue["reason"] else ""
    return f"paused {ago(parse_moment(queue['paused_at']), now)}{because}"


def coming_rows(coming: Iterable[Mapping[str, Any]], now: Micros) -> list[Row]:
    """One row a fire that will be."""
    return [
        (_span(now, parse_moment(fire["at"])), f"{fire['schedule']} ({fire['name']})", fire["task"])
        for fire in coming
    ]


def failure_rows(groups: Iterable[Mapping[str, Any]], now: Micros) -> list[Row]:
    """One row a cause of failures."""
    return [
        (
            str(group["count"]),
            ago(parse_moment(group["last_at"]), now),
            ", ".join(map(str, group["newest"])),
            ", ".join(group["tasks"]),
            group["error"],
        )
        for group in groups
    ]


def ago(moment: Micros, now: Micros) -> str:
    """How long ago something was."""
    return f"{_span(moment, now)} ago"


def ahead(moment: Micros, now: Micros) -> str:
    """In how long something will be."""
    return f"in {_span(now, moment)}"


def _span(start: Micros, end: Micros) -> str:
    return spoken(max(0, end - start))
