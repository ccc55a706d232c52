"""Runs jobs in processes of their own: what they do to their process, they do to nobody else."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Crashed, HandedBack, Outcome, clean_text
from offhours.core.ports import Errand, Runner, Source
from offhours.executors.childprocess import ChildProcess
from offhours.executors.supervision import Supervision

LEAVE_SECONDS = 0.5
CLOSE_SECONDS = 3.0
_BREATHER = 1.0

_log = logging.getLogger("offhours")


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """When a child is stopped or replaced.

    grace: seconds from the request to stop until the run is killed
    max_runs: runs after which a child is replaced (None: never)
    max_memory: bytes in use after a run above which it is replaced (None: no limit)
    """

    grace: float = 5.0
    max_runs: int | None = None
    max_memory: int | None = None


class ProcessExecutor:
    """`slots` runs at once, each in a child process that a slot keeps for the runs to come.

    A child is started by the first run that needs it. `main` is the module whose `main` it runs.
    """

    def __init__(self, slots: int, main: str, limits: ProcessLimits = ProcessLimits()) -> None:
        self.slots = slots
        self._main = main
        self._limits = limits
        self._numbers = itertools.count(1)
        self._slots: list[_Slot] = []

    def start(self, source: Source, runner: Runner) -> None:
        for _ in range(self.slots):
            slot = _Slot(source, runner, self._main, self._limits)
            self._slots.append(slot)
            slot.thread.name = f"offhours-process-{next(self._numbers)}"
            slot.thread.start()

    def replace_slot(self) -> bool:
        """A run that was given up was killed, or is soon: its slot comes back by itself."""
        return True

    def abandon(self) -> None:
        """Kill what runs, and wait until it is dead: its jobs may be somebody else's next."""
        stopped = [slot.abandon() for slot in self._slots]
        for ended in stopped:
            ended.wait(CLOSE_SECONDS)

    def close(self) -> None:
        """End all children. The source must have been closed before."""
        self.abandon()
        for slot in self._slots:
            slot.thread.join(CLOSE_SECONDS)
        self._slots.clear()


class _Slot:
    """One thread, and up to two children of its own: one for background work and one for other.

    Two, because an ordinary user may not raise a process again that was lowered. The thread that
    starts a child must be there as long as the child: the kernel ends the one with the other.
    """

    def __init__(self, source: Source, runner: Runner, main: str, limits: ProcessLimits) -> None:
        self._source = source
        self._runner = runner
        self._main = main
        self._limits = limits
        self._children: dict[bool, ChildProcess] = {}
        self._run: Supervision | None = None
        self._drop = False
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def abandon(self) -> threading.Event:
        """Kill the current run, if there is one; what is set when it has ended."""
        with self._lock:
            if self._run is not None:
                self._run.abandon()
            else:
                self._drop = not self._idle.is_set()  # it is about to start
        return self._idle

    def _look(self) -> None:
        run = self._run
        if run is not None:
            run.look()

    def _work(self) -> None:
        try:
            while (job := self._source.take()) is not None:
                self._idle.clear()
                try:
                    self._serve(job)
                except Exception:
                    _log.exception("job %d: its run in a process failed here", job.id)
                    self._source.finish(job, HandedBack("the process executor failed"))
                    time.sleep(_BREATHER)
                finally:
                    self._idle.set()
        finally:
            for child in self._children.values():
                child.dismiss(LEAVE_SECONDS)

    def _serve(self, job: Claimed) -> None:
        lent = self._runner.lend(job, self._look)
        if isinstance(lent, Outcome):
            self._source.finish(job, lent)
            return
        low = job.priority >= BACKGROUND_CLASS and lent.step_aside != "yield"
        child, outcome = None, None
        try:
            child, fresh = self._child(low)
            run, outcome = self._supervise(child, job, lent)
            if isinstance(outcome, Crashed) and not (fresh or run.begun or run.abandoned):
                # It had died, or been killed, while it waited: the job has nothing to do with it.
                child = ChildProcess(self._main)
                run, outcome = self._supervise(child, job, lent)
        except OSError as error:
            _log.error("no process could be started: %s", error)
            time.sleep(_BREATHER)
            run, outcome = None, HandedBack(clean_text(f"no process could be started: {error}"))
        finally:
            lent.close(outcome)
        if run is None or not run.abandoned:
            self._source.finish(job, outcome)
        if child is not None and run is not None:
            self._put_back(child, low, run)

    def _supervise(
        self, child: ChildProcess, job: Claimed, errand: Errand
    ) -> tuple[Supervision, Outcome]:
        run = Supervision(child, job, self._limits.grace)
        with self._lock:
            self._run, drop, self._drop = run, self._drop, False
        try:
            return run, HandedBack("the worker stopped") if drop else run.run(errand)
        except BaseException:
            child.bury()
            raise
        finally:
            with self._lock:
                self._run = None

    def _child(self, low: bool) -> tuple[ChildProcess, bool]:
        child = self._children.pop(low, None)
        return (ChildProcess(self._main), True) if child is None else (child, False)

    def _put_back(self, child: ChildProcess, low: bool, run: Supervision) -> None:
        """Keep a child for the next run, or have a fresh one started for it."""
        child.runs += 1
        worn = self._worn(child, run)
        if worn is None and (child.low or low) not in self._children:
            self._children[child.low or low] = child
            return
        if worn is not None:
            _log.debug("process %d is replaced: %s", child.pid, worn)
        if low not in self._children and not run.abandoned:
            with suppress(OSError):  # the next run tries again
                self._children[low] = ChildProcess(self._main)
        child.dismiss(0 if run.spoilt else LEAVE_SECONDS)

    def _worn(self, child: ChildProcess, run: Supervision) -> str | None:
        """Why this child should run nothing more."""
        limits = self._limits
        if child.closed:
            return "it has ended"
        if run.interrupted:
            return "a run was interrupted"
        if limits.max_runs is not None and child.runs >= limits.max_runs:
            return f"{child.runs} runs"
        if limits.max_memory is not None and run.rss > limits.max_memory:
            return f"{run.rss:,} bytes in use"
        return run.spoilt
