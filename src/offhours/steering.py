"""Steering: what is done to jobs, limits and questions by hand, each told to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from offhours.acting import steers
from offhours.core import states
from offhours.core.errors import ApprovalNotFound, IllegalMove, JobNotFound, OptionError
from offhours.core.flows import ApprovalState, agents_of
from offhours.core.limits import EVERYTHING, Rate, Scope, Subject
from offhours.core.model import Job, JobState
from offhours.core.times import Duration, Moment, parse_until
from offhours.engine.codec import dump
from offhours.engine.context import find_context
from offhours.options import at_most, text, word
from offhours.workplace import Workplace

_ALL = 1_000_000


class Steering:
    """What a person, or code in a person's place, does to jobs and questions by hand."""

    def __init__(self, work: Workplace, record: Callable[[int], Job]) -> None:
        self._work = work
        self._store = work.store
        self._clock = work.clock
        self._record = record

    @steers
    def cancel(self, job_id: int, reason: str) -> bool:
        while True:
            job = self._record(job_id)
            now = self._clock.micros()
            if job.state is not JobState.RUNNING:
                if not self._store.apply([states.cancel(job, reason)], now):
                    self._work.finished([job_id])
                    return True
            elif job.cancel_at is not None or self._store.ask_cancel(
                job_id, job.attempt, now, reason
            ):
                self._work.tell("c")
                return False

    @steers
    def stop_running(self, reason: str) -> int:
        stopped = 0
        for job in self._store.jobs(state=JobState.RUNNING, limit=_ALL):
            with suppress(IllegalMove, JobNotFound):  # it has ended by itself
                self.cancel(job.id, reason)
                stopped += 1
        return stopped

    @steers
    def defer(self, job_id: int, until: Moment | Duration, reason: str) -> None:
        job = self._record(job_id)
        now = self._clock.micros()
        moment = parse_until(until, now, self._work.settings.timezone)
        if self._store.apply([states.reschedule(job, moment, reason)], now):
            raise IllegalMove(f"job {job_id} was started meanwhile and cannot be deferred")
        self._work.wake()

    @steers
    def retry(self, job_id: int, from_step: str | None) -> int:
        job = self._record(job_id)
        if not job.state.final:
            raise IllegalMove(f"job {job_id} is {job.state}; only a finished job can be retried")
        if job.owner is not None:
            raise IllegalMove(f"job {job_id} was durable=False; its function is gone")
        if from_step is not None and not any(
            step.name == from_step for step in self._store.flows.steps(job_id)
        ):
            raise IllegalMove(f"job {job_id} has recorded no step {from_step!r}")
        keep = [job_id] if job.state is not JobState.SUCCEEDED or from_step is not None else []
        self._work.check_open()
        made = self._store.flows.do_again([job], self._clock.micros(), keep, from_step)
        self._work.wake()
        return made[job_id]

    @steers
    def signal(self, job_id: int, name: str, payload: object) -> None:
        job = self._record(job_id)
        if job.state.final:
            raise IllegalMove(f"job {job_id} is {job.state} and hears no signal any more")
        carried = dump(payload, "payload", self._work.settings.max_payload)
        self._store.approvals.signal(job, word(name, "signal") or "", carried, self._clock.micros())
        self._work.wake()

    @steers
    def decide(
        self, approval_id: int, state: ApprovalState, by: str, note: str, digest: str
    ) -> None:
        """Answer a question; see `Offhours.approve` for who may not."""
        if find_context() is not None:
            raise IllegalMove("a task cannot decide: approvals are for people, outside of tasks")
        approval = self._store.approvals.approval(approval_id) if 0 < approval_id < 2**63 else None
        if approval is None:
            raise ApprovalNotFound(f"no approval {approval_id} in {self._store.name}")
        who = text(by, "by") or ""
        job = self._record(approval.job_id)
        if who.strip().casefold() in map(str.casefold, agents_of(job.metadata)):
            raise IllegalMove(f"{who} has asked for this and cannot decide it")
        if job.state.final and approval.state == ApprovalState.WAITING:
            raise IllegalMove(f"job {job.id} is {job.state}; nobody waits for this any more")
        if digest and digest != approval.digest:
            raise IllegalMove(f"approval {approval_id} asks for something else than was seen")
        now = self._clock.micros()
        late = approval.until is not None and approval.until <= now
        if late or not self._store.approvals.decide(
            approval, state, who, text(note or None, "note"), now
        ):
            raise IllegalMove(f"approval {approval_id} is decided, or too old to be")
        self._work.wake()

    @steers
    def pause(self, subject: Subject, reason: str) -> bool:
        why = text(reason or None, "reason") or ""
        paused = self._store.limits.pause(subject, why, self._clock.micros())
        self._work.tell("l")
        return paused

    @steers
    def resume(self, subject: Subject) -> bool:
        resumed = self._store.limits.resume(subject, self._clock.micros())
        self._work.tell("l")
        return resumed

    @steers
    def limit(self, subject: Subject, concurrency: int | None, rate: str | None) -> None:
        chosen = None if rate is None else Rate.parse(rate)
        most = at_most(concurrency, "concurrency")
        self._store.limits.set(subject, most, chosen, self._clock.micros())
        self._work.tell("l")


def subject(queue: str | None, task: str | None) -> Subject:
    """What a pause or a limit is about."""
    if queue is not None and task is not None:
        raise OptionError("queue and task exclude each other; give one of them, or neither for all")
    if queue is not None:
        return Scope.QUEUE, word(queue, "queue") or ""
    return EVERYTHING if task is None else (Scope.TASK, word(task, "task") or "")
