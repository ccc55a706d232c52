"""`/metrics/...`: the figures of the monitor."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from offhours.api.auth import Reader
from offhours.api.context import Here
from offhours.api.shapes import (
    Moment,
    Shape,
    problems,
)

router = APIRouter(prefix="/api/v1", tags=["metrics"], responses=problems())


class FiguresShape(Shape):
    """Counts, rates and times (seconds) of some runs."""

    model_config = ConfigDict(title="Figures", extra="allow")

    total_executions: int
    successful_executions: int
    failed_executions: int
    retried_executions: int
    deferred: int
    cancelled: int
    success_rate: float
    error_rate: float
    average_execution_time: float
    median_execution_time: float
    p95_execution_time: float
    p99_execution_time: float
    longest_execution_time: float
    average_lateness: float
    longest_lateness: float


class Summary(FiguresShape):
    """All tasks in a time."""

    time_window_seconds: float
    total_tasks: int
    successful_tasks: int
    failed_tasks: int
    tasks_per_minute: float
    tasks: dict[str, FiguresShape]


class TaskFigures(FiguresShape):
    """All that one task ever did."""

    task_name: str
    failures_in_a_row: int
    last_execution: Moment | None


class TasksFigures(Shape):
    """Every task by its name."""

    data: dict[str, TaskFigures]


class Point(FiguresShape):
    """One hour."""

    hour: Moment


class Minute(FiguresShape):
    """One minute."""

    minute: Moment


class Minutes(Shape):
    """All tasks, minute by minute; a minute in which nothing ended is left out."""

    since: Moment
    at: Moment
    data: list[Minute]


class Trends(FiguresShape):
    """One task hour by hour, and whether it becomes slower."""

    task_name: str
    hours: float
    trend: Literal["slower", "faster", "steady", "unknown"]
    points: list[Point]


class System(Shape):
    """Jobs and workers as they are now; CPU and memory of the server's machine."""

    timestamp: Moment
    tasks_in_queue: int
    ready_tasks: int
    active_tasks: int
    held_tasks: int
    workers: int
    worker_slots: int
    worker_utilization: float
    cpu_percent: float
    memory_percent: float
    process_memory_mb: float


@router.get("/metrics/summary", summary="All tasks in a time")
def summary(
    here: Here, who: Reader, window: Annotated[str, Query(max_length=64, examples=["1h"])] = "1h"
) -> Summary:
    """To the minute up to an hour, beyond that to the hour, for at most seven days."""
    return Summary.model_validate(here.app.monitor.summary(window))


@router.get("/metrics/tasks", summary="Each task")
def task_figures(here: Here, who: Reader) -> TasksFigures:
    """All that each task ever did."""
    return TasksFigures.model_validate({"data": here.app.monitor.task_metrics()})


@router.get("/metrics/minutes", summary="All tasks, minute by minute")
def minutes(here: Here, who: Reader) -> Minutes:
    """Of the last hour."""
    return Minutes.model_validate(here.minutes.get())


@router.get("/metrics/trends", summary="One task, hour by hour")
def trends(
    here: Here,
    who: Reader,
    task: Annotated[str, Query(max_length=500)],
    hours: Annotated[float, Query(gt=0, le=168)] = 24,
) -> Trends:
    """Of a task that never ran everything is zero."""
    return Trends.model_validate(here.app.monitor.trends(task, hours))


@router.get("/metrics/system", summary="The machine and the queue")
def system(here: Here, who: Reader) -> System:
    """As they are now."""
    return System.model_validate(here.app.monitor.system_metrics())
