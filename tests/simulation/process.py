"""A simulated process: a real `Offhours` with a real worker, moved one step at a time.

Only what a process asks of its machine is simulated: the clocks, its number, its threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from tests.simulation.database import Backend
from tests.simulation.faults import Faults

from offhours import Defer, Offhours, context
from offhours.core import points
from offhours.core.clock import Signal
from offhours.core.model import Claimed
from offhours.core.outcomes import Outcome, Retry
from offhours.core.ports import Runner, Source
from offhours.core.times import SECOND, Micros, to_datetime
from offhours.engine import dispatcher, lane, lifeline, worker
from offhours.engine.context import Context
from offhours.engine.wakeup import LocalWakeUps

TASKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "flaky": {"retries": 3, "backoff": 5},
    "once": {"retries": 1, "on_lost": "fail"},
    "timed": {"retries": 1, "timeout": "20s"},
    "low": {"retries": 2, "priority": "BACKGROUND"},
    "rare": {"retries": 0, "priority": "HIGH"},
}


class GiveUp(Exception):
    """An error that is never tried again."""


class Time:
    """The time of the world, which passes only when told, and each machine's view of it."""

    def __init__(self, start: Micros) -> None:
        self.wall = start
        self.mono: Micros = 0


class MachineClock:
    """Implements `core.clock.Clock`: the world's time, some seconds off."""

    def __init__(self, time: Time, skew: Micros) -> None:
        self._time, self._skew = time, skew

    def now(self) -> datetime:
        return to_datetime(self.micros())

    def micros(self) -> Micros:
        return self._time.wall + self._skew

    def monotonic(self) -> float:
        return self._time.mono / SECOND

    def wait(self, signal: Signal, until: Micros) -> bool:
        raise AssertionError("nobody waits in a world of one thread")


class StepExecutor:
    """Implements `core.ports.Executor`: a run begins in one step and ends in a later one.

    A run that was given up goes on, as a thread would, until its end is asked for.
    """

    def __init__(
        self, slots: int, clock: MachineClock, on_begin: Callable[[Claimed], None]
    ) -> None:
        self.slots = slots
        self.held: list[tuple[Claimed, Context]] = []
        self._replaced = 0
        self._clock = clock
        self._on_begin = on_begin
        self._verdict = ""
        self._watched: Context | None = None

    def start(self, source: Source, runner: Runner) -> None:
        self._source, self._runner = source, runner

    def begin(self) -> Claimed | None:
        """Take the next job into a free slot."""
        if len(self.held) >= self.slots + self._replaced:
            return None
        job = self._source.try_take()
        if job is not None:
            watched = Context(job, self._clock)
            self._runner.running[job.id] = watched  # type: ignore[attr-defined]
            self.held.append((job, watched))
            self._on_begin(job)
        return job

    def run(self, number: int, verdict: str) -> tuple[Claimed, Outcome]:
        """Bring one of the runs that are going on to its end."""
        job, self._watched = self.held.pop(number)
        self._verdict = verdict
        running = self._runner.running  # type: ignore[attr-defined]
        newer = running.get(job.id)
        outcome = self._runner.run(job)
        if newer is not None and newer is not self._watched:
            running[job.id] = newer
        return job, outcome

    def hand_in(self, job: Claimed, outcome: Outcome) -> bool:
        valid = self._source.finish(job, outcome)
        if not valid and self._replaced:
            self._replaced -= 1
        return valid

    def perform(self, number: int) -> int:
        """The body of every task: it does what the world wants of this run."""
        assert self._watched is not None
        if self._verdict == "progress":
            context().progress(0.5, partial=number)
        if self._verdict != "deaf":
            self._watched.stop_if_asked()
        match self._verdict:
            case "raise":
                raise RuntimeError("as the world wants")
            case "give up":
                raise GiveUp("as the world wants")
            case "retry":
                raise Retry(after=20)
            case "defer":
                raise Defer(until="7m", reason="as the world wants")
        return number

    def replace_slot(self) -> bool:
        if self._replaced >= self.slots:
            return False
        self._replaced += 1
        return True

    def abandon(self) -> None:
        """A thread cannot be killed."""

    def close(self) -> None:
        """No thread was started."""


class StillLoop:
    """Stands where a worker keeps its loops: the world calls the ticks."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal

    def stop(self) -> None:
        """It never ran."""


class Process:
    """One process of the world. `acting` is entered around whatever it does."""

    def __init__(
        self,
        backend: Backend,
        time: Time,
        *,
        pid: int,
        host: str,
        skew: Micros,
        slots: int,
        tasks: list[str],
        on_begin: Callable[[Process, Claimed], None],
        **options: Any,
    ) -> None:
        self.pid, self.host, self.slots = pid, host, slots
        self.name = f"p{pid}@{host}"
        self.faults = Faults(backend)
        self.clock = MachineClock(time, skew)
        self.frozen = False  # as by SIGSTOP: nothing of it moves
        self.heard_at = time.mono  # its last heartbeat, at least
        self.mute = False  # its lifeline alone hangs: no heartbeat leaves it
        self.app = Offhours(
            backend.address, clock=self.clock, executor="inline", lock_timeout=0, retention="9000d",
            retention_jobs=10**9, lease="30s", **options,
        )  # fmt: skip
        self.app._work._wake_ups = LocalWakeUps(None, list)  # whom to wake, the world decides
        self.faults.attach(self.app.store._db)  # type: ignore[attr-defined]
        self.executor = StepExecutor(slots, self.clock, lambda job: on_begin(self, job))
        self.app._work._places.inline = self.executor  # type: ignore[assignment]
        for name in tasks:
            self.app.task(name=name, give_up_on=(GiveUp,), **TASKS[name])(self.executor.perform)

    @property
    def worker(self) -> worker.Worker | None:
        return self.app._work.worker

    def start(self) -> None:
        """Become a worker."""
        self.heard_at = self.clock._time.mono
        self.app.start()
        assert self.worker is not None
        if self.worker._watch is not self.app.store:
            self.faults.attach(self.worker._watch._db)  # type: ignore[attr-defined]
        # So that a submit may be claimed in its own commit, as where threads wait.
        self.worker._loops = [StillLoop(each.signal) for each in self.worker._stations]  # type: ignore[misc]

    def round(self) -> None:
        assert self.worker is not None
        for each in self.worker._stations:
            each.dispatcher.tick(self.clock.micros())

    def look(self) -> None:
        assert self.worker is not None
        self.worker.lifeline.tick(self.clock.micros())

    def beat(self) -> None:
        assert self.worker is not None
        self.worker.lifeline.beat(self.clock.micros())

    def drop(self) -> None:
        """The end of it, without a word: what was only in its memory is gone."""
        self.faults.dead = True
        watch = None if self.worker is None else self.worker._watch
        self.app._work.worker = None
        for store in {self.app.store, watch or self.app.store}:
            store.close()
        self.app._work._wake_ups.close()


class Machines:
    """The hosts of the world: which processes live on which, and who is acting now."""

    def __init__(self, chance: Callable[[], float], time: Time) -> None:
        self.alive: dict[int, Process] = {}
        self.acting_on = ""
        self.acting_pid = 0
        self._current: Process | None = None
        self._chance = chance
        self._time = time

    @contextmanager
    def acting(self, process: Process) -> Iterator[None]:
        self._current, self.acting_on, self.acting_pid = process, process.host, process.pid
        try:
            yield
        finally:
            self._current = None

    def _reach(self, point: str) -> None:
        if self._current is not None:
            self._current.faults.reach(point)

    def _process_started(self, pid: int) -> str:
        """What /proc says of a process on the host of who asks."""
        return f"tick {pid}" if pid in self.alive else ""

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the engine see these machines instead of the real one."""
        seconds = SimpleNamespace(perf_counter=lambda: self._time.mono / SECOND)
        number = SimpleNamespace(getpid=lambda: self.acting_pid)
        with (
            patch.object(points, "on_reach", self._reach),
            patch.object(lane, "time", seconds),
            patch.object(dispatcher, "chance", self._chance),
            patch.object(worker, "os", number),
            patch.object(worker, "host_identity", lambda: self.acting_on),
            patch.object(worker, "process_started", self._process_started),
            patch.object(lifeline, "host_identity", lambda: self.acting_on),
            patch.object(lifeline, "process_started", self._process_started),
        ):
            yield
