"""The answers of the telemetry document's five routes, and its two forms of statistics."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from offhours.core.agents import Executions, Goal, GoalStatus
from offhours.core.errors import OptionError
from offhours.core.times import DAY, HOUR, Micros
from offhours.faces.service_figures import Tally, by_cron, goals_of, metrics
from offhours.faces.service_forms import next_execution, stamp

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.faces.service import TaskSchedulerService

PERIODS: dict[str, Micros] = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
KINDS = ("one_time", "recurring")
CRON_LIBRARY = "cronsim"
_MEGABYTE = 1_000_000


def status(service: TaskSchedulerService) -> dict[str, Any]:
    """`GET /v1/telemetry/task-scheduler/status`"""
    told = metrics(service)
    return {
        "service_name": service.service_name,
        "healthy": told["healthy"] > 0,
        "uptime_seconds": told["uptime_seconds"],
        "task_management": {
            "active_tasks": int(told["active_tasks"]),
            "check_interval_seconds": told["check_interval"],
            "cron_support": True,
        },
        "execution_metrics": {
            "task_run_count": int(told["task_run_count"]),
            "task_error_count": int(told["task_error_count"]),
            "task_error_rate": told["task_error_rate"],
            "time_since_last_run": told["time_since_last_task_run"],
            "task_running": told["task_running"] > 0,
        },
        "performance": {
            "request_count": int(told["request_count"]),
            "error_count": int(told["error_count"]),
            "error_rate": told["error_rate"],
        },
    }


def tasks(
    service: TaskSchedulerService, wanted: str | None, kind: str | None, limit: int | None
) -> dict[str, Any]:
    """`GET /v1/telemetry/task-scheduler/tasks`; without `status`, those that are not final."""
    chosen = None if wanted is None else _one_of("status", wanted, [s.value for s in GoalStatus])
    recurring = _recurring("type", kind)
    if limit is not None and (isinstance(limit, bool) or not 1 <= limit <= 10_000):
        raise OptionError(f"limit: expected a whole number from 1 to 10,000, got {limit!r}")
    everything = list(goals_of(service.app))
    shown = [
        goal
        for goal in everything
        if (not goal.status.final if chosen is None else goal.status == chosen)
        and recurring in (None, goal.recurring)
    ]
    active = [goal for goal in everything if not goal.status.final]
    return {
        "total_count": len(active) if chosen is None else len(everything),
        "filtered_count": len(shown),
        "tasks": [_task(goal) for goal in shown[:limit]],
        "summary": {
            "pending": sum(goal.status is GoalStatus.PENDING for goal in active),
            "active": sum(goal.status is GoalStatus.ACTIVE for goal in active),
            "one_time": sum(not goal.recurring for goal in active),
            "recurring": sum(goal.recurring for goal in active),
        },
    }


def _task(goal: Goal) -> dict[str, Any]:
    return {
        "task_id": goal.task_id,
        "name": goal.name,
        "status": goal.status.value,
        "type": KINDS[goal.recurring],
        "next_execution": next_execution(goal),
        "deferral_count": goal.deferrals,
        "created_at": stamp(goal.created_at),
    }


def analytics(service: TaskSchedulerService, period: str, kind: str | None) -> dict[str, Any]:
    """`GET /v1/telemetry/task-scheduler/analytics`"""
    length = PERIODS[_one_of("period", period, list(PERIODS))]
    recurring = _recurring("task_type", kind)
    since = max(0, service.app.clock.micros() - length)
    table = service.app.store.agents
    done: Executions = table.executions(since, recurring)
    found = [goal for goal in goals_of(service.app) if recurring in (None, goal.recurring)]
    made = [goal for goal in found if goal.created_at >= since]
    ended = Counter(goal.status for goal in found if goal.updated_at >= since)
    reasons: Counter[str] = Counter(
        deferral.gate or deferral.reason or "no reason given"
        for goal in found
        if goal.deferrals
        for deferral in table.deferrals_of_goal(goal.schedule_id)
        if deferral.at >= since
    )
    return {
        "period": period,
        "execution_summary": {
            "total_executions": done.total,
            "successful_executions": done.succeeded,
            "failed_executions": done.failed,
            "success_rate": _share(done.succeeded, done.succeeded + done.failed, 1.0),
            "avg_executions_per_day": round(done.total * DAY / length, 2),
        },
        "task_creation": {
            "tasks_created": len(made),
            "tasks_completed": ended[GoalStatus.COMPLETE],
            "tasks_cancelled": ended[GoalStatus.CANCELLED],
            "completion_rate": _share(
                sum(goal.status is GoalStatus.COMPLETE for goal in made), len(made)
            ),
        },
        "deferral_patterns": {
            "total_deferrals": reasons.total(),
            "avg_deferrals_per_task": round(reasons.total() / len(found), 2) if found else 0.0,
            "common_deferral_reasons": [
                {"reason": reason, "count": count} for reason, count in reasons.most_common(10)
            ],
        },
    }


def cron(service: TaskSchedulerService) -> dict[str, Any]:
    """`GET /v1/telemetry/task-scheduler/cron`"""
    tally, active = Tally(service.app), by_cron(service.app)
    valid = tally.kind(recurring=True)
    return {
        "cron_support": {"available": True, "library": CRON_LIBRARY},
        "active_cron_tasks": sum(len(found) for found in active.values()),
        "cron_expressions": [
            {
                "expression": expression,
                "description": _described(service.app, expression),
                "task_count": len(found),
                "next_triggers": [
                    {
                        "task_id": goal.task_id,
                        "task_name": goal.name,
                        "next_execution": next_execution(goal),
                    }
                    for goal in found
                ],
            }
            for expression, found in active.items()
        ],
        "validation_stats": {
            "valid_expressions": valid,
            "invalid_attempts": tally.refused_cron,
            "success_rate": _share(valid, valid + tally.refused_cron, 1.0),
        },
    }


def performance(service: TaskSchedulerService) -> dict[str, Any]:
    """`GET /v1/telemetry/task-scheduler/performance`"""
    app = service.app
    done, tally = app.store.agents.executions(0), Tally(app)
    errors = Counter(
        {
            "Task execution failed": done.failed + service.task_errors,
            "Invalid cron expression": tally.refused_cron,
            "Database error": service.database_errors,
        }
    )
    [(most, times)] = errors.most_common(1)
    uptime, interval = service._calculate_uptime(), service.check_interval_seconds
    expected = math.floor(uptime / interval)
    return {
        "service_performance": {
            "uptime_seconds": uptime,
            "check_frequency": {
                "interval_seconds": interval,
                "checks_per_hour": round(3_600 / interval, 2),
                "missed_checks": max(0, expected - service.checks),
            },
            "execution_timing": {
                "avg_trigger_delay_ms": round((done.mean_delay or 0) / 1_000, 3),
                "max_trigger_delay_ms": round((done.most_delay or 0) / 1_000, 3),
                "tasks_triggered_on_time": _share(done.on_time, done.total, 1.0),
            },
        },
        "resource_usage": {
            "active_task_memory_mb": round(app.store.agents.size() / _MEGABYTE, 6),
            "database_connections": app.store.connections,
            "background_task_status": "running" if service.task_running else "stopped",
        },
        "error_analysis": {
            "task_execution_errors": errors["Task execution failed"],
            "cron_parsing_errors": errors["Invalid cron expression"],
            "database_errors": errors["Database error"],
            "most_common_error": most if times else None,
        },
    }


def statistics(service: TaskSchedulerService) -> dict[str, Any]:
    """The document's "Task Execution Statistics"."""
    tally = Tally(service.app)
    deferred = [goal for goal in goals_of(service.app) if goal.deferrals]
    most = max(deferred, key=lambda goal: goal.deferrals, default=None)
    return {
        "total_tasks_created": tally.created,
        "active_tasks": tally.active,
        "completed_tasks": tally.ever(GoalStatus.COMPLETE),
        "cancelled_tasks": tally.ever(GoalStatus.CANCELLED),
        "failed_tasks": tally.ever(GoalStatus.FAILED),
        "one_time_tasks": tally.kind(recurring=False),
        "recurring_tasks": tally.kind(recurring=True),
        "avg_deferral_count": round(tally.deferrals / tally.created, 2) if tally.created else 0.0,
        "most_deferred_task": None
        if most is None
        else {
            "task_id": most.task_id, "deferral_count": most.deferrals, "name": most.name,
        },
    }  # fmt: skip


def cron_analytics(service: TaskSchedulerService) -> dict[str, Any]:
    """The document's "Cron Scheduling Analytics"."""
    active = by_cron(service.app)
    return {
        "cron_support_available": True,
        "cron_expressions_used": [
            {
                "expression": expression,
                "task_count": len(found),
                "description": _described(service.app, expression),
            }
            for expression, found in active.items()
        ],
        "invalid_cron_attempts": Tally(service.app).refused_cron,
        "next_cron_triggers": [
            {
                "task_id": goal.task_id,
                "next_execution": next_execution(goal),
                "cron_expression": expression,
            }
            for expression, found in active.items()
            for goal in found
        ],
    }


def _described(app: Offhours, expression: str) -> str:
    sentence = app.schedules.preview(expression).sentence
    return sentence[:1].upper() + sentence[1:]


def _share(part: int, whole: int, nothing: float = 0.0) -> float:
    return round(part / whole, 3) if whole else nothing


def _one_of(name: str, given: str, known: list[str]) -> str:
    if given not in known:
        raise OptionError(f"{name}: expected one of {', '.join(known)}, got {given!r}")
    return given


def _recurring(name: str, kind: str | None) -> bool | None:
    return None if kind is None else _one_of(name, kind, list(KINDS)) == "recurring"
