"""Submitting: from a call and its options to rows in the store, all of them or none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from offhours.config import Settings
from offhours.core.clock import Clock, Signal
from offhours.core.errors import OptionError, QueueFull
from offhours.core.flows import FlowStep, Upstream
from offhours.core.model import NewJob
from offhours.core.ports import Store
from offhours.core.times import SECOND, Micros
from offhours.core.tracing import NO_TRACING
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
            metadata = context.payers(pattern.metadata, pattern.tenant)
            return pattern._replace(parent_id=context.job_id, metadata=metadata)
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
        limit = self._settings.max_payload
        encode = task.codec.encode
        arguments = [encode(args, kwargs, limit) for args, kwargs in calls]
        if len(calls) > 1 and pattern.unique_key is not None:
            raise OptionError("unique: one key cannot be that of several jobs; submit them singly")
        if after is not None:
            return self._after(arguments, options, now, pattern, after)
        if "on_conflict" in options or "idempotency_key" in options:
            return self._on_terms(arguments, options, now, pattern)
        connection = options.get("connection")
        tracing = self._work.tracing
        if tracing is NO_TRACING:  # the partial alone would be a hundredth of a submit
            return self._plainly(arguments, connection, now, pattern)
        store = functools.partial(self._plainly, arguments, connection, now)
        return tracing.submit(pattern, len(arguments), store)

    def _after(
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
        steps = [FlowStep(None, pattern._replace(args=text), after) for text in arguments]
        self._work.check_open()
        ids = self._store.flows.submit(None, steps, now)
        self._work.announce(pattern, now)
        return ids

    def _on_terms(
        self, arguments: Sequence[str], options: SubmitOptions, now: Micros, pattern: NewJob
    ) -> list[int]:
        if options.get("connection") is not None:
            raise OptionError("on_conflict, idempotency_key: not in a transaction of your own")
        terms = terms_of(options)
        if len(arguments) > 1 and terms.once is not None:
            raise OptionError("idempotency_key: one key cannot be that of several jobs")
        self._work.check_open()
        jobs = [pattern._replace(args=text) for text in arguments]
        ids = self._store.submit(jobs, now, self._settings.bound, terms)
        self._work.announce(pattern, now)
        return ids

    def _plainly(
        self, arguments: Sequence[str], connection: Any, now: Micros, pattern: NewJob
    ) -> list[int]:
        if connection is not None:
            self._work.check_open()
            jobs = [pattern._replace(args=text) for text in arguments]
            return self._store.submit_on(connection, jobs, now, self._settings.bound)
        if len(arguments) > 1 and pattern.unique_key is None and self._settings.bound is None:
            self._work.check_open()
            ids = self._store.submit_alike(pattern, arguments, now)
            self._work.announce(pattern, now)
            return ids
        return self._jobs([pattern._replace(args=text) for text in arguments], now)

    def _jobs(self, jobs: Sequence[NewJob], now: Micros) -> list[int]:
        self._work.check_open()
        bound = self._settings.bound
        worker = self._work.worker
        if worker is not None and len(jobs) == 1 and jobs[0].run_at <= now:
            job_id = worker.submit(jobs[0], now, bound)
            if job_id is not None:
                return [job_id]
        if bound is not None and bound.policy == "block":
            ids = self._when_room(jobs)
        else:
            ids = self._store.submit(jobs, now, bound)
        if jobs:
            self._work.announce(jobs[0], now)  # they differ in their arguments only
        return ids

    def _when_room(self, jobs: Sequence[NewJob]) -> list[int]:
        deadline = self._clock.monotonic() + self._settings.submit_timeout / SECOND
        while True:
            try:
                return self._store.submit(jobs, self._clock.micros(), self._settings.bound)
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
