"""`/api/scheduler`: the ten routes of the training scheduler document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from offhours.api.auth import Admin, Reader, TenantAdmin, TenantOperator, TenantReader
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import Reason, tenant_of
from offhours.api.shapes import Shape, Text, problems
from offhours.api.tokens import Principal

router = APIRouter(prefix="/api/scheduler", tags=["training scheduler"], responses=problems())


class TrainingScheduler(Protocol):
    """What the routes ask of a `SchedulerManager`. With a `tenant_id`, only that tenant's."""

    def create_training_schedule(
        self,
        tenant_id: str,
        name: str,
        cron_expression: Any = None,
        config: Any = None,
        description: str = "",
    ) -> str: ...
    def list_schedules(self, tenant_id: str | None = None) -> list[dict[str, Any]]: ...
    def get_schedule_status(
        self, schedule_id: str, tenant_id: str | None = None
    ) -> dict[str, Any] | None: ...
    def update_schedule(
        self, schedule_id: str, tenant_id: str | None = None, **updates: Any
    ) -> bool: ...
    def pause_schedule(
        self, schedule_id: str, reason: str = "", tenant_id: str | None = None
    ) -> bool: ...
    def resume_schedule(self, schedule_id: str, tenant_id: str | None = None) -> bool: ...
    def delete_schedule(self, schedule_id: str, tenant_id: str | None = None) -> bool: ...
    async def start_scheduler(self) -> None: ...
    def stop_scheduler(self) -> Awaitable[bool]: ...
    def get_system_status(self) -> Mapping[str, Any]: ...


async def _scheduler(connection: HTTPConnection) -> TrainingScheduler:
    found: TrainingScheduler = connection.app.state.training
    return found


Scheduler = Annotated[TrainingScheduler, Depends(_scheduler)]
ScheduleId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]


class NewTraining(Shape):
    """A tenant's training schedule, as the document has it."""

    model_config = ConfigDict(
        title="NewTrainingSchedule",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "tenant_id": "your-tenant",
                    "name": "Production Training",
                    "cron_expression": "0 2 * * 6",
                    "config": {"quality_threshold": 0.7},
                    "description": "Weekly production training",
                }
            ]
        },
    )
    tenant_id: Text
    name: Text
    cron_expression: str | None = Field(None, max_length=500)
    config: dict[str, Any] | None = None
    description: str = Field("", max_length=2_000)


class TrainingChanges(Shape):
    """What is given is changed, all else stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Updated Name", "cron_expression": "0 3 * * 6"}]},
    )
    name: Text | None = None
    cron_expression: str | None = Field(None, max_length=500)
    config: dict[str, Any] | None = None
    description: str | None = Field(None, max_length=2_000)
    timezone: str | None = Field(None, max_length=100)
    enabled: bool | None = None
    consecutive_failures: int | None = Field(None, ge=0, le=0)


class TrainingSchedule(BaseModel):
    """How a training schedule stands, as `get_schedule_status` tells it."""

    model_config = ConfigDict(extra="allow")

    schedule_id: str
    tenant_id: str
    name: str
    status: str


class TrainingSchedules(Shape):
    """Training schedules in the order of their creation."""

    schedules: list[TrainingSchedule]
    total: int


class Deleted(Shape):
    """A schedule that is not there any more."""

    schedule_id: str
    deleted: bool = True


class SystemStatus(BaseModel):
    """How the whole stands."""

    model_config = ConfigDict(extra="allow")

    scheduler_running: bool
    total_schedules: int
    active_schedules: int
    running_tasks: int


@router.post(
    "/schedules", status_code=201, summary="Create a training schedule",
    responses=problems(409, 507),
)  # fmt: skip
def create(scheduler: Scheduler, who: TenantAdmin, new: NewTraining) -> TrainingSchedule:
    """A name stands for one schedule of the tenant: creating it again changes that one."""
    tenant = tenant_of(who, new.tenant_id) or new.tenant_id
    made = scheduler.create_training_schedule(
        tenant_id=tenant,
        name=new.name,
        cron_expression=new.cron_expression,
        config=new.config,
        description=new.description,
    )
    return _status(scheduler, made, who)


@router.get("/schedules", summary="List training schedules")
def schedules(
    scheduler: Scheduler,
    who: TenantReader,
    tenant_id: Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")] = None,
) -> TrainingSchedules:
    """All of them, or those of one tenant."""
    found = scheduler.list_schedules(tenant_id=tenant_of(who, tenant_id))
    return TrainingSchedules.model_validate({"schedules": found, "total": len(found)})


@router.get(
    "/schedules/{schedule_id}", summary="How a training schedule stands", responses=problems(404)
)
def schedule(scheduler: Scheduler, who: TenantReader, schedule_id: ScheduleId) -> TrainingSchedule:
    """As `get_schedule_status` tells it."""
    return _status(scheduler, schedule_id, who)


@router.put(
    "/schedules/{schedule_id}", summary="Change a training schedule",
    responses=problems(404, 409, 507),
)  # fmt: skip
def update(
    scheduler: Scheduler, who: TenantAdmin, schedule_id: ScheduleId, changes: TrainingChanges
) -> TrainingSchedule:
    """Partial: what is given is changed."""
    given = {
        key: value
        for key, value in changes.model_dump(exclude_unset=True).items()
        if value is not None
    }
    _found(scheduler.update_schedule(schedule_id, tenant_id=who.tenant, **given), schedule_id)
    return _status(scheduler, schedule_id, who)


@router.delete(
    "/schedules/{schedule_id}", summary="Delete a training schedule", responses=problems(404, 507)
)
def delete(scheduler: Scheduler, who: TenantAdmin, schedule_id: ScheduleId) -> Deleted:
    """Its models and their history stay."""
    _found(scheduler.delete_schedule(schedule_id, tenant_id=who.tenant), schedule_id)
    return Deleted(schedule_id=schedule_id)


@router.post(
    "/schedules/{schedule_id}/pause", summary="Make no cycles", responses=problems(404, 409, 507)
)
def pause(
    scheduler: Scheduler,
    who: TenantOperator,
    schedule_id: ScheduleId,
    because: Reason | None = None,
) -> TrainingSchedule:
    """Until it is resumed."""
    reason = because.reason if because else ""
    done = scheduler.pause_schedule(schedule_id, reason=reason, tenant_id=who.tenant)
    _found(done, schedule_id)
    return _status(scheduler, schedule_id, who)


@router.post("/schedules/{schedule_id}/resume", summary="Go on", responses=problems(404, 409, 507))
def resume(scheduler: Scheduler, who: TenantOperator, schedule_id: ScheduleId) -> TrainingSchedule:
    """From now on."""
    _found(scheduler.resume_schedule(schedule_id, tenant_id=who.tenant), schedule_id)
    return _status(scheduler, schedule_id, who)


@router.post("/start", summary="Start the scheduler", responses=problems(507))
async def start(scheduler: Scheduler, who: Admin) -> SystemStatus:
    """Begin to make cycles in the server's process."""
    await scheduler.start_scheduler()
    return await asyncio.to_thread(_system, scheduler)


@router.post("/stop", summary="Stop the scheduler", responses=problems(507))
async def stop(scheduler: Scheduler, who: Admin) -> SystemStatus:
    """Start nothing more, and let what runs end."""
    await scheduler.stop_scheduler()
    return await asyncio.to_thread(_system, scheduler)


@router.get("/status", summary="How the whole stands")
def status(scheduler: Scheduler, who: Reader) -> SystemStatus:
    """Whether it runs, and how many schedules and cycles there are."""
    return _system(scheduler)


def _system(scheduler: TrainingScheduler) -> SystemStatus:
    return SystemStatus.model_validate(dict(scheduler.get_system_status()))


def _status(scheduler: TrainingScheduler, schedule_id: str, who: Principal) -> TrainingSchedule:
    found = scheduler.get_schedule_status(schedule_id, tenant_id=who.tenant)
    _found(found is not None, schedule_id)
    return TrainingSchedule.model_validate(found)


def _found(done: bool, schedule_id: str) -> None:
    if not done:
        raise Problem(
            404, "schedule_not_found", f"no training schedule {schedule_id[:64]}",
            "GET api/scheduler/schedules lists them",
        )  # fmt: skip
