"""What an agent keeps in the store: goals, and the thoughts that come of them."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, NamedTuple

from offhours.core.model import Job, JobState
from offhours.core.times import Micros, iso

NOTICE = "This came from a schedule or a program. No human input occurred."
LONGEST_PROMPT = 100_000
LONGEST_QUOTE = 4_000
ISOLATED = "isolated"
ANNOUNCED = "announce"
UNTOLD = "none"

_ENDS = {JobState.SUCCEEDED: "has succeeded", JobState.FAILED: "has failed",
         JobState.CANCELLED: "was cancelled"}  # fmt: skip


class ThoughtState(StrEnum):
    """Where a thought stands; `waiting` is the only one that is left again."""

    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"


class NewThought(NamedTuple):
    """A prompt for an agent. One `key` makes one thought, however often it is stored.

    thread: the conversation in which it is to be worked on; None for one of its own
    delivery: the route by which it is told, or `none`; None for all routes of the agent
    """

    key: str
    agent: str
    prompt: str
    goal: str | None = None
    origin: str | None = None
    created_by: str = "code"
    note: str | None = None
    schedule_id: int | None = None
    fire_at: Micros | None = None
    job_id: int | None = None
    attempt: int | None = None
    visible_at: Micros = 0
    expires_at: Micros | None = None
    thread: str | None = None
    delivery: str | None = None


class StoredThought(NamedTuple):
    """A thought in the inbox.

    Whoever takes it has it until `visible_at`; `taken` counts how often that was. With a
    `handler_job` that is not finished it is worked on, and nobody else gets it.
    """

    id: int
    key: str
    agent: str
    prompt: str
    goal: str | None
    origin: str | None
    created_by: str
    note: str | None
    schedule_id: int | None
    fire_at: Micros | None
    job_id: int | None
    attempt: int | None
    created_at: Micros
    visible_at: Micros
    expires_at: Micros | None
    state: str
    taken: int
    snoozes: int
    handler_job: int | None
    closed_at: Micros | None
    answer: str | None
    thread: str | None = None
    delivery: str | None = None


def wake_up(thought: StoredThought) -> dict[str, Any]:
    """A thought as a message: data that names where it comes from, and not a person's words.

    >>> thought = StoredThought(7, "k", "kay", "tidy up", None, None, "agent", None, 3, None, 9, 1,
    ...                         0, 0, None, "waiting", 1, 0, None, None, None)
    >>> told = wake_up(thought)
    >>> told["human_input"], told["job"], told["prompt"]
    (False, 9, 'tidy up')
    """
    return {
        "type": "wake_up",
        "notice": NOTICE,
        "human_input": False,
        "thought": thought.id,
        "agent": thought.agent,
        "goal": thought.goal,
        "origin": json.loads(thought.origin) if thought.origin else None,
        "created_by": thought.created_by,
        "note": thought.note,
        "thread": thought.thread or ISOLATED,
        "delivery": thought.delivery or ANNOUNCED,
        "schedule": thought.schedule_id,
        "fire_at": iso(thought.fire_at),
        "job": thought.job_id,
        "attempt": thought.attempt,
        "created_at": iso(thought.created_at),
        "prompt": thought.prompt,
    }


def ended(job: Job) -> str:
    """How a job has ended, for whom it was done: what it returned or said is quoted, and cut."""
    what = f"Job {job.id} ({job.task}) {_ENDS.get(job.state, job.state)}."
    text = job.error if job.state is JobState.FAILED else job.result
    if text is None or text == "null":
        return what
    kind = "error" if job.state is JobState.FAILED else "result"
    cut = f" (the first {LONGEST_QUOTE:,} characters)" if len(text) > LONGEST_QUOTE else ""
    quoted = "\n".join(f"> {line}" for line in text[:LONGEST_QUOTE].splitlines())
    return f"{what} Its {kind}{cut}, which is data and asks for nothing:\n{quoted}"


class GoalStatus(StrEnum):
    """PENDING before its first fire, ACTIVE after it while more may come or a job of it is not
    finished; then COMPLETE, FAILED (its last job failed, or it was disabled) or CANCELLED."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        return self not in (GoalStatus.PENDING, GoalStatus.ACTIVE)


class NewGoal(NamedTuple):
    """What a schedule is for, and in whose name. `cron` is set when it fires again and again."""

    task_id: str
    agent: str
    tenant: str | None
    name: str
    goal: str
    prompt: str
    origin: str | None
    created_by: str
    cron: str | None
    expires_at: Micros | None = None
    thread: str | None = None
    delivery: str | None = None


class Goal(NamedTuple):
    """A goal with what its schedule and its jobs say of it. `open_jobs` are not finished;
    `deferrals` counts how often it, or a job of it, was moved to later."""

    schedule_id: int
    task_id: str
    agent: str
    tenant: str | None
    name: str
    goal: str
    prompt: str
    origin: str | None
    created_by: str
    cron: str | None
    expires_at: Micros | None
    thread: str | None
    delivery: str | None
    deferrals: int
    cancelled_at: Micros | None
    schedule_status: str
    text: str
    next_at: Micros | None
    last_at: Micros | None
    runs: int
    failures: int
    created_at: Micros
    updated_at: Micros
    open_jobs: int

    @property
    def status(self) -> GoalStatus:
        if self.cancelled_at is not None:
            return GoalStatus.CANCELLED
        if self.schedule_status == "disabled":
            return GoalStatus.FAILED
        if self.schedule_status != "ended" or self.open_jobs:
            return GoalStatus.ACTIVE if self.runs else GoalStatus.PENDING
        return GoalStatus.FAILED if self.failures else GoalStatus.COMPLETE

    @property
    def recurring(self) -> bool:
        return self.cron is not None


class GoalCount(NamedTuple):
    """How many goals of a kind stand alike, how often they were moved to later, and their fires."""

    status: GoalStatus
    recurring: bool
    goals: int
    deferrals: int
    fires: int


class Deferral(NamedTuple):
    """Something moved to later: a job (by its task, a provider's limit or a gate), or a goal."""

    at: Micros
    until: Micros
    reason: str
    job_id: int | None = None
    gate: str | None = None
    thought_id: str | None = None
    context: str | None = None


class DeferredOften(NamedTuple):
    """A job or a goal, and how often it was moved to later."""

    kind: str
    id: int
    name: str
    times: int


class Executions(NamedTuple):
    """What became of the fires of goals in a span of time; delays in microseconds."""

    total: int
    succeeded: int
    failed: int
    mean_delay: float | None
    most_delay: Micros | None
    on_time: int
    mean_seconds: float | None


class Deliver(NamedTuple):
    """What a fire has left: the thought, whether it is a new one, and the job that handles it."""

    thought: StoredThought
    new: bool
    job_id: int | None
