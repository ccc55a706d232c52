"""What repeats: tasks of one type, and routines of several steps. Scores, examples, reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from offhours.optimize.induce import Rules, induce
from offhours.optimize.parameter import Example
from offhours.optimize.records import Task
from offhours.optimize.replay import all_parts, reproduced
from offhours.optimize.rules import Constant, Counter, Input

FREQUENCY, SAVING, RECENCY = 0.4, 0.3, 0.3
ENOUGH_OCCURRENCES = 10  # from here on frequency has its full part
ENOUGH_MS = 5_000.0  # and time saved
_MOST_EXAMPLES = 80


@dataclass(frozen=True, slots=True)
class Potential:
    """How much automating would help, from 0 to 1, in its three parts.

    >>> Potential.of(5, 2_500, 0.5)
    Potential(frequency=0.2, saving=0.15, recency=0.15)
    """

    frequency: float
    saving: float
    recency: float

    @classmethod
    def of(cls, occurrences: int, duration_ms: float, freshness: float) -> Potential:
        """freshness: 1 for what happened just now, 0 for what is a whole time window old."""
        return cls(
            FREQUENCY * min(1.0, occurrences / ENOUGH_OCCURRENCES),
            SAVING * min(1.0, max(0.0, duration_ms) / ENOUGH_MS),
            RECENCY * min(1.0, max(0.0, freshness)),
        )

    @property
    def total(self) -> float:
        return self.frequency + self.saving + self.recency


@dataclass(frozen=True)
class Pattern:
    """Tasks of one type that come again and again, or a whole routine of several types.

    task_type: the type, or the types with arrows between them
    steps: the type of each step
    occurrences: how often it was seen whole; broken: how often with a step missing
    potential: what automating it would bring, in parts; `automation_potential` is their sum
    average_duration_ms: all steps together
    rules: where each parameter of each step comes from
    runs: those that were seen whole, the latest last; task_ids: the tasks of each
    outcomes: how long each took, in ms, and whether it succeeded
    evidence: by how many nats chance is strained
    """

    pattern_id: str
    steps: tuple[str, ...]
    occurrences: int
    broken: int
    potential: Potential
    average_duration_ms: float
    success_rate: float
    first_seen: datetime
    last_seen: datetime
    rules: Rules
    runs: tuple[Example, ...] = field(repr=False)
    task_ids: tuple[tuple[str, ...], ...] = field(repr=False)
    outcomes: tuple[tuple[float, bool], ...] = field(repr=False)
    evidence: float = 0.0

    @property
    def task_type(self) -> str:
        return " -> ".join(self.steps)

    @property
    def automation_potential(self) -> float:
        return self.potential.total

    @cached_property
    def reproduced(self) -> float | None:
        """The share of later runs that come out right from what earlier runs teach; None when there
        are too few to hold any back."""
        return reproduced(self.runs)

    @property
    def total_duration_ms(self) -> float:
        """What all occurrences took: what would have been saved."""
        return self.occurrences * self.average_duration_ms

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What whoever runs it has to say."""
        return tuple(rule for rule in all_parts(self.rules) if isinstance(rule, Input))

    @property
    def counters(self) -> dict[str, int]:
        """The last value of each parameter that counts."""
        return {rule.name: rule.last for rule in all_parts(self.rules) if isinstance(rule, Counter)}

    @property
    def common_parameters(self) -> dict[str, Any]:
        """The parameters that are always the same, by name; those of earlier steps first."""
        found: dict[str, Any] = {}
        for of_step in self.rules:
            for key, rule in of_step.items():
                if isinstance(rule, Constant):
                    found.setdefault(key, rule.value)
        return found

    def explain(self) -> str:
        """Why this is believed, in a few sentences."""
        parts = self.potential
        lines = [
            f"{self.task_type}: {self.occurrences} times, "
            f"{self.average_duration_ms:.0f} ms each, {self.broken} more with a step missing.",
            f"Potential {self.automation_potential:.2f} = frequency {parts.frequency:.2f} "
            f"+ time {parts.saving:.2f} + recency {parts.recency:.2f}.",
        ]
        if self.evidence:
            lines.append(f"Chance alone would have to be strained by {self.evidence:.0f} nats.")
        if self.reproduced is not None:
            lines.append(f"Its rules reproduced {self.reproduced:.0%} of runs not learnt from.")
        for number, (step, of_step) in enumerate(zip(self.steps, self.rules, strict=True), 1):
            for key, rule in of_step.items():
                lines.append(f"Step {number} ({step}), {key!r}: {rule.describe()}.")
        return "\n".join(lines)


def make_pattern(
    steps: Sequence[str],
    runs: Sequence[Sequence[Task]],
    broken: int,
    now: datetime,
    window_seconds: float,
    evidence: float = 0.0,
) -> Pattern:
    """A pattern of runs in order of time, each the tasks of the steps."""
    examples = [Example(run[0].timestamp, tuple(task.parameters for task in run)) for run in runs]
    duration = sum(task.duration_ms for run in runs for task in run) / len(runs)
    last = max(task.timestamp for task in runs[-1])
    age = max(0.0, (now - last).total_seconds())
    return Pattern(
        pattern_id=pattern_id(steps),
        steps=tuple(steps),
        occurrences=len(runs),
        broken=broken,
        potential=Potential.of(len(runs), duration, 1 - age / window_seconds),
        average_duration_ms=duration,
        success_rate=sum(all(task.success for task in run) for run in runs) / len(runs),
        first_seen=runs[0][0].timestamp,
        last_seen=last,
        rules=induce(examples),
        runs=tuple(examples[-_MOST_EXAMPLES:]),
        task_ids=tuple(tuple(task.task_id for task in run) for run in runs[-_MOST_EXAMPLES:]),
        outcomes=tuple(
            (sum(task.duration_ms for task in run), all(task.success for task in run))
            for run in runs[-_MOST_EXAMPLES:]
        ),
        evidence=evidence,
    )


def pattern_id(steps: Sequence[str]) -> str:
    """The same for the same steps, at whatever time they are found."""
    return (
        "pattern_"
        + hashlib.sha256("\x1f".join(steps).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    )
