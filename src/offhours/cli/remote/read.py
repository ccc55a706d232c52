"""Answers of a server as the records that a database gives.

What no answer carries (keys, fencing tokens, what a program declared) stays empty: it is for the
engine, and nothing that a command tells is made of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from offhours.core.access import Operation, Token
from offhours.core.agents import Deferral
from offhours.core.bulk import Preview, Verb
from offhours.core.events import Audited, Event
from offhours.core.explain import Explanation
from offhours.core.flows import Approval, Member
from offhours.core.limits import Limit
from offhours.core.model import ForegroundLease, Job, JobState, TaskPriority
from offhours.core.notices import Alert, AlertState, Delivery, DumpHead
from offhours.core.schedules import Delays, Schedule, ScheduleStatus
from offhours.core.templates import Parameter
from offhours.core.times import Micros, parse_moment, to_datetime
from offhours.core.why import Why
from offhours.templates import Filled, Template
from offhours.views import SeenWorker

Told = Mapping[str, Any]

# What a job has, and a row of a list has not.
_ONLY_WHOLE = ("timeout_ms", "metadata", "expires_at", "fire_at", "parent", "crashes", "result")


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


def member(flow_id: int, told: Told) -> Member:
    """A step of a flow. When it ran stands with its job."""
    return Member(
        flow_id, told["job"], told["step"], told["task"], JobState(told["state"]), 0, None, None,
        told["reason"], None,
    )  # fmt: skip


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


def alert(told: Told) -> Alert:
    """Something that is wrong, or was."""
    moments = ("fired_at", "seen_at", "acknowledged_at", "resolved_at")
    given = {name: told[name] for name in Alert._fields}
    given |= {name: moment(told[name]) for name in moments}
    if told["state"] == AlertState.RESOLVED:  # an answer says so in the message, too
        given["message"] = told["message"].removeprefix("resolved: ")
    return Alert(**given)


def dump(told: Told) -> DumpHead:
    """A dump of the flight recorder, as a list has it."""
    return DumpHead(
        told["dump_id"], parse_moment(told["at"]), told["tool"], told["severity"], told["reason"],
        json.dumps(told["head"]),
    )  # fmt: skip


def delivery(told: Told) -> Delivery:
    """A message on its way. What it says stays on the server."""
    return Delivery(
        id=told["id"],
        key=told["key"],
        target=told["target"],
        kind=told["kind"],
        subject=told["subject"],
        body="",
        created_at=parse_moment(told["created_at"]),
        state=told["state"],
        attempt=told["attempts"],
        next_at=moment(told["next_at"]) or 0,
        finished_at=moment(told["finished_at"]),
        error=told["error"],
    )


def token(told: Told) -> Token:
    """A token, without what it is."""
    moments = {name: moment(told[name]) for name in ("expires_at", "revoked_at")}
    at = parse_moment(told["created_at"])
    return Token(
        told["id"], "", told["name"], told["scope"], told["tenant"], created_at=at, **moments
    )


def schedule(told: Told) -> Schedule:
    """A rule that makes jobs."""
    return Schedule(
        id=told["id"],
        name=told["name"],
        task=told["task"],
        args=json.dumps(told["arguments"]),
        priority=TaskPriority.parse(told["priority"]),
        max_attempts=None,
        queue=told["queue"],
        timeout=None,
        metadata=compact(told["metadata"]),
        on_lost="retry",
        plan=json.dumps(told["plan"]),
        text=told["text"],
        catch_up=told["catch_up"],
        overlap=told["overlap"],
        jitter=span(told["jitter_ms"]) or 0,
        blackouts=json.dumps(told["blackout"]) if told["blackout"] else None,
        expires=span(told["expires_ms"]),
        max_runs=told["max_runs"],
        disable_after=told["disable_after"],
        declared=None,
        revision=told["revision"],
        status=ScheduleStatus(told["status"]),
        reason=told["reason"],
        next_at=moment(told["next_at"]),
        due_at=moment(told["due_at"]),
        runs=told["runs"],
        skipped=told["skipped"],
        failures=told["failures"],
        last_at=moment(told["last_at"]),
        last_job=told["last_job"],
        delay_total=0,
        delay_most=0,
        on_time=0,
        created_at=parse_moment(told["created_at"]),
        updated_at=parse_moment(told["updated_at"]),
    )


def delays(told: Told) -> Delays:
    """How late the jobs of a schedule were made."""
    mean, p99, most = (span(told[name]) or 0 for name in ("mean_ms", "p99_ms", "max_ms"))
    return Delays(told["fires"], mean, p99, most, told["on_time"])


def explanation(told: Told) -> Explanation:
    """What a schedule means; its fires are in its own timezone."""
    from offhours.core.triggers.zones import load_zone

    zone = load_zone(told["timezone"])
    fires = tuple(datetime.fromisoformat(fire).astimezone(zone) for fire in told["fires"])
    lines = {name: tuple(told[name]) for name in ("expressions", "notes", "warnings")}
    return Explanation(told["sentence"], timezone=told["timezone"], fires=fires, **lines)


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


def preview(told: Told) -> Preview:
    """What a verb would be done to."""
    return Preview(
        Verb(told["verb"]), told["count"], told["tasks"], told["states"],
        [_row(each) for each in told["examples"]], told["token"],
    )  # fmt: skip


def deferral(told: Told) -> Deferral:
    """Something moved to later."""
    at, until = parse_moment(told["at"]), parse_moment(told["until"])
    return Deferral(at, until, told["reason"], told["job"], told["gate"], told["thought"])


def template(told: Told) -> Template:
    """One version of a template."""
    parameters = {name: Parameter.parse(each) for name, each in told["parameters"].items()}
    made = to_datetime(parse_moment(told["created_at"]))
    return Template(**{**told, "parameters": parameters, "created_at": made})


def filled(told: Told) -> Filled:
    """A template with its parameters put in."""
    parts = dict(told)
    return Filled(values=parts.pop("parameters"), **parts)


def _row(told: Told) -> Job:
    """A job of a list: of its arguments the beginning is told, of its error the end."""
    progress = None if told["progress"] is None else {"fraction": told["progress"]}
    whole = {**dict.fromkeys(_ONLY_WHOLE), **told, "progress": progress}
    return job(whole)._replace(args=told["arguments"])


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
