"""A pause after failures, and one trial at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from offhours.core.errors import OptionError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed, Job, JobState
from offhours.core.ports import Store
from offhours.core.times import Duration, Micros, iso_minute, parse_duration, spoken

_AGAIN: Micros = 30_000_000


class Record(NamedTuple):
    """How it went: failures since the last success, when the last of them ended, and whether
    another one is being tried now."""

    failures: int
    last_failure: Micros
    trying: bool


class FailureCooldown:
    """Holds for a while after so many failures in a row; then one may try (half-open).

    If the trial succeeds all is well again; if it fails the pause begins anew. The count is read
    from what is stored, so it holds in all processes and after a restart. A person may pass.

    after: failures in a row that begin the pause
    pause: how long it lasts
    record: gives the `Record` of a job; by default that of the finished jobs of its task, as far
        back as the store keeps them

    >>> FailureCooldown(after=3, pause="6h").name
    'failures'
    """

    name = "failures"

    def __init__(
        self,
        after: int = 3,
        pause: Duration = "6h",
        *,
        record: Callable[[Claimed, Store], Record] | None = None,
    ) -> None:
        if isinstance(after, bool) or not isinstance(after, int) or after < 1:
            raise OptionError(f"after: expected a whole number from 1 on, got {after!r}")
        self._after = after
        self._pause = parse_duration(pause, "pause")
        self._record = record or record_of_task

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """Open until too much failed in a row, and for one trial after the pause."""
        found = self._record(job, store)
        if found.failures < self._after:
            return OPEN
        told = f"{found.failures} failed in a row (the pause begins at {self._after})"
        over = found.last_failure + self._pause
        if now < over:
            reason = f"{told}; a pause of {spoken(self._pause)} lasts until {iso_minute(over)}"
        elif found.trying:
            over, reason = now + _AGAIN, f"{told}; the pause is over and another one is being tried"
        else:
            return OPEN
        return Verdict(False, reason, over, found.failures, self._after)


def record_of_task(job: Claimed, store: Store) -> Record:
    """The record of a job's task."""
    since = max((_ended(each) for each in _of(job, store, JobState.SUCCEEDED, 20)), default=0)
    failed = [_ended(each) for each in _of(job, store, JobState.FAILED, 100)]
    failed = [at for at in failed if at > since]
    return Record(len(failed), max(failed, default=0), _is_tried(job, store))


def _is_tried(job: Claimed, store: Store) -> bool:
    """Whether another job of the task was claimed before this one: of two, the first one tries."""
    running = {each.id: (each.started_at or 0, each.id)
               for each in _of(job, store, JobState.RUNNING, 100)}  # fmt: skip
    own = running.pop(job.id, None)
    return any(own is None or other < own for other in running.values())


def _of(job: Claimed, store: Store, state: JobState, limit: int) -> Sequence[Job]:
    return store.jobs(state=state, task=job.task, limit=limit)


def _ended(job: Job) -> Micros:
    return job.finished_at or 0
