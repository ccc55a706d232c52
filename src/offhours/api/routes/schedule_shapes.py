"""Schedules as they are asked for and answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import ConfigDict, Field, StringConstraints

from offhours.api.routes.job_shapes import PriorityName, StateName, WhyShape
from offhours.api.routes.overview import Coming
from offhours.api.shapes import (
    Moment,
    Shape,
    Span,
    Text,
)
from offhours.schedules.instants import MOST_BACKFILLED

LONGEST_PHRASE = 500
StatusName = Literal["active", "paused", "disabled", "parked", "ended"]
ScheduleId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of a schedule.")]
When = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_PHRASE),
    Field(description="English or a cron expression.", examples=["every weekday at 9am"]),
]
Zone = Annotated[str, StringConstraints(max_length=100), Field(examples=["Europe/Berlin"])]


class FireShape(Shape):
    """What became of one instant; `state` is that of its job, null when it has none."""

    model_config = ConfigDict(title="Fire", extra="forbid")

    schedule: int
    instant: Moment
    job: int | None
    code: str
    reason: str | None
    at: Moment
    delay_ms: float
    state: StateName | None


class DelaysShape(Shape):
    """How late the jobs of a schedule were made; `on_time` is the share within a second."""

    model_config = ConfigDict(title="Delays", extra="forbid")

    fires: int
    mean_ms: float
    p99_ms: float
    max_ms: float
    on_time: float


class ScheduleShape(Shape):
    """A rule that makes jobs. `results` are its latest fires, the newest first."""

    model_config = ConfigDict(title="Schedule", extra="forbid")

    id: int
    name: str
    task: str
    text: str
    sentence: str
    timezone: str
    plan: dict[str, Any]
    status: StatusName
    reason: str | None
    why: WhyShape
    next_at: Moment | None
    due_at: Moment | None
    last_at: Moment | None
    last_job: int | None
    runs: int
    skipped: int
    failures: int
    catch_up: str
    overlap: Literal["skip", "queue_one", "queue_all", "cancel_old", "allow"]
    jitter_ms: float | None
    blackout: list[str]
    expires_ms: float | None
    max_runs: int | None
    disable_after: int | None
    priority: PriorityName
    queue: str
    arguments: Any
    metadata: dict[str, Any] | None
    revision: int
    created_at: Moment
    updated_at: Moment
    results: list[FireShape]
    delays: DelaysShape | None = Field(None, description="Of one schedule, never in a list.")


class Explained(Shape):
    """A schedule in words and in figures; the fires have the offset of its timezone."""

    sentence: str
    expressions: list[str]
    timezone: str
    fires: list[Moment]
    notes: list[str]
    warnings: list[str]


class Asked(Shape):
    """A phrase, as it stands while somebody types."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"when": "every weekday at 9am", "timezone": "Europe/Berlin"}]
        },
    )
    when: When
    timezone: Zone | None = None


class Options(Shape):
    """How a schedule fires, and what its jobs are like."""

    name: Text | None = None
    timezone: Zone | None = None
    catch_up: int | Annotated[str, StringConstraints(max_length=64)] = "once"
    overlap: Literal["skip", "queue_one", "queue_all", "cancel_old", "allow"] = "skip"
    jitter: Span = 0
    blackout: list[Annotated[str, StringConstraints(max_length=64)]] = Field([], max_length=400)
    expires: Span | None = None
    max_runs: int | None = Field(None, ge=1, lt=2**31)
    disable_after: int | None = Field(5, ge=1, lt=2**31)
    priority: PriorityName | None = None
    queue: Text | None = None
    retries: int | None = Field(None, ge=0, le=1_000_000)
    timeout: Span | None = None
    metadata: dict[str, Any] | None = None

    def said(self) -> dict[str, Any]:
        """The options that were given."""
        given = {key: getattr(self, key) for key in self.model_fields_set & set(_OPTIONS)}
        unset = ("name", "timezone", "priority", "queue", "retries")
        return {k: v for k, v in given.items() if not (k in unset and v is None)}


_OPTIONS = tuple(Options.model_fields)


class NewSchedule(Options):
    """A schedule to be made. The task must be one that the app or a worker knows."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"task": "shop:report", "when": "every weekday at 9am", "name": "report"}]
        },
    )
    task: Text
    when: When
    args: list[Any] = Field([], max_length=1_000)
    kwargs: dict[str, Any] = Field({}, max_length=1_000)


class Changes(Options):
    """What is given is changed, all else stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"when": "every day at 02:00"}]}
    )
    when: When | None = None
    args: list[Any] | None = Field(None, max_length=1_000)
    kwargs: dict[str, Any] | None = Field(None, max_length=1_000)


class Window(Shape):
    """From when to when."""

    start: Moment
    end: Moment
    confirm: int | None = Field(None, ge=0, description="The count that the first call told.")
    tell: int = Field(5, ge=0, le=MOST_BACKFILLED, description="Of how many `first` tells.")


class Missing(Shape):
    """The past instants that have no job. Nothing was done yet."""

    count: int
    first: list[Moment]


Bound = Annotated[
    str,
    Query(
        max_length=64,
        json_schema_extra={"format": "date-time"},
        examples=["2026-06-01T00:00:00Z"],
    ),
]
MostFires = Annotated[int, Query(ge=1, le=MOST_BACKFILLED + 1)]


class CalendarEntry(Shape):
    """An instant of a schedule: one that was, with what became of it, or one that is to come."""

    model_config = ConfigDict(
        title="CalendarEntry",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "schedule": 3, "instant": "2026-06-01T09:00:00.000000Z", "job": None,
                    "code": "coming", "reason": None, "at": None, "delay_ms": None, "state": None,
                    "name": "nightly", "task": "shop:report",
                    "due_at": "2026-06-01T09:00:12.000000Z",
                }
            ]
        },
    )  # fmt: skip

    schedule: int
    instant: Moment
    job: int | None
    code: str
    reason: str | None
    at: Moment | None
    delay_ms: float | None
    state: StateName | None
    name: str
    task: str
    due_at: Moment | None = Field(description="When one that is to come makes its job.")


class CalendarList(Shape):
    """The instants of a time, in order."""

    data: list[CalendarEntry]


class ComingList(Shape):
    """The fires that will be, in order."""

    data: list[Coming]
