"""How a run can end: what the runner reports, and what a task may raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from offhours.core.times import Duration, Micros, Moment


class Defer(Exception):
    """Raise inside a task to move its job to later. No attempt is spent; the reason is kept.

    `until` is an aware datetime, ISO 8601 text, a wall-clock time ("14:00") or a delay ("10m").
    """

    def __init__(self, until: Moment | Duration, reason: str = "") -> None:
        super().__init__(f"deferred until {until}: {reason}" if reason else f"deferred to {until}")
        self.until = until
        self.reason = reason


class Retry(Exception):
    """Raise inside a task to fail this attempt and say when the next one should start."""

    def __init__(self, after: Duration | None = None, reason: str = "") -> None:
        super().__init__(reason or "the task asked for a retry")
        self.after = after


class Cancelled(BaseException):
    """Raised by `ctx.checkpoint()` when the job was cancelled. Let it pass."""


class TimeLimit(Exception):
    """Raised by `ctx.checkpoint()` when the attempt has used up its timeout."""


@dataclass(frozen=True, slots=True)
class Done:
    """The function returned. `note` says why the result could not be kept, if so."""

    result: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed. `retry` says whether another may follow, `after` asks for a delay."""

    code: str
    error: str
    retry: bool = True
    after: Micros | None = None


@dataclass(frozen=True, slots=True)
class Deferred:
    """The task asked to run later."""

    until: Micros
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The task noticed that its job was cancelled, and stopped."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Claimed but not worked on, or given up in a drain."""

    reason: str


Outcome: TypeAlias = Done | Failed | Deferred | Stopped | HandedBack
