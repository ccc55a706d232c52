"""The forms of the telemetry document: a scheduled task, its short form, status, capabilities."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from offhours.core.agents import Deferral, Goal
from offhours.core.times import SECOND, Micros, iso, iso_second


def stamp(moment: Micros | None) -> str | None:
    """A moment as the document writes it: `2025-08-15T09:00:00Z`."""
    if moment is None:
        return None
    return iso_second(moment) if moment % SECOND == 0 else iso(moment)


@dataclass(frozen=True)
class ScheduledTaskInfo:
    """A scheduled task as answers carry it.

    defer_until: when a one-time task is due, or when a recurring one fires next; all times are
        ISO 8601 in UTC
    """

    task_id: str
    name: str
    goal_description: str
    status: str
    defer_until: str | None
    schedule_cron: str | None
    created_at: str
    last_triggered_at: str | None
    deferral_count: int

    @classmethod
    def of(cls, goal: Goal) -> ScheduledTaskInfo:
        return cls(**_info(goal))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ScheduledTask:
    """A scheduled task with all that is known of it.

    (`offhours.ScheduledTask` is another one: that of the offline optimizer's document.)

    deferral_history: where it was moved to, oldest first: `deferred_at`, `deferred_until`,
        `reason`, and the same as `deferral_reason`
    """

    task_id: str
    name: str
    goal_description: str
    status: str
    defer_until: str | None
    schedule_cron: str | None
    trigger_prompt: str
    origin_thought_id: str | None
    created_at: str
    last_triggered_at: str | None
    deferral_count: int
    deferral_history: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, goal: Goal, deferrals: list[Deferral]) -> ScheduledTask:
        origin = json.loads(goal.origin) if goal.origin else {}
        return cls(
            **_info(goal),
            trigger_prompt=goal.prompt,
            origin_thought_id=origin.get("thought_id"),
            deferral_history=[_deferral(each) for each in deferrals],
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def next_execution(goal: Goal) -> str | None:
    """When it fires next, if it does."""
    return None if goal.status.final else stamp(goal.next_at)


def _info(goal: Goal) -> dict[str, Any]:
    return {
        "task_id": goal.task_id,
        "name": goal.name,
        "goal_description": goal.goal,
        "status": goal.status.value,
        "defer_until": next_execution(goal) if goal.recurring else goal.text,
        "schedule_cron": goal.cron,
        "created_at": stamp(goal.created_at),
        "last_triggered_at": stamp(goal.last_at),
        "deferral_count": goal.deferrals,
    }


def _deferral(deferral: Deferral) -> dict[str, Any]:
    told = {
        "deferred_at": stamp(deferral.at),
        "deferred_until": stamp(deferral.until),
        "reason": deferral.reason,
        "deferral_reason": deferral.reason,
        "thought_id": deferral.thought_id,
        "context": json.loads(deferral.context) if deferral.context else None,
        "gate": deferral.gate,
    }
    return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class ServiceStatus:
    """How a service stands; `metrics` are those of its `_collect_custom_metrics`."""

    service_name: str
    service_type: str
    is_healthy: bool
    uptime_seconds: float
    metrics: dict[str, float]
    last_error: str | None = None
    last_health_check: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the document shows a `TaskSchedulerStatus`."""
        told = self.metrics
        return {
            "service_name": self.service_name,
            "active_tasks": int(told["active_tasks"]),
            "check_interval": told["check_interval"],
            "cron_support": True,
            "task_execution": {
                "run_count": int(told["task_run_count"]),
                "error_count": int(told["task_error_count"]),
                "error_rate": told["task_error_rate"],
                "last_run_age_seconds": told["time_since_last_task_run"],
            },
            "performance": {
                "uptime_seconds": self.uptime_seconds,
                "task_running": told["task_running"] > 0,
                "healthy": self.is_healthy,
            },
        }


@dataclass(frozen=True)
class ServiceCapabilities:
    """What a service can do."""

    service_name: str
    actions: list[str]
    features: list[str]
    version: str
    dependencies: list[str]
    metadata: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As the document shows it, its metadata beside the rest."""
        told = asdict(self)
        return {**told.pop("metadata"), **told}
