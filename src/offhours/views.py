"""What is told of workers, limits, events and the like: as JSON answers carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from offhours.core.access import Operation
from offhours.core.agents import Deferral
from offhours.core.artifacts import Artifact
from offhours.core.bulk import Preview
from offhours.core.events import Audited, Event
from offhours.core.flows import Approval, Flow, Member
from offhours.core.limits import Limit
from offhours.core.model import ForegroundLease, Job, WorkerInfo
from offhours.core.notices import Delivery, DeliveryState
from offhours.core.payload import to_plain
from offhours.core.times import Micros, iso, to_micros
from offhours.engine.lifeline import host_identity, process_started
from offhours.handles import job_head

if TYPE_CHECKING:
    from offhours.templates import Filled, Template


class AnyFlow(Protocol):
    """A flow, wherever it was asked for."""

    id: int

    @property
    def record(self) -> Flow: ...
    @property
    def status(self) -> str: ...
    @property
    def progress(self) -> Progress: ...


class Progress(Protocol):
    """How far a flow is."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def states(self) -> Mapping[str, int]: ...


class SeenWorker(WorkerInfo):
    """A worker as a server told of it, which has looked whether it is alive."""

    alive: bool


def is_alive(worker: WorkerInfo, now: Micros) -> bool:
    """On this host its process tells; elsewhere a heartbeat within its lease does."""
    if isinstance(worker, SeenWorker):
        return worker.alive
    if worker.host == host_identity():
        return process_started(worker.pid) == worker.pid_started
    return worker.beats(now)


def worker_dict(worker: WorkerInfo, now: Micros) -> dict[str, Any]:
    """A worker as JSON answers carry it."""
    return {
        "id": worker.id,
        "label": worker.label,
        "pid": worker.pid,
        "alive": is_alive(worker, now),
        "slots": worker.slots,
        "started_at": iso(worker.started_at),
        "last_sign_at": iso(worker.beat_at),
        "lease_ms": worker.lease // 1000,
        "labels": json.loads(worker.labels),
        "version": worker.version,
        "release": worker.release,
        "tasks": json.loads(worker.tasks),
    }


def limit_dict(limit: Limit) -> dict[str, Any]:
    """A limit as JSON answers carry it."""
    return {
        "scope": limit.scope,
        "name": limit.name or None,
        "concurrency": limit.concurrency,
        "rate": limit.rate_count,
        "per_ms": None if limit.rate_per is None else limit.rate_per // 1000,
        "paused_at": iso(limit.paused_at),
        "reason": limit.reason,
        "declared": limit.declared is not None,
    }


def event_dict(event: Event) -> dict[str, Any]:
    """An event as JSON answers carry it."""
    return {
        "seq": event.seq,
        "at": iso(event.at),
        "kind": event.kind,
        "job": event.job_id,
        "attempt": event.attempt,
        "data": None if event.data is None else event.told,
    }


def audited_dict(row: Audited) -> dict[str, Any]:
    """A row of the audit log as JSON answers carry it."""
    way = {} if row.via is None else json.loads(row.via)
    return {
        "id": row.id,
        "at": iso(row.at),
        "actor": row.actor,
        "action": row.action,
        "job": row.job_id,
        "was": None if row.was is None else json.loads(row.was),
        "became": None if row.became is None else json.loads(row.became),
        **{name: way.get(name) for name in ("face", "request", "address", "tenant")},
    }


def job_row(job: Job) -> dict[str, Any]:
    """A job of a list: the beginning of its arguments, and the last line of its error."""
    lines = (job.error or "").strip().splitlines()
    return {
        **job_head(job),
        "arguments": job.args[:300],
        "error": lines[-1][:300] if lines else None,
        "progress": _fraction(job.progress),
    }


def preview_dict(seen: Preview) -> dict[str, Any]:
    """A preview as JSON answers carry it."""
    return {
        "verb": seen.verb.value,
        "count": seen.count,
        "tasks": dict(seen.tasks),
        "states": dict(seen.states),
        "examples": [job_row(job) for job in seen.examples],
        "token": seen.token,
    }


def template_dict(template: Template) -> dict[str, Any]:
    """A template as JSON answers carry it; a value that JSON has no form for as it is stored."""
    at = template.created_at
    return {
        "name": template.name,
        "version": template.version,
        "task": template.task,
        "description": template.description,
        **{name: to_plain(part, name) for name, part in template.body.items()},
        "created_at": None if at is None else iso(to_micros(at)),
        "created_by": template.created_by,
    }


def filled_dict(filled: Filled) -> dict[str, Any]:
    """A template with its parameters put in, as JSON answers carry it."""
    told = asdict(filled)
    told["parameters"] = {name: _written(value) for name, value in told.pop("values").items()}
    return {name: to_plain(part, name) for name, part in told.items()}


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _fraction(progress: str | None) -> float | None:
    told = json.loads(progress) if progress else {}
    fraction = told.get("fraction")
    return fraction if isinstance(fraction, int | float) else None


def deferral_dict(deferral: Deferral) -> dict[str, Any]:
    """A deferral as JSON answers carry it."""
    return {
        "at": iso(deferral.at),
        "until": iso(deferral.until),
        "reason": deferral.reason,
        "job": deferral.job_id,
        "gate": deferral.gate,
        "thought": deferral.thought_id,
    }


def artifact_dict(each: Artifact) -> dict[str, Any]:
    """What a search has found."""
    return {
        "id": each.key,
        "type": each.type,
        "name": each.name,
        "description": each.description,
        "content": each.content,
        "tags": list(each.tags),
        "metadata": json.loads(each.metadata or "null"),
        "score": each.score,
    }


def found_job_dict(job: Job) -> dict[str, Any]:
    """A job that a search has found."""
    return {
        "id": job.id,
        "task": job.task,
        "name": job.name,
        "state": job.state.value,
        "created_at": iso(job.created_at),
    }


def lease_dict(lease: ForegroundLease) -> dict[str, Any]:
    """A foreground lease as JSON answers carry it."""
    return {
        "id": lease.id,
        "workflow": lease.workflow,
        "holder": lease.holder,
        "since": iso(lease.since),
        "until": iso(lease.until),
    }


def delivery_dict(delivery: Delivery) -> dict[str, Any]:
    """A message as JSON answers carry it."""
    waits = delivery.state == DeliveryState.WAITING
    return {
        "id": delivery.key,
        "route": delivery.target,
        "kind": delivery.kind,
        "subject": delivery.subject,
        "state": str(delivery.state),
        "attempt": delivery.attempt,
        "created_at": iso(delivery.created_at),
        "next_at": iso(delivery.next_at) if waits else None,
        "finished_at": iso(delivery.finished_at),
        "error": delivery.error,
    }


def flow_dict(flow: AnyFlow) -> dict[str, Any]:
    """A flow as JSON answers carry it."""
    progress, stored = flow.progress, flow.record
    return {
        "id": flow.id,
        "name": stored.name,
        "state": flow.status,
        "created_at": iso(stored.created_at),
        "done": progress.done,
        "total": progress.total,
        "states": dict(progress.states),
    }


def step_dict(member: Member) -> dict[str, Any]:
    """A step of a flow as JSON answers carry it."""
    return {
        "step": member.step,
        "job": member.job_id,
        "task": member.task,
        "state": member.state.value,
        "reason": member.reason,
    }


def approval_dict(approval: Approval) -> dict[str, Any]:
    """An approval as JSON answers carry it."""
    return {
        "id": approval.id,
        "job": approval.job_id,
        "question": approval.question,
        "arguments": None if approval.args is None else json.loads(approval.args),
        "digest": approval.digest,
        "state": approval.state,
        "asked_at": iso(approval.asked_at),
        "until": iso(approval.until),
        "decided_at": iso(approval.decided_at),
        "decided_by": approval.decided_by,
        "note": approval.note,
    }


def operation_dict(operation: Operation) -> dict[str, Any]:
    """An operation as JSON answers carry it."""
    return {
        "id": operation.id,
        "kind": operation.kind,
        "state": operation.state,
        "by": operation.made_by,
        "total": operation.total,
        "done": operation.done,
        "failed": operation.failed,
        "created_at": iso(operation.created_at),
        "finished_at": iso(operation.finished_at),
        "result": None if operation.result is None else json.loads(operation.result),
        "request": None if operation.request is None else json.loads(operation.request),
    }
