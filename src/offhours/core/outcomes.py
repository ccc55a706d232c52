"""How a run can end: what the runner reports, and what a task may raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from offhours.core.times import Duration, Micros, Moment, parse_duration

TEXT_LIMIT = 500


def clean_text(value: object) -> str:
    """Anything as text that every store can keep: short, no lone surrogates, no NUL."""
    try:
        text = str(value)
    except Exception as error:
        text = f"(its text failed: {type(error).__name__})"
    text = text[:TEXT_LIMIT].replace("\0", "\\0")
    return text.encode("utf-8", "backslashreplace").decode()


class Defer(Exception):
    """Raise inside a task to move its job to later. No attempt is spent; the reason is kept.

    `until` is an aware datetime, ISO 8601 text, a wall-clock time ("14:00") or a delay ("10m").
    """

    def __init__(self, until: Moment | Duration, reason: str = "") -> None:
        self.until = until
        self.reason = clean_text(reason)
        super().__init__(f"deferred until {until}: {self.reason}")


class Retry(Exception):
    """Raise inside a task to fail this attempt and say when the next one should start."""

    def __init__(self, after: Duration | None = None, reason: str = "") -> None:
        super().__init__(clean_text(reason) or "the task asked for a retry")
        self.after = None if after is None else parse_duration(after, "after")


class Suspend(BaseException):
    """Ends a run that has to wait for long. Let it pass."""

    def __init__(self, outcome: Suspended) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


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
    """The attempt failed. `retry` says whether another may follow, `after` asks for a delay.

    took: how long it ran, when that was measured
    """

    code: str
    error: str
    retry: bool = True
    after: Micros | None = None
    took: Micros | None = None


@dataclass(frozen=True, slots=True)
class Deferred:
    """The task asked to run later."""

    until: Micros
    reason: str


@dataclass(frozen=True, slots=True)
class Gated:
    """A gate did not let it start: which, why, by which figure, and when it is asked again."""

    gate: str
    reason: str
    until: Micros
    figure: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Suspended:
    """The run has ended for now; its slot is free, and what it has recorded is kept.

    The job goes on at `until`; `held` for a signal or an approval (`code`), when that comes.
    """

    code: str
    reason: str
    until: Micros
    held: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """The task noticed that its job was cancelled, and stopped."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Claimed but not worked on, or given up in a drain."""

    reason: str


@dataclass(frozen=True, slots=True)
class Crashed:
    """The process that ran the attempt died: `reason` says of what, `tail` is its last output."""

    reason: str
    tail: str = ""


Outcome: TypeAlias = Done | Failed | Deferred | Gated | Suspended | Stopped | HandedBack | Crashed
