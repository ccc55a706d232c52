"""Submitting: from a call and its options to rows in the store, all of them or none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from offhours.config import Settings
from offhours.core.clock import Clock, Signal
from offhours.core.errors import BatchError, InputError, OptionError, QueueFull
from offhours.core.flows import FlowStep, Upstream
from offhours.core.model import NewJob
from offhours.core.ports import Store
from offhours.core.terms import Terms
from offhours.core.times import SECOND, Micros
from offhours.core.tracing import NO_TRACING, Carrier, carried, carry
from offhours.engine.context import find_context
from offhours.engine.registry import Task
from offhours.handles import SubmitOptions
from offhours.local_jobs import NO_ARGUMENTS
from offhours.options import new_job, terms_of
from offhours.workplace import Workplace

Call: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]

_ROOM_LOOK: Micros = SECOND // 20


class Submitter:
    """Stores jobs, and tells those who may run them. It answers with their numbers."""

    def __init__(self, work: Workplace) -> None:
        self._work = work
        self._store: Store = work.store
        self._clock: Clock = work.clock
        self._settings: Settings = work.settings

    def pattern(self, task: Task, options: SubmitOptions, now: Micros) -> NewJob:
        """The job as its options want it; one that is submitted in a run of ours is its child."""
        pattern = new_job(task, options, now, self._settings)
        context = find_context()
        if context is not None and context.home == self._store.identity:
            tenant = pattern.tenant if "tenant" in options else context.tenant
            metadata = context.payers(pattern.metadata, tenant)
            return pattern._replace(parent_id=context.job_id, metadata=metadata, tenant=tenant)
        return pattern

    def job(self, task: Task, call: Call, options: SubmitOptions) -> NewJob:
        """The job that `store` would store; nothing is stored."""
        arguments = task.codec.encode(*call, self._settings.max_payload)
        return self.pattern(task, options, self._clock.micros())._replace(args=arguments)

    def store(
        self,
        task: Task,
        calls: Sequence[Call],
        options: SubmitOptions,
        after: Sequence[Upstream] | None = None,
    ) -> list[int]:
        """Store one job a call, all in one transaction."""
        now = self._clock.micros()
        pattern = self.pattern(task, options, now)
        arguments = self._encoded(task, calls)
        self._work.check_open()
        if len(calls) > 1 and pattern.unique_key is not None:
            raise OptionError("unique: one key cannot be that of several jobs; submit them singly")
        if after is not None:
            return self._behind_others(arguments, options, now, pattern, after)
        if "on_conflict" in options or "idempotency_key" in options:
            terms = self._terms(options, len(arguments))
            store = functools.partial(self._on_terms, arguments, terms, now)
        else:
            store = functools.partial(self._plainly, arguments, options.get("connection"), now)
        tracing = self._work.tracing
        if tracing is NO_TRACING:
            return store(pattern)
        return tracing.submit(pattern, len(arguments), store)

    def several(self, jobs: Sequence[NewJob]) -> list[int]:
        """Store jobs of any tasks, all in one transaction."""
        self._work.check_open()
        now, bound = self._clock.micros(), self._settings.bound

        def store(first: NewJob) -> list[int]:
            carrier = carried(first.metadata)
            traced = [_traced(job, carrier) for job in jobs] if carrier else jobs
            return self._when_room(lambda at: self._store.submit(traced, at, bound), now)

        ids = self._work.tracing.submit(jobs[0], len(jobs), store)
        self._work.wake()
        return ids

    def _encoded(self, task: Task, calls: Sequence[Call]) -> list[str]:
        """The arguments of each call; of several, all that cannot be stored is told at once."""
        limit = self._settings.max_payload
        encode = task.codec.encode
        try:
            return [encode(args, kwargs, limit) for args, kwargs in calls]
        except InputError:
            if len(calls) == 1:
                raise
        faults: dict[str, str] = {}
        for place, (args, kwargs) in enumerate(calls):
            try:
                encode(args, kwargs, limit)
            except InputError as error:
                faults[str(place)] = str(error)
        raise BatchError(faults)

    def flow(self, name: str | None, steps: Sequence[FlowStep]) -> list[int]:
        """Store jobs of which some wait for others, all or none; with a name, they are a flow."""
        self._work.check_open()
        now = self._clock.micros()

        def store(first: NewJob) -> list[int]:
            carrier = carried(first.metadata)
            traced = [_carrying(step, carrier) for step in steps] if carrier else steps
            bound = self._settings.bound
            return self._when_room(
                lambda at: self._store.flows.submit(name, traced, at, bound), now
            )

        ids = self._work.tracing.submit(steps[0].job, len(steps), store)
        for step in steps:
            if not step.after:
                self._work.announce(step.job, now)
        return ids

    def _behind_others(
        self,
        arguments: Sequence[str],
        options: SubmitOptions,
        now: Micros,
        pattern: NewJob,
        after: Sequence[Upstream],
    ) -> list[int]:
        if options.get("connection") is not None:
            raise OptionError("after: a job in a transaction of your own waits for no other")
        if "unique" in options or "idempotency_key" in options:
            raise OptionError("after: a job with a key of its own waits for no other")
        ids = self.flow(
            None, [FlowStep(None, pattern._replace(args=text), after) for text in arguments]
        )
        self._work.announce(pattern, now)  # what it waits for may have ended
        return ids

    def _terms(self, options: SubmitOptions, jobs: int) -> Terms:
        if options.get("connection") is not None:
            raise OptionError("on_conflict, idempotency_key: not in a transaction of your own")
        terms = terms_of(options)
        if jobs > 1 and terms.once is not None:
            raise OptionError("idempotency_key: one key cannot be that of several jobs")
        return terms

    def _on_terms(
        self, arguments: Sequence[str], terms: Terms, now: Micros, pattern: NewJob
    ) -> list[int]:
        jobs = [pattern._replace(args=text) for text in arguments]
        bound = self._settings.bound
        ids = self._when_room(lambda at: self._store.submit(jobs, at, bound, terms), now)
        self._work.announce(pattern, now)
        return ids

    def _plainly(
        self, arguments: Sequence[str], connection: Any, now: Micros, pattern: NewJob
    ) -> list[int]:
        if connection is not None:
            jobs = [pattern._replace(args=text) for text in arguments]
            return self._store.submit_on(connection, jobs, now, self._settings.bound)
        if len(arguments) > 1 and pattern.unique_key is None and self._settings.bound is None:
            ids = self._store.submit_alike(pattern, arguments, now)
            self._work.announce(pattern, now)
            return ids
        return self._jobs([pattern._replace(args=text) for text in arguments], now)

    def _jobs(self, jobs: Sequence[NewJob], now: Micros) -> list[int]:
        bound = self._settings.bound
        worker = self._work.worker
        if worker is not None and len(jobs) == 1 and jobs[0].run_at <= now:
            job_id = worker.submit(jobs[0], now, bound)
            if job_id is not None:
                return [job_id]
        ids = self._when_room(lambda at: self._store.submit(jobs, at, bound), now)
        if jobs:
            self._work.announce(jobs[0], now)  # they differ in their arguments only
        return ids

    def _when_room(self, store: Callable[[Micros], list[int]], now: Micros) -> list[int]:
        """Store when the queue has room, waiting for it if the settings say so."""
        bound = self._settings.bound
        if bound is None or bound.policy != "block":
            return store(now)
        deadline = self._clock.monotonic() + self._settings.submit_timeout / SECOND
        while True:
            try:
                return store(self._clock.micros())
            except QueueFull:
                if self._clock.monotonic() >= deadline:
                    raise
                self._clock.wait(Signal(), self._clock.micros() + _ROOM_LOOK)

    def local(self, function: Callable[..., Any], call: Call, options: SubmitOptions) -> int:
        """A job for this process only: its function and arguments stay in memory."""
        if options.get("connection") is not None:
            raise OptionError("durable: a job of this process only is in no transaction")
        local = self._work.local
        task = local.make_task(function, *call)
        pattern = new_job(task, options, self._clock.micros(), self._settings)
        job = pattern._replace(args=NO_ARGUMENTS, owner=local.owner)
        self._work.registry.add(task)
        self._work.check_open()
        try:
            [job_id] = self._jobs([job], self._clock.micros())
        except BaseException:
            self._work.registry.remove(task.name)
            raise
        local.add(job_id, task.name)
        found = self._store.job(job_id)
        if found is None or found.state.final:
            self._work.finished([job_id])  # it was faster than we
        return job_id


def _carrying(step: FlowStep, carrier: Carrier) -> FlowStep:
    return step._replace(job=_traced(step.job, carrier))


def _traced(job: NewJob, carrier: Carrier) -> NewJob:
    return job._replace(metadata=carry(job.metadata, carrier))
