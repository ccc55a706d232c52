"""How a learning cycle can end, and what it goes by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from offhours.core.errors import ConfigError
from offhours.core.outcomes import TimeLimit
from offhours.core.training import Cycle, CycleEnd, CycleState
from offhours.training.controls import SafetyControls


class Enough(Exception):
    """The cycle ends here, without a model to judge."""

    def __init__(self, state: CycleState, code: str, reason: str) -> None:
        super().__init__(reason)
        self.state, self.code, self.reason = state, code, reason


class Finished(NamedTuple):
    """How a cycle ended. `version` is the number of the model that it made, if it made one."""

    status: str
    code: str
    reason: str
    cycle: int
    version: int | None
    report: dict[str, Any]

    @classmethod
    def of(cls, cycle: Cycle, version: int | None) -> Finished:
        """How a cycle ended that is over."""
        report = {} if cycle.report is None else json.loads(cycle.report)
        return cls(
            str(cycle.state), cycle.code or "", cycle.reason or "", cycle.id, version, report
        )

    def as_end(self) -> CycleEnd:
        """The same as the store is told, for a cycle that made no version."""
        return CycleEnd(CycleState(self.status), self.code, self.reason, json.dumps(self.report))


@dataclass(frozen=True)
class Rules:
    """What a cycle goes by.

    keep: how many of the newest versions keep their bytes, whatever became of them
    forced: a person wants it: poor or shrunken data is trained on, and judged like any other
    """

    controls: SafetyControls = field(default_factory=SafetyControls)
    keep: int = 10
    forced: bool = False


def skipped(code: str, reason: str) -> Enough:
    """There is nothing to train on."""
    return Enough(CycleState.SKIPPED, code, reason)


def code_of(error: Exception) -> str:
    """A word for why a cycle failed."""
    match error:
        case MemoryError():
            return "memory"
        case TimeLimit():
            return "timeout"
        case ConfigError():
            return "configuration"
        case _:
            return "learner_failed"
