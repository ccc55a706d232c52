"""Figures as dictionaries: what the documented methods answer. Times in seconds."""

from __future__ import annotations

from typing import Any

from offhours.core.times import HOUR, Micros, iso
from offhours.monitor.series import Series
from offhours.monitor.sketch import Sketch


def figures_of(sketch: Sketch) -> dict[str, Any]:
    """Counts, rates and times of some runs."""
    return {
        "total_executions": sketch.executions,
        "successful_executions": sketch.succeeded,
        "failed_executions": sketch.failures,
        "retried_executions": sketch.retried,
        "deferred": sketch.deferred,
        "cancelled": sketch.cancelled,
        "success_rate": 1 - sketch.error_rate,
        "error_rate": sketch.error_rate,
        "average_execution_time": sketch.average,
        "median_execution_time": sketch.quantile(0.5),
        "p95_execution_time": sketch.quantile(0.95),
        "p99_execution_time": sketch.quantile(0.99),
        "longest_execution_time": sketch.longest / 1e6,
        "average_lateness": sketch.average_late,
        "longest_lateness": sketch.latest / 1e6,
    }


def metrics_of(task: str, series: Series | None) -> dict[str, Any]:
    """All that one task ever did."""
    found = series or Series(kept=1)
    last = iso(found.newest) if found.newest else None
    return {
        "task_name": task,
        **figures_of(found.total),
        "failures_in_a_row": found.streak,
        "last_execution": last,
    }


def summary_of(
    everything: Series, tasks: dict[str, Series], length: Micros, now: Micros
) -> dict[str, Any]:
    """All tasks in the last `length`."""
    seen = everything.window(length, now)
    each = {task: series.window(length, now) for task, series in tasks.items()}
    return {
        "time_window_seconds": length / 1e6,
        "total_tasks": seen.succeeded + seen.failed,
        "successful_tasks": seen.succeeded,
        "failed_tasks": seen.failed,
        **figures_of(seen),
        "tasks_per_minute": (seen.succeeded + seen.failed) / (length / 60e6),
        "tasks": {task: figures_of(one) for task, one in each.items() if one.executions},
    }


def minutes_of(everything: Series, now: Micros) -> dict[str, Any]:
    """All tasks, minute by minute; a minute in which nothing ended is left out."""
    first = now - HOUR
    slots = sorted((at, slot) for at, slot in everything.minutes.items() if at > first)
    return {
        "since": iso(max(0, first)),
        "at": iso(now),
        "data": [{"minute": iso(at), **figures_of(slot)} for at, slot in slots],
    }


def trends_of(task: str, series: Series | None, hours: float, now: Micros) -> dict[str, Any]:
    """One task hour by hour, and whether it becomes slower."""
    found = series or Series(kept=1)
    first = now - round(hours * HOUR)
    slots = sorted((at, slot) for at, slot in found.hours.items() if at + HOUR > first)
    whole = _sum([slot for _, slot in slots])
    middle = (first + now) // 2
    earlier = _sum([slot for at, slot in slots if at + HOUR // 2 < middle])
    later = _sum([slot for at, slot in slots if at + HOUR // 2 >= middle])
    return {
        "task_name": task,
        "hours": hours,
        **figures_of(whole),
        "trend": _trend(earlier, later),
        "points": [{"hour": iso(at), **figures_of(slot)} for at, slot in slots],
    }


def _sum(sketches: list[Sketch]) -> Sketch:
    found = Sketch()
    for sketch in sketches:
        found.merge(sketch)
    return found


def _trend(earlier: Sketch, later: Sketch) -> str:
    if not earlier.took or not later.took:
        return "unknown"
    ratio = later.average / earlier.average
    return "slower" if ratio > 1.2 else "faster" if ratio < 1 / 1.2 else "steady"
