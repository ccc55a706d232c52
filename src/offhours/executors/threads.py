"""Runs jobs in threads. A thread cannot be killed: a run that hangs keeps its thread."""

from __future__ import annotations

import itertools
import threading

from offhours.core.ports import Runner, Source


class ThreadExecutor:
    """`slots` daemon threads, each taking one job after the other."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._replaced = 0
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._source: Source | None = None
        self._runner: Runner | None = None

    def start(self, source: Source, runner: Runner) -> None:
        self._source, self._runner = source, runner
        for _ in range(self.slots):
            self._start_thread()

    def replace_slot(self) -> bool:
        """Start a thread in place of one that hangs; False when too many hang already."""
        with self._lock:
            if self._replaced >= 2 * self.slots:
                return False
            self._replaced += 1
        self._start_thread()
        return True

    def abandon(self) -> None:
        """Nothing to do: a thread cannot be killed."""

    def close(self) -> None:
        """Nothing to do: threads end when the source says that there is no more."""

    def _start_thread(self) -> None:
        name = f"offhours-run-{next(self._numbers)}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        assert self._source is not None and self._runner is not None
        take, run, finish = self._source.take, self._runner.run, self._source.finish
        while (job := take()) is not None:
            if not finish(job, run(job)) and self._was_replaced():
                return

    def _was_replaced(self) -> bool:
        """Whether another thread works in place of this one, which was given up."""
        with self._lock:
            if self._replaced == 0:
                return False
            self._replaced -= 1
            return True
