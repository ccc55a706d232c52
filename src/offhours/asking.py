"""Asking: how a job stands and why, and waiting for its end and its result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from offhours.core.errors import (
    JobNotFound,
    ResultTimeout,
)
from offhours.core.events import Event
from offhours.core.model import Job, JobState
from offhours.core.times import SECOND, Duration, parse_duration
from offhours.core.why import Why, why
from offhours.handles import result_of
from offhours.workplace import Workplace

_NONE_KEPT = object()


class Asking:
    """What can be known of one job."""

    def __init__(self, work: Workplace) -> None:
        self._work = work
        self._store = work.store

    def record(self, job_id: int) -> Job:
        found = self._store.job(job_id) if 0 < job_id < 2**63 else None
        if found is None:
            raise JobNotFound(f"no job {job_id} in {self._store.name}")
        return found

    def history(self, job_id: int) -> list[Event]:
        job = self.record(job_id)
        submitted = Event(0, job.created_at, "job.submitted", job.id, 0, None)
        return [submitted, *self._store.history(job_id)]

    def why(self, job_id: int) -> Why:
        work = self._work
        job = self.record(job_id)
        now = work.clock.micros()
        here = work.registry.served_names() if work.worker is not None else ()
        found = why(job, self._store.situation(job, now), work.settings.background, now, here)
        task = work.registry.find(job.task)
        if found.code == "no_handler" and task is not None and task.requires:
            labels = ", ".join(sorted(task.requires))
            return replace(found, sentence=f"{found.sentence} (it requires: {labels})")
        return found

    def wait_for(self, job_id: int, timeout: Duration | None = None) -> Job:
        inline = self._work.inline
        if inline and not self.record(job_id).state.final:
            self._work.drain_inline()
        limit = None if timeout is None else parse_duration(timeout, "timeout") / SECOND
        found = self._work.waiters.wait(job_id, 0 if inline else limit)
        if found is not None:
            return found
        self.record(job_id)  # pruned meanwhile?
        late = "cannot finish now" if inline else "was not finished in time"
        raise ResultTimeout(f"job {job_id} {late}: {self.why(job_id)}", job_id)

    async def result_async(self, job_id: int) -> Any:
        if not self._work.inline:
            await self._work.waiters.wait_async(job_id)
        return self.result_of(job_id)

    def result_of(self, job_id: int, timeout: Duration | None = None) -> Any:
        job = self.wait_for(job_id, timeout)
        kept = self._work.local.result(job_id, _NONE_KEPT)
        if job.state is JobState.SUCCEEDED and kept is not _NONE_KEPT:
            return kept
        return result_of(job)
