"""Where jobs run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from offhours.core.model import Claimed
from offhours.core.outcomes import Outcome
from offhours.core.times import Micros


class Source(Protocol):
    """Where an executor gets its jobs and where it leaves what became of them."""

    def take(self) -> Claimed | None:
        """The most urgent job, waiting for one; None when there will be no more."""
        ...

    def try_take(self) -> Claimed | None:
        """The most urgent job that may start now, or None at once."""
        ...

    def on_ready(self, call: Callable[[], None]) -> None:
        """Have `call` called, from any thread, when `try_take` may have something."""
        ...

    def finish(self, job: Claimed, outcome: Outcome) -> bool:
        """Hand in how the run ended. False: it was given up meanwhile, and this is void."""
        ...


class Errand(Protocol):
    """One attempt that runs in another process, as the executor that brings it there sees it."""

    @property
    def order(self) -> bytes:
        """What the other process is to be told, packed."""
        ...

    @property
    def metadata(self) -> str | None:
        """The job's own, with the context of the attempt's span."""
        ...

    @property
    def step_aside(self) -> str:
        """What the run does while the person in front is active."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the run should stop."""
        ...

    @property
    def foreground_until(self) -> Micros:
        """Until when the person in front is known to be active; 0 when not."""
        ...

    def save(self, progress: str) -> None:
        """Store what the run told of its progress."""
        ...

    def answer(self, verb: str, args: list[Any]) -> Any:
        """What the run asks of its desk: its steps, signals and approvals."""
        ...

    def close(self, outcome: Outcome | None = None) -> None:
        """The run has ended, if it is known how: tell nothing more."""
        ...


class Runner(Protocol):
    """Runs one attempt. Nothing that a task does comes out as an exception."""

    def run(self, job: Claimed) -> Outcome: ...
    async def run_async(self, job: Claimed) -> Outcome: ...

    def lend(self, job: Claimed, on_change: Callable[[], None]) -> Errand | Outcome:
        """Let another process run it; an outcome when it cannot.

        `on_change` is called, from any thread, when the errand should be looked at anew.
        """
        ...


class Executor(Protocol):
    """A place where jobs run. It pulls from its source as its slots allow."""

    @property
    def slots(self) -> int: ...

    def start(self, source: Source, runner: Runner) -> None: ...
    def replace_slot(self) -> bool: ...

    def abandon(self) -> None:
        """End at once whatever runs and can be killed, and finish nothing of it."""
        ...

    def close(self) -> None: ...
