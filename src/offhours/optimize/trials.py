"""Trials: two ways to do the same, run side by side until one of them is known to be better."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from offhours.core.errors import OptionError
from offhours.optimize.sprt import GAIN, HARM, LatencyTest, Moments, SuccessTest


class Outcome(StrEnum):
    """What a trial came to, of the candidate."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"


# How the errors that are allowed are shared out: a harm is to be seen soonest.
_HARM, _GAIN, _SUCCESS = 0.6, 0.3, 0.1
_MOST_WAITING = 1_000
_RECENT = 100


@dataclass(slots=True)
class Trial:
    """A comparison by success and by time, which may be looked at after every call.

    alpha: how often, at most, two ways that are alike are told apart
    most_pairs: after so many it ends without a difference

    >>> trial = Trial()
    >>> for n in range(400):
    ...     _ = trial.record("control", 100 + n % 9, True)
    ...     _ = trial.record("candidate", 140 + n % 9, True)
    >>> trial.outcome, trial.pairs < 100
    (<Outcome.WORSE: 'worse'>, True)
    """

    alpha: float = 0.05
    most_pairs: int = 2_000
    latency: LatencyTest = field(default_factory=LatencyTest)
    success: SuccessTest = field(default_factory=SuccessTest)
    pairs: int = 0
    outcome: Outcome | None = None
    recent: list[tuple[float, bool]] = field(default_factory=list)  # what it is compared with later
    waiting: dict[str, list[tuple[float, bool]]] = field(
        default_factory=lambda: {"control": [], "candidate": []}
    )

    def next_arm(self) -> str:
        """Which of the two is to run next, so that there are as many of each."""
        waiting = self.waiting
        return "candidate" if len(waiting["control"]) > len(waiting["candidate"]) else "control"

    def record(self, arm: str, duration_ms: float, success: bool) -> Outcome | None:
        """Note a run of "control" or "candidate"; the outcome, once there is one."""
        if arm not in self.waiting:
            raise OptionError(f'arm: expected "control" or "candidate", got {arm!r}')
        if self.outcome is None:
            self.waiting[arm].append((duration_ms, success))
            if arm == "candidate":
                self.recent = [*self.recent[1 - _RECENT :], (duration_ms, success)]
            del self.waiting[arm][:-_MOST_WAITING]
            while self.outcome is None and all(self.waiting.values()):
                self._add(self.waiting["control"].pop(0), self.waiting["candidate"].pop(0))
        return self.outcome

    def _add(self, control: tuple[float, bool], candidate: tuple[float, bool]) -> None:
        self.pairs += 1
        self.success.add(control[1], candidate[1])
        if control[1] and candidate[1]:  # a failure is fast, and no gain
            self.latency.add(control[0], candidate[0])
        if self.success.decided(_SUCCESS * self.alpha):
            worse = self.success.control_only > self.success.candidate_only
            self.outcome = Outcome.WORSE if worse else Outcome.BETTER
        elif self.latency.decided(HARM, _HARM * self.alpha):
            self.outcome = Outcome.WORSE
        elif self.latency.decided(GAIN, _GAIN * self.alpha):
            self.outcome = Outcome.BETTER
        elif self.pairs >= self.most_pairs:
            self.outcome = Outcome.NO_DIFFERENCE

    @property
    def is_exhausted(self) -> bool:
        """Whether the candidate runs, and there is nothing left to compare it with."""
        return len(self.waiting["candidate"]) > 0 and not self.waiting["control"]

    def report(self) -> dict[str, Any]:
        """How it stands: the ratio of durations with the interval that holds at any time."""
        low, high = self.latency.interval(self.alpha)
        return {
            "pairs": self.pairs,
            "outcome": self.outcome,
            "duration_ratio": self.latency.ratio,
            "duration_ratio_interval": (low, high),
            "only_control_succeeded": self.success.control_only,
            "only_candidate_succeeded": self.success.candidate_only,
        }

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        told: Mapping[str, Any] = json.loads(text)
        latency = told["latency"]
        return cls(
            alpha=told["alpha"],
            most_pairs=told["most_pairs"],
            latency=LatencyTest(Moments(**latency["control"]), Moments(**latency["candidate"])),
            success=SuccessTest(**told["success"]),
            pairs=told["pairs"],
            recent=[(ms, bool(ok)) for ms, ok in told["recent"]],
            outcome=None if told["outcome"] is None else Outcome(told["outcome"]),
            waiting={
                arm: [(ms, bool(ok)) for ms, ok in runs] for arm, runs in told["waiting"].items()
            },
        )
