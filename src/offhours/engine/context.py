"""What a running task can say and ask: progress, checkpoints, who it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from offhours.core.accounts import inherited
from offhours.core.budgets import Amounts, OnBreach
from offhours.core.carried import without
from offhours.core.clock import Clock, Signal
from offhours.core.errors import BudgetExceeded, NotStarted, PayloadTooLarge, StoreError
from offhours.core.here import running
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Cancelled, Defer, Suspended, TimeLimit, clean_text
from offhours.core.payload import from_plain, to_plain
from offhours.core.times import SECOND, Duration, Micros, to_datetime
from offhours.core.tracing import NO_SPAN, RunSpan
from offhours.engine.desk import Desk
from offhours.engine.durable import Decision, Durable
from offhours.engine.foreground import Foreground

if TYPE_CHECKING:
    from asyncio import Task

P = ParamSpec("P")
R = TypeVar("R")

PROGRESS_EVERY = 0.25
PROGRESS_LIMIT = 64_000
_ASIDE_LOOK: Micros = SECOND // 20


class Context:
    """The running job's view of itself; a parameter annotated `Context` receives it.

    Outside of a parameter, `offhours.context()` gives the same object.
    """

    worker: int | None = None  # the number of the worker process, inside of one
    span: RunSpan = NO_SPAN
    running_in: int | Task[Any] | None = None  # the thread or coroutine of this process, if any
    outer: Context | None = None  # of the task that drains, and by that runs this one

    def __init__(
        self,
        job: Claimed,
        clock: Clock,
        *,
        step_aside: str = "cooperate",
        foreground: Foreground | None = None,
        save: Callable[[int, int, str], object] | None = None,
        desk: Desk | None = None,
        home: str = "",
    ) -> None:
        self.job_id = job.id
        self.task = job.task
        self.attempt = job.attempt - job.returned
        self.name = job.name
        self._job = job
        self._clock = clock
        self._step_aside = step_aside
        self._foreground = foreground
        self._save = save
        self.home = home  # the store whose job it is
        self._desk = desk
        self._durable: Durable | None = None
        self._saved_at: float | None = None
        self._unsaved: str | None = None
        self._aside = False
        self._signal: Signal | None = None
        self.on_cancel: Callable[[], object] | None = None
        self.on_aside: Callable[[bool], object] = lambda waits: None
        self._cancelled = job.cancel_at is not None
        self._began = began = clock.monotonic()
        self._deadline = None if job.timeout is None else began + job.timeout / SECOND

    @property
    def fire_at(self) -> datetime | None:
        """The instant of its schedule for which this job was made (aware, UTC); else None."""
        fire_at = self._job.fire_at
        return None if fire_at is None else to_datetime(fire_at)

    @property
    def claim(self) -> int:
        """The number of this claim of the job: what a later one may not overwrite bears it."""
        return self._job.attempt

    @property
    def last_attempt(self) -> bool:
        """Whether no other one follows when this attempt fails."""
        return self._job.spent >= (self._job.max_attempts or 1)

    @property
    def schedule_id(self) -> int | None:
        """The number of the schedule that made this job; None when nobody did."""
        return self._job.schedule_id

    @property
    def metadata(self) -> dict[str, Any]:
        """What the submitter attached."""
        found: dict[str, Any] = from_plain(json.loads(self._job.metadata or "{}"))  # type: ignore[assignment]
        return without(found)

    @property
    def trace_id(self) -> str | None:
        """The trace of this attempt as 32 hexadecimal digits; None when nobody traces it."""
        return self.span.trace_id

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this job: hand it to what must not happen twice."""
        return f"offhours-{self.job_id}-{self._job.created_at}"

    @property
    def tenant(self) -> str | None:
        """Whose job it is; those that it submits are theirs, too, unless they say otherwise."""
        return self._job.tenant

    def payers(self, metadata: str | None, tenant: str | None) -> str | None:
        """Stored metadata of a job that this run submits: what it uses is counted here, too."""
        return inherited(self._job.metadata, self._job.tenant, metadata, tenant)

    # -- what is done once -------------------------------------------------------------------

    def step(self, name: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function once in the life of this job, and find its result ever after.

        The result is stored when the function has returned; a later attempt that comes here by the
        same name does not call it again. It must be storable as JSON, and comes back as it was
        stored. A coroutine function gives an awaitable. A name may be used once in a run.

        >>> from offhours.testing import memory_app
        >>> import offhours
        >>> app = memory_app()
        >>> @app.task(retries=1, backoff=0)
        ... def release(ctx: offhours.Context) -> str:
        ...     tag = ctx.step("tag", "v{}".format, ctx.attempt)
        ...     if ctx.attempt == 1:
        ...         raise OSError("the network")
        ...     return tag
        >>> release.submit().result()
        'v1'
        """
        return self._records.step(name, function, args, kwargs)  # type: ignore[no-any-return]

    def sleep(self, duration: Duration) -> None:
        """Go on after a time: the run ends, its slot is free, and the job starts again then.

        The time begins when this line is reached first, and no restart makes it longer. What must
        not be done again stands in steps. Sleeps are told apart by their order.
        """
        self._records.sleep(duration)

    def wait_for_signal(self, name: str, timeout: Duration | None = None) -> Any:
        """What `app.signal(job, name, payload)` brings; the job is held until then.

        Raises `SignalTimeout` when none comes in time. Signals that came before are there at once,
        each for one call.
        """
        return self._records.wait_for_signal(name, timeout)

    def approve(
        self,
        question: str,
        args: object = None,
        timeout: Duration | None = None,
        on_timeout: str = "deny",
    ) -> Decision:
        """Have a person decide; the job is held until then. True when it was approved.

        args: what is to be done with, frozen with the question: what was decided about others does
            not count
        timeout: after it the answer is no ("deny"), or `SignalTimeout` is raised ("fail")

        `app.approve` and `app.deny` decide, outside of any task.
        """
        return self._records.approve(question, args, timeout, on_timeout)

    def spend(
        self,
        *,
        tokens: int = 0,
        usd: float = 0,
        tool_calls: int = 0,
        usage: Mapping[str, Any] | None = None,
    ) -> None:
        """Count what was used on the budgets of this job, its parents, its agent and its tenant.

        usage: attributes such as `gen_ai.usage.input_tokens`, whose tokens are added

        Call it after each step that costs something. When a budget is used up, this ends the run:
        `BudgetExceeded` fails the job, or it is moved to when the budget refills, or it is held
        until a person decides, as the budget says. Let it pass.
        """
        for name in ("input_tokens", "output_tokens"):
            tokens += int((usage or {}).get(f"gen_ai.usage.{name}") or 0)
        given = {"tokens": tokens, "usd": usd, "tool_calls": tool_calls}
        found = self.desk.spend(Amounts.of(given))
        if found is None:
            return
        if found.on_breach == OnBreach.STOP:
            raise BudgetExceeded(found.reason)
        ask = found.on_breach == OnBreach.ASK or found.until is None
        raise Defer(0 if ask else to_datetime(found.until or 0), found.reason)

    def results(self) -> dict[str | int, Any]:
        """What the jobs returned that this one waited for: by step of their flow, or by number.

        One that returned nothing that could be stored, or failed, has None.
        """
        return self._records.results()

    @property
    def waits(self) -> Suspended | None:
        """What the run has to wait for, whether or not the task let it pass."""
        return None if self._durable is None else self._durable.waits

    @property
    def desk(self) -> Desk:
        """Where the records of this run are."""
        if self._desk is None:
            raise NotStarted(
                "steps, signals and approvals need the store beside them, which a Celery worker "
                'has not; run this task with executor="thread" or "process"'
            )
        return self._desk

    @property
    def _records(self) -> Durable:
        if self._durable is None:
            self._durable = Durable(self.desk, self._clock, self.job_id, self._wait)
        return self._durable

    def _wait(self, until: Micros) -> None:
        while self._clock.micros() < until:
            self.stop_if_asked()
            self._clock.wait(Signal(), min(until, self._clock.micros() + _ASIDE_LOOK))

    @property
    def previous_partial(self) -> Any:
        """The partial result that an earlier attempt left, or None."""
        return from_plain(json.loads(self._job.progress or "{}").get("partial"))

    @property
    def age(self) -> float:
        """Seconds since this attempt began."""
        return self._clock.monotonic() - self._began

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this job to stop."""
        return self._cancelled

    @property
    def overdue(self) -> bool:
        """Whether the attempt has used up its timeout."""
        late = self.overdue_by(self._clock.monotonic())
        return late is not None and late >= 0

    def overdue_by(self, moment: float) -> float | None:
        """Seconds past the timeout at a moment of the monotonic clock; None without one."""
        return None if self._deadline is None or self._aside else moment - self._deadline

    def progress(
        self, fraction: float | None = None, message: str = "", *, partial: object = None
    ) -> None:
        """Tell how far the job is (0 to 1), in words, and with a partial result.

        Stored at most four times a second, the last one always.
        """
        if fraction is not None and not 0 <= fraction <= 1:
            raise ValueError(f"progress is a share between 0 and 1, got {fraction}")
        told: dict[str, object] = {"fraction": fraction, "message": clean_text(message)}
        if partial is not None:
            told["partial"] = to_plain(partial, "partial")
        text = json.dumps(told)
        if len(text) > PROGRESS_LIMIT:
            raise PayloadTooLarge(
                f"partial: {len(text):,} characters as JSON, at most {PROGRESS_LIMIT:,} are stored"
            )
        self._unsaved = text
        now = self._clock.monotonic()
        if self._saved_at is None or now - self._saved_at >= PROGRESS_EVERY:
            self._saved_at = now
            self.flush()

    def checkpoint(self) -> None:
        """Step aside here if the person in front is active; stop here if the job should.

        Raises `Cancelled` when the job was cancelled, `TimeLimit` past its timeout.
        """
        self.stop_if_asked()
        if self._job.priority < BACKGROUND_CLASS or self._step_aside != "cooperate":
            return
        if self._foreground is None or not self._foreground.active(self._clock.micros()):
            return
        self._step_back(self._foreground)
        self.stop_if_asked()

    def _step_back(self, foreground: Foreground) -> None:
        """Wait until the foreground is quiet. Time spent aside is not the job's own."""
        started = self._clock.monotonic()
        self._aside = True
        cancel = self._signal = Signal()
        try:
            self.on_aside(True)
            while foreground.active(self._clock.micros()) and not self._cancelled:
                self._clock.wait(cancel, self._clock.micros() + _ASIDE_LOOK)
            self.on_aside(False)
        finally:
            if self._deadline is not None:
                self._deadline += self._clock.monotonic() - started
            self._aside = False

    def stop_if_asked(self) -> None:
        """What `checkpoint` does without stepping aside."""
        if self._cancelled:
            raise Cancelled(f"job {self.job_id} was cancelled")
        if self.overdue:
            raise TimeLimit(f"job {self.job_id} has used up its timeout")

    def request_cancel(self) -> None:
        """Make the next checkpoint raise."""
        self._cancelled = True
        if self._signal is not None:
            self._signal.set()  # it stands aside: let it see at once
        if self.on_cancel is not None:
            with suppress(RuntimeError):  # its loop is closed: it has ended
                self.on_cancel()

    def expire(self) -> None:
        """The timeout is used up, by the clock of who keeps it: make the next checkpoint raise."""
        self._deadline = self._clock.monotonic()
        if self.on_cancel is not None:
            with suppress(RuntimeError):
                self.on_cancel()

    @property
    def unsaved(self) -> bool:
        """Whether there is progress that was told and not stored yet."""
        return self._unsaved is not None

    def keep(self, told: str) -> None:
        """Progress as `progress` would store it, told elsewhere."""
        self._unsaved = told
        self.flush()

    def flush(self) -> None:
        """Store the progress told last; when the store cannot just now, it is kept for later."""
        told = self._unsaved
        if told is not None and self._save is not None:
            with suppress(StoreError):
                self._save(self._job.id, self._job.attempt, told)
                self._unsaved = None


_current: ContextVar[Context | None] = running


def current_context() -> Context:
    """The context of the task that runs here; `NotStarted` outside of one."""
    found = _current.get()
    if found is None:
        raise NotStarted("no task is running here: context() is for the inside of a task")
    return found


def find_context() -> Context | None:
    """The same, or None."""
    return _current.get()


def leave_context(context: Context) -> None:
    """Its task runs in this thread or coroutine no more; that around it, if any, goes on."""
    _current.set(context.outer)


def enter_context(context: Context, outer: Context | None = None) -> None:
    """Make `context` the current one of this thread or coroutine; `outer` when it is left."""
    context.outer = outer
    _current.set(context)
