"""What repeats, automations and trials, as they are answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import ConfigDict, Field

from offhours.api.shapes import Moment, Shape

AutomationId = Annotated[str, Path(max_length=100, pattern=r"^[^\x00/]*$")]


class RuleShape(Shape):
    """Where a parameter comes from, in words."""

    model_config = ConfigDict(title="Rule", extra="forbid")

    name: str
    rule: str


class PatternStep(Shape):
    """A step of a routine."""

    task_type: str
    parameters: list[RuleShape]


class PotentialShape(Shape):
    """What automating it would bring, from 0 to 1: at most 0.4, 0.3 and 0.3."""

    model_config = ConfigDict(title="Potential", extra="forbid")

    frequency: float
    saving: float
    recency: float
    total: float


class PatternExample(Shape):
    """A run that was seen: the parameters of each of its steps."""

    at: Moment
    parameters: list[dict[str, Any]]


class PatternShape(Shape):
    """Something that repeats: tasks of one type, or a routine of several steps; and why that is
    believed. `reproduced` is the share of later runs that its rules foretold."""

    model_config = ConfigDict(title="Pattern", extra="forbid")

    pattern_id: str
    task_type: str
    steps: list[PatternStep]
    occurrences: int
    broken: int
    potential: PotentialShape
    average_duration_ms: float
    total_duration_ms: float
    success_rate: float
    first_seen: Moment
    last_seen: Moment
    inputs: list[str] = Field(description="What whoever runs it has to say.")
    evidence_nats: float | None
    reproduced: float | None
    explanation: str
    examples: list[PatternExample]
    automations: list[str]


class Patterns(Shape):
    """What the last cycle of this process has found; the greatest potential first."""

    data: list[PatternShape]
    last_cycle: Moment | None


class VerdictShape(Shape):
    """What tests said of the script as it is now."""

    model_config = ConfigDict(title="Verdict", extra="forbid")

    subject: str
    rate: float
    tests: int
    at: Moment
    by: str


class AutomationShape(Shape):
    """A micro-automation. Without a verdict it was not tested as it is now."""

    model_config = ConfigDict(
        title="Automation",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "automation_id": "auto_1f0c2a9be1d0", "pattern_id": "pattern_5c9e21aa07b3",
                    "task_type": "scan -> file", "template": "routine", "language": "python",
                    "level": "full", "state": "deployed", "deployed": True,
                    "verdict": {"subject": "9a1c", "rate": 1.0, "tests": 5, "by": "sandbox",
                                "at": "2026-06-01T09:00:00.000000Z"},
                    "cases": 5, "runs": 12, "successes": 12, "by_hand_ms": 41000.0,
                    "time_saved_ms": 480000.0, "created_at": "2026-06-01T08:59:00.000000Z",
                    "changed_at": "2026-06-02T09:00:00.000000Z",
                    "deployed_at": "2026-06-01T09:00:01.000000Z",
                }
            ]
        },
    )  # fmt: skip

    automation_id: str
    pattern_id: str
    task_type: str
    template: str
    language: str
    level: str
    state: Literal["draft", "deployed", "retired"]
    deployed: bool
    verdict: VerdictShape | None
    cases: int
    runs: int
    successes: int
    by_hand_ms: float
    time_saved_ms: float
    created_at: Moment
    changed_at: Moment
    deployed_at: Moment | None


class Automations(Shape):
    """All automations, the oldest first; `refused` says which the last cycle did not deploy."""

    data: list[AutomationShape]
    refused: dict[str, str]


class TestShape(Shape):
    """A test: what the script is given, and what must come of it."""

    model_config = ConfigDict(title="Test", extra="forbid")

    params: dict[str, Any]
    expected: Any


class TrialShape(Shape):
    """Two ways to do the same, compared. The ratio is that of durations: below 1 the candidate is
    faster. An outcome of null means that it goes on."""

    model_config = ConfigDict(title="Trial", extra="forbid")

    trial_id: str
    control: str
    candidate: str
    outcome: Literal["better", "worse", "no difference"] | None
    pairs: int
    duration_ratio: float | None
    duration_ratio_interval: list[float] | None
    only_control_succeeded: int
    only_candidate_succeeded: int
    started_at: Moment
    ended_at: Moment | None


class Trials(Shape):
    """The newest trials."""

    data: list[TrialShape]


class WholeAutomation(AutomationShape):
    """An automation with its script, its tests and its trials."""

    model_config = ConfigDict(title="WholeAutomation", extra="forbid")

    script: str
    parameters: dict[str, Any]
    counters: dict[str, int]
    tests: list[TestShape]
    trials: list[TrialShape]
    refused: str | None = Field(description="Why the last cycle did not deploy it.")
