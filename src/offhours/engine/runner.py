"""Runs one attempt of a job and says how it ended. No exception of a task gets past here."""

from __future__ import annotations

import inspect
import random
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import tzinfo
from threading import get_ident
from typing import Any

from offhours.core import points
from offhours.core.clock import Clock
from offhours.core.errors import BudgetExceeded, InputError, OffhoursError
from offhours.core.gates import Gate
from offhours.core.model import Claimed
from offhours.core.outcomes import (
    Cancelled,
    Defer,
    Deferred,
    Done,
    Failed,
    HandedBack,
    Outcome,
    Retry,
    Stopped,
    Suspend,
    TimeLimit,
    clean_text,
)
from offhours.core.ports import Errand
from offhours.core.retries import rate_limit_reset, retry_after
from offhours.core.times import SECOND, Micros, parse_until
from offhours.core.tracing import NO_TRACING, RUN_KEY, Tracing, carry
from offhours.engine.codec import dump
from offhours.engine.context import Context, enter_context, find_context, leave_context
from offhours.engine.desk import Desk
from offhours.engine.foreground import Foreground
from offhours.engine.gatekeeper import Gatekeeper
from offhours.engine.registry import Registry, Task

ERROR_LIMIT = 64_000
_PLAIN = "null"


class TaskRunner:
    """Implements `core.ports.Runner` for the tasks of a registry."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        *,
        foreground: Foreground,
        save_progress: Callable[[int, int, str], object],
        max_payload: int,
        timezone: tzinfo | None = None,
        keep_local: Callable[[int, object], None] | None = None,
        on_open: Callable[[Context], None] = lambda context: None,
        tracing: Tracing = NO_TRACING,
        home: str = "",
        desk: Callable[[Claimed], Desk | None] = lambda job: None,
        gatekeeper: Gatekeeper | None = None,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._foreground = foreground
        self._save_progress = save_progress
        self._max_payload = max_payload
        self._timezone = timezone
        self._keep_local = keep_local
        self._on_open = on_open
        self.tracing = tracing
        self._home = home
        self._desk = desk
        self._gatekeeper = gatekeeper
        self.running: dict[int, Context] = {}

    def run(self, job: Claimed) -> Outcome:
        """Run a synchronous task, or an asynchronous one on a loop of its own."""
        task = self._registry.find(job.task)
        if task is None:
            return HandedBack("no handler")
        if task.is_async:
            import asyncio

            return asyncio.run(self.run_async(job))
        if (gates := self._gates(task, job)) and (shut := self._held(gates, job)) is not None:
            return shut
        context, call = self._open(job, task), task.call or task.function
        context.running_in = get_ident()
        try:
            args, kwargs = self._arguments(task, job, context)
            outcome = self._done(task, job, call(*args, **kwargs))
        except BaseException as error:
            outcome = self._outcome_of(error, task)
        return self._close(context, outcome)

    async def run_async(self, job: Claimed) -> Outcome:
        """Run an asynchronous task; its timeout and a cancel really interrupt it."""
        import asyncio

        task = self._registry.find(job.task)
        if task is None:
            return HandedBack("no handler")
        if gates := self._gates(task, job):
            shut = await asyncio.to_thread(self._held, gates, job)
            if shut is not None:
                return shut
        context, call = self._open(job, task), task.call or task.function
        try:
            args, kwargs = self._arguments(task, job, context)
            limit = None if job.timeout is None else job.timeout / SECOND
            loop, run = asyncio.get_running_loop(), asyncio.current_task()
            assert run is not None
            context.running_in = run
            context.on_cancel = lambda: loop.call_soon_threadsafe(run.cancel)
            async with asyncio.timeout(limit) as deadline:
                outcome = self._done(task, job, await call(*args, **kwargs))
        except asyncio.CancelledError:
            if context.cancelled:
                outcome = Stopped()
            elif context.overdue:
                outcome = self._outcome_of(_overdue(job), task)
            else:
                outcome = HandedBack("the worker stopped")
        except BaseException as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                error = _overdue(job)
            outcome = self._outcome_of(error, task)
        return self._close(context, outcome)

    def lend(self, job: Claimed, on_change: Callable[[], None]) -> Errand | Outcome:
        """Let another process run it. Its time is kept there: nobody here finds it overdue."""
        from offhours.engine.errand import LentRun

        task = self._registry.find(job.task)
        if task is None:
            return HandedBack("no handler")
        if (gates := self._gates(task, job)) and (shut := self._held(gates, job)) is not None:
            return shut
        context = self._open(job._replace(timeout=None), task, here=False)
        if context.span.carrier:
            metadata = carry(job.metadata, context.span.carrier, RUN_KEY)
            job = job._replace(metadata=metadata)
        try:
            return LentRun(
                context, task, job, self._clock, self._foreground,
                max_payload=self._max_payload, timezone=self._timezone,
                on_change=on_change, on_close=self._shut,
            )  # fmt: skip
        except Exception as error:
            return self._close(context, self._outcome_of(error, task))

    def _gates(self, task: Task, job: Claimed) -> Sequence[Gate]:
        return () if self._gatekeeper is None else self._gatekeeper.gates(task, job)

    def _held(self, gates: Sequence[Gate], job: Claimed) -> Outcome | None:
        return None if self._gatekeeper is None else self._gatekeeper.held(gates, job)

    def _open(self, job: Claimed, task: Task, here: bool = True) -> Context:
        context = Context(
            job,
            self._clock,
            step_aside=task.step_aside,
            foreground=self._foreground,
            save=self._save_progress,
            desk=self._desk(job),
            home=self._home,
        )
        self.running[job.id] = context
        enter_context(context, find_context() if here else None)
        self._on_open(context)
        context.span = self.tracing.begin(job, here)
        return context

    def _close(self, context: Context, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Done) and context.waits is not None:
            outcome = context.waits  # the task has caught what was to end the run
        if isinstance(outcome, Failed):
            outcome = replace(outcome, took=round(context.age * SECOND))
        self._shut(context, outcome)
        return outcome

    def _shut(self, context: Context, outcome: Outcome | None) -> None:
        try:
            if context.unsaved:
                with suppress(OffhoursError):  # the outcome matters more than the last progress
                    context.flush()
        finally:
            if self.running.get(context.job_id) is context:
                del self.running[context.job_id]
            if self._gatekeeper is not None:
                self._gatekeeper.left(context.job_id)
            if find_context() is context:
                leave_context(context)
            context.span.end(outcome)

    def _arguments(
        self, task: Task, job: Claimed, context: Context
    ) -> tuple[list[Any], dict[str, Any]]:
        try:
            args, kwargs = task.codec.decode(job.args)
        except Exception as error:
            raise InputError(f"the stored arguments no longer fit the task: {error}") from error
        if task.codec.context_name is not None:
            task.codec.with_context(args, kwargs, context)
        return args, kwargs

    def _done(self, task: Task, job: Claimed, result: object) -> Outcome:
        points.reach("after effect")
        if result is None:
            return Done(_PLAIN)
        if inspect.isawaitable(result) or inspect.isgenerator(result):
            if inspect.iscoroutine(result):
                result.close()
            kind = type(result).__name__
            return Failed(
                "not_run", f"TaskError: {task.name} returned a {kind} that nobody runs; "
                "make it an `async def` function, or return plain values", retry=False,
            )  # fmt: skip
        if task.local and self._keep_local is not None:
            self._keep_local(job.id, result)
        try:
            return Done(dump(result, "result", self._max_payload))
        except InputError as error:
            if self._keep_local is not None:
                self._keep_local(job.id, result)
            return Done(None, clean_text(f"the result was not stored: {error}"))

    def _outcome_of(self, error: BaseException, task: Task) -> Outcome:
        """Whatever the exception does when it is looked at, the run has an outcome."""
        try:
            return self._ended_by(error, task)
        except BaseException:
            return Failed("error", describe(error), retry=False)

    def _ended_by(self, error: BaseException, task: Task) -> Outcome:
        now = self._clock.micros()
        match error:
            case Defer():
                try:
                    return Deferred(parse_until(error.until, now, self._timezone), error.reason)
                except InputError as problem:
                    return Failed("bad_defer", describe(problem), retry=False)
            case Suspend():
                return error.outcome
            case BaseExceptionGroup() if (end := _end_in(error)) is not None:  # of a task group
                return self._ended_by(end, task)
            case Cancelled():
                return Stopped()
            case TimeLimit():
                return Failed("timeout", describe(error))
            case Retry():
                return Failed("retry", describe(error), after=error.after)
            case BudgetExceeded():
                return Failed("budget", describe(error), retry=False)
            case Exception() if (reset := self._reset(error, task, now)) is not None:
                return Deferred(reset, f"rate limit: {type(error).__qualname__}")
            case Exception():
                code = "memory" if isinstance(error, MemoryError) else "error"
                return Failed(
                    code, describe(error), task.policy.allows(error), retry_after(error, now)
                )
            case _:  # SystemExit, KeyboardInterrupt, GeneratorExit: the task's, not the worker's
                return Failed("error", describe(error), retry=False)

    def _reset(self, error: Exception, task: Task, now: Micros) -> Micros | None:
        """When a provider takes calls again, if that is what it said, and the task goes on then."""
        wait = rate_limit_reset(error, now) if task.policy.allows(error) else None
        return None if wait is None else now + max(wait, SECOND)


def _end_in(group: BaseExceptionGroup[Any]) -> BaseException | None:
    """What ends the run, among what went wrong in several coroutines at once."""
    while (found := group.subgroup((Suspend, Cancelled))) is not None:
        first = found.exceptions[0]
        if not isinstance(first, BaseExceptionGroup):
            return first
        group = first
    return None


def _overdue(job: Claimed) -> TimeLimit:
    return TimeLimit(f"job {job.id} has used up its timeout")


def describe(error: BaseException) -> str:
    """A traceback as text of bounded size, whatever the exception does when looked at."""
    try:
        text = "".join(traceback.TracebackException.from_exception(error, limit=-50).format())
    except BaseException as second:  # a __str__ that raises, a lying __cause__
        text = f"{type(error).__qualname__} (its own description failed: {type(second).__name__})"
    text = text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode().strip()
    if len(text) > ERROR_LIMIT:
        text = f"{text[:1000]}\n... {len(text):,} characters ...\n{text[-(ERROR_LIMIT - 2000) :]}"
    return text


def chance() -> float:
    """A share in [0, 1) for the jitter of retries."""
    return random.random()
