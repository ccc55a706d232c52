"""`/v1/telemetry/task-scheduler`: the five routes of the task scheduler document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, Query
from starlette.requests import HTTPConnection

from offhours.api.auth import Reader
from offhours.api.shapes import Moment, Shape, problems

router = APIRouter(
    prefix="/v1/telemetry/task-scheduler", tags=["task scheduler telemetry"], responses=problems()
)

Status = Literal["PENDING", "ACTIVE", "COMPLETE", "CANCELLED", "FAILED"]
TaskType = Literal["one_time", "recurring"]
Period = Literal["1h", "1d", "7d", "30d"]


class TaskSchedulerTelemetry(Protocol):
    """What the routes ask of a `TaskSchedulerService`: each answer in the document's shape."""

    def telemetry_status(self) -> Mapping[str, Any]: ...
    def telemetry_tasks(
        self, status: str | None = None, task_type: str | None = None, limit: int = 50
    ) -> Mapping[str, Any]: ...
    def telemetry_analytics(
        self, period: str = "7d", task_type: str | None = None
    ) -> Mapping[str, Any]: ...
    def telemetry_cron(self) -> Mapping[str, Any]: ...
    def telemetry_performance(self) -> Mapping[str, Any]: ...


async def _service(connection: HTTPConnection) -> TaskSchedulerTelemetry:
    found: TaskSchedulerTelemetry = connection.app.state.task_scheduler
    return found


Service = Annotated[TaskSchedulerTelemetry, Depends(_service)]


class TaskManagement(Shape):
    """What there is to do."""

    active_tasks: int
    check_interval_seconds: float
    cron_support: bool


class ExecutionMetrics(Shape):
    """What was done, and how it went."""

    task_run_count: int
    task_error_count: int
    task_error_rate: float
    time_since_last_run: float | None
    task_running: bool


class Requests(Shape):
    """Calls of the service, and how many failed."""

    request_count: int
    error_count: int
    error_rate: float


class ServiceStatus(Shape):
    """How the service stands."""

    service_name: str
    healthy: bool
    uptime_seconds: float
    task_management: TaskManagement
    execution_metrics: ExecutionMetrics
    performance: Requests


class TaskInfo(Shape):
    """One task."""

    task_id: str
    name: str
    status: Status
    type: TaskType
    next_execution: Moment | None
    deferral_count: int
    created_at: Moment


class TaskCounts(Shape):
    """How many there are."""

    pending: int
    active: int
    one_time: int
    recurring: int


class TaskList(Shape):
    """Tasks, and how many there are of each kind."""

    total_count: int
    filtered_count: int
    tasks: list[TaskInfo]
    summary: TaskCounts


class ExecutionSummary(Shape):
    """Runs in the period."""

    total_executions: int
    successful_executions: int
    failed_executions: int
    success_rate: float
    avg_executions_per_day: float


class TaskCreation(Shape):
    """Tasks that came and went in the period."""

    tasks_created: int
    tasks_completed: int
    tasks_cancelled: int
    completion_rate: float


class DeferralReason(Shape):
    """A reason, and how often it was given."""

    reason: str
    count: int


class DeferralPatterns(Shape):
    """What was put off, and why."""

    total_deferrals: int
    avg_deferrals_per_task: float
    common_deferral_reasons: list[DeferralReason]


class Analytics(Shape):
    """What was executed, created and deferred in a period."""

    period: Period
    execution_summary: ExecutionSummary
    task_creation: TaskCreation
    deferral_patterns: DeferralPatterns


class CronSupport(Shape):
    """What reads cron expressions here."""

    available: bool
    library: str


class CronTrigger(Shape):
    """When a task triggers next."""

    task_id: str
    task_name: str
    next_execution: Moment


class CronExpression(Shape):
    """One expression, and the tasks that have it."""

    expression: str
    description: str
    task_count: int
    next_triggers: list[CronTrigger]


class ValidationStats(Shape):
    """Expressions that were taken and refused."""

    valid_expressions: int
    invalid_attempts: int
    success_rate: float


class Cron(Shape):
    """The cron expressions in use, and what was refused."""

    cron_support: CronSupport
    active_cron_tasks: int
    cron_expressions: list[CronExpression]
    validation_stats: ValidationStats


class CheckFrequency(Shape):
    """How often it looks."""

    interval_seconds: float
    checks_per_hour: float
    missed_checks: int


class ExecutionTiming(Shape):
    """How late tasks were triggered."""

    avg_trigger_delay_ms: float
    max_trigger_delay_ms: float
    tasks_triggered_on_time: float


class ServicePerformance(Shape):
    """How prompt the service is."""

    uptime_seconds: float
    check_frequency: CheckFrequency
    execution_timing: ExecutionTiming


class ResourceUsage(Shape):
    """What it takes."""

    active_task_memory_mb: float
    database_connections: int
    background_task_status: str


class ErrorAnalysis(Shape):
    """What went wrong."""

    task_execution_errors: int
    cron_parsing_errors: int
    database_errors: int
    most_common_error: str | None


class Performance(Shape):
    """How promptly tasks are triggered, what they cost, and what goes wrong."""

    service_performance: ServicePerformance
    resource_usage: ResourceUsage
    error_analysis: ErrorAnalysis


@router.get("/status", summary="How the task scheduler stands")
def status(service: Service, who: Reader) -> ServiceStatus:
    """Health, counts, error rates."""
    return ServiceStatus.model_validate(dict(service.telemetry_status()))


@router.get("/tasks", summary="Its tasks")
def tasks(
    service: Service,
    who: Reader,
    status: Status | None = None,
    type: TaskType | None = None,  # noqa: A002  (the document's name)
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> TaskList:
    """Those of a status or a type, at most `limit` of them."""
    told = service.telemetry_tasks(status=status, task_type=type, limit=limit)
    return TaskList.model_validate(dict(told))


@router.get("/analytics", summary="What it executed")
def analytics(
    service: Service, who: Reader, period: Period = "7d", task_type: TaskType | None = None
) -> Analytics:
    """In a period, of all tasks or of one type."""
    told = service.telemetry_analytics(period=period, task_type=task_type)
    return Analytics.model_validate(dict(told))


@router.get("/cron", summary="Its cron expressions")
def cron(service: Service, who: Reader) -> Cron:
    """Which are used, by how many tasks, and when they trigger next."""
    return Cron.model_validate(dict(service.telemetry_cron()))


@router.get("/performance", summary="How prompt it is")
def performance(service: Service, who: Reader) -> Performance:
    """Delays, resources, errors."""
    return Performance.model_validate(dict(service.telemetry_performance()))
