"""Goals and thoughts as they are asked for and answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import ConfigDict, Field

from offhours.api.routes.schedule_shapes import StatusName, When, Zone
from offhours.api.shapes import Moment, Shape, Span, Text
from offhours.core.agents import ANNOUNCED, ISOLATED, LONGEST_PROMPT

GoalId = Annotated[
    str,
    Path(
        max_length=200,
        pattern=r"^[^\x00/]+$",
        description="The id of a goal, like task_1780304400.000.",
    ),
]
ThoughtId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of a thought.")]
Prompt = Annotated[str, Field(max_length=LONGEST_PROMPT, pattern=r"^[^\x00]*$")]
Maker = Literal["human", "agent", "code"]
ThoughtStateName = Literal["waiting", "acknowledged", "expired"]


class GoalShape(Shape):
    """A schedule in the name of an agent: each fire of it leaves the agent a thought."""

    model_config = ConfigDict(
        title="Goal",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": "task_1780304400.000", "agent": "scout", "tenant": None,
                    "name": "papers", "goal": "", "prompt": "Look for new papers.",
                    "origin": None, "created_by": "human", "status": "PENDING",
                    "thread": "isolated", "delivery": "announce",
                    "text": "every weekday at 7am", "recurring": True, "schedule": 3,
                    "schedule_status": "active", "next_at": "2026-06-02T07:00:00.000000Z",
                    "last_at": None, "runs": 0, "failures": 0, "deferrals": 0, "open_jobs": 0,
                    "expires_at": None, "created_at": "2026-06-01T09:00:00.000000Z",
                }
            ]
        },
    )  # fmt: skip

    id: str
    agent: str
    tenant: str | None
    name: str
    goal: str
    prompt: str
    origin: Any
    created_by: str
    status: Literal["PENDING", "ACTIVE", "COMPLETE", "CANCELLED", "FAILED"]
    thread: str
    delivery: str
    text: str
    recurring: bool
    schedule: int
    schedule_status: StatusName
    next_at: Moment | None
    last_at: Moment | None
    runs: int
    failures: int
    deferrals: int
    open_jobs: int
    expires_at: Moment | None
    created_at: Moment


class WholeGoal(GoalShape):
    """A goal, and why it stands where it stands."""

    model_config = ConfigDict(title="WholeGoal", extra="forbid")

    why: str


class NewGoal(Shape):
    """What an agent is to be told, and when: once, or again and again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "agent": "scout", "when": "every weekday at 7am",
                    "prompt": "Look for new papers.",
                }
            ]
        },
    )  # fmt: skip

    agent: Text
    when: When
    prompt: Annotated[Prompt, Field(min_length=1)]
    name: Text | None = Field(None, description="What to call it; else its prompt.")
    goal: Prompt = Field("", description="What it is for.")
    tenant: Text | None = None
    timezone: Zone | None = None
    expires: Span | None = Field(None, description="How long it goes on.")
    thought_expires: Span | None = Field("7d", description="How long a thought is worth telling.")
    thread: Text = Field(ISOLATED, description="The conversation in which it is worked on.")
    delivery: Text = Field(ANNOUNCED, description="Who is told: all channels, one of them, none.")
    created_by: Maker = Field(
        "code", description="What an agent made ends after 30 days and fires every minute at most."
    )


class Ended(Shape):
    """A goal that was cancelled; `changed` is false when it was over before."""

    goal: GoalShape
    changed: bool


class ThoughtShape(Shape):
    """A prompt in the inbox of an agent, with where it comes from."""

    model_config = ConfigDict(
        title="Thought",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": 5, "agent": "scout", "state": "waiting",
                    "prompt": "Look for new papers.", "goal": None, "origin": None,
                    "created_by": "human", "note": None, "thread": "isolated",
                    "delivery": "announce", "schedule": 3, "job": 42,
                    "handler_job": None, "created_at": "2026-06-02T07:00:00.000000Z",
                    "visible_at": "2026-06-02T07:00:00.000000Z",
                    "expires_at": "2026-06-09T07:00:00.000000Z", "closed_at": None,
                    "taken": 0, "snoozes": 0, "answer": None,
                }
            ]
        },
    )  # fmt: skip

    id: int
    agent: str
    state: ThoughtStateName
    prompt: str
    goal: str | None
    origin: Any
    created_by: str
    note: str | None
    thread: str
    delivery: str
    schedule: int | None
    job: int | None
    handler_job: int | None
    created_at: Moment
    visible_at: Moment
    expires_at: Moment | None
    closed_at: Moment | None
    taken: int
    snoozes: int
    answer: str | None


class Answer(Shape):
    """What came of a thought."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"answer": "three new papers"}]}
    )
    answer: Prompt | None = None


class Snooze(Shape):
    """When a thought is shown again: a length of time, a time of day or a moment."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"until": "2h"}]})
    until: Span
