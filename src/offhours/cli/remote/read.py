"""Answers of a server as the records that a database gives.

What no answer carries (keys, fencing tokens, what a program declared) stays empty: it is for the
engine, and nothing that a command tells is made of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from offhours.core.access import Operation
from offhours.core.events import Audited, Event
from offhours.core.flows import Approval
from offhours.core.limits import Limit
from offhours.core.model import ForegroundLease, Job, JobState, TaskPriority
from offhours.core.times import Micros, parse_moment
from offhours.core.why import Why
from offhours.views import SeenWorker

Told = Mapping[str, Any]


def job(told: Told) -> Job:
    """A job, told whole."""
    return Job(
        id=told["id"],
        task=told["task"],
        args=json.dumps(told["arguments"]),
        priority=TaskPriority.parse(told["priority"]),
        max_attempts=told["max_attempts"],
        queue=told["queue"],
        timeout=span(told["timeout_ms"]),
        name=told["name"],
        metadata=compact(told["metadata"]),
        unique_key=None,
        on_lost="retry",
        owner=None,
        retry_of=told["retry_of"],
        expires_at=moment(told["expires_at"]),
        schedule_id=told["schedule"],
        fire_at=moment(told["fire_at"]),
        tenant=told["tenant"],
        parent_id=told["parent"],
        concurrency_key=told["concurrency_key"],
        per_key=None,
        created_at=parse_moment(told["created_at"]),
        state=JobState(told["state"]),
        run_at=parse_moment(told["run_at"]),
        attempt=told["attempts"],
        returned=0,
        crashes=told["crashes"],
        deferrals=told["deferrals"],
        worker=told["worker"],
        begun=0,
        started_at=moment(told["started_at"]),
        finished_at=moment(told["finished_at"]),
        result=_result(told),
        error=told["error"],
        code=told["code"],
        reason=told["reason"],
        progress=compact(told["progress"]),
        cancel_at=None,
    )


def _result(told: Told) -> str | None:
    """A null is the result of a job that succeeded, unless a reason says why there is none."""
    empty = told["result"] is None and (told["state"] != "succeeded" or told["reason"])
    return None if empty else json.dumps(told["result"])


def event(told: Told) -> Event:
    """One fact."""
    at, data = parse_moment(told["at"]), compact(told["data"])
    return Event(told["seq"], at, told["kind"], told["job"], told["attempt"], data)


def why(told: Told) -> Why:
    """Why something stands where it stands."""
    return Why(told["code"], told["sentence"], moment(told["until"]))


def worker(told: Told) -> SeenWorker:
    """A worker. Whether it lives, the server has seen."""
    made = SeenWorker(
        id=told["id"],
        label=told["label"],
        host="",
        pid=told["pid"],
        pid_started="",
        address="",
        tasks=json.dumps(told["tasks"]),
        slots=told["slots"],
        started_at=parse_moment(told["started_at"]),
        beat=0,
        beat_at=parse_moment(told["last_sign_at"]),
        lease=told["lease_ms"] * 1000,
        labels=json.dumps(told["labels"]),
        version=told["version"],
        release=told["release"],
    )
    made.alive = told["alive"]
    return made


def limit(told: Told) -> Limit:
    """What a queue, a task or all work may do at most."""
    return Limit(
        told["scope"],
        told["name"] or "",
        told["concurrency"],
        told["rate"],
        span(told["per_ms"]),
        paused_at=moment(told["paused_at"]),
        reason=told["reason"],
        declared="" if told["declared"] else None,
    )


def lease(told: Told) -> ForegroundLease:
    """A workflow of the person in front."""
    since, until = parse_moment(told["since"]), parse_moment(told["until"])
    return ForegroundLease(told["id"], told["workflow"], told["holder"], since, until)


def approval(told: Told) -> Approval:
    """What a job asks a person."""
    return Approval(
        id=told["id"],
        job_id=told["job"],
        step="",
        question=told["question"],
        args=compact(told["arguments"]),
        digest=told["digest"],
        asked_at=parse_moment(told["asked_at"]),
        until=moment(told["until"]),
        state=told["state"],
        decided_at=moment(told["decided_at"]),
        decided_by=told["decided_by"],
        note=told["note"],
    )


def audited(told: Told) -> Audited:
    """What somebody did by hand."""
    via = {name: told[name] for name in ("face", "request", "address", "tenant")}
    return Audited(
        told["id"], parse_moment(told["at"]), told["actor"], told["action"], told["job"],
        compact(told["was"]), compact(told["became"]), json.dumps(via),
    )  # fmt: skip


def operation(told: Told) -> Operation:
    """A long action."""
    return Operation(
        id=told["id"],
        kind=told["kind"],
        state=told["state"],
        made_by=told["by"],
        tenant=None,
        total=told["total"],
        done=told["done"],
        failed=told["failed"],
        created_at=parse_moment(told["created_at"]),
        finished_at=moment(told["finished_at"]),
        result=compact(told["result"]),
        request=compact(told["request"]),
    )


def moment(text: str | None) -> Micros | None:
    """A moment, if one was told."""
    return None if text is None else parse_moment(text)


def span(milliseconds: float | None) -> Micros | None:
    """A length of time, if one was told."""
    return None if milliseconds is None else round(milliseconds * 1000)


def compact(value: Any) -> str | None:
    """As a store keeps it: in as few characters as possible."""
    short = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return None if value is None else short
