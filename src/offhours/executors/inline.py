"""Runs jobs in the caller's thread, one after the other: for tests, with the real engine."""

from __future__ import annotations

from offhours.core.ports import Runner, Source


class InlineExecutor:
    """One slot, and no thread: the caller drives it with `run_next`."""

    slots = 1

    def __init__(self) -> None:
        self._source: Source | None = None
        self._runner: Runner | None = None

    def start(self, source: Source, runner: Runner) -> None:
        self._source, self._runner = source, runner

    def run_next(self) -> bool:
        """Run the next job, if there is one that may start."""
        assert self._source is not None and self._runner is not None
        job = self._source.try_take()
        if job is not None:
            self._source.finish(job, self._runner.run(job))
        return job is not None

    def replace_slot(self) -> bool:
        return False

    def abandon(self) -> None:
        """Nothing runs outside of `run_next`."""

    def close(self) -> None:
        """Nothing runs outside of `run_next`."""
