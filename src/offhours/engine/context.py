"""What a running task can say and ask: progress, checkpoints, who it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from offhours.core.clock import Clock, Signal
from offhours.core.errors import NotStarted, PayloadTooLarge, StoreError
from offhours.core.here import running
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Cancelled, TimeLimit, clean_text
from offhours.core.payload import from_plain, to_plain
from offhours.core.times import SECOND, Micros, to_datetime
from offhours.core.tracing import NO_SPAN, RunSpan, without

PROGRESS_EVERY = 0.25
PROGRESS_LIMIT = 64_000
_ASIDE_LOOK: Micros = SECOND // 20


class Foreground:
    """What this process knows of foreground leases, kept fresh by its worker's rounds."""

    def __init__(self) -> None:
        self.until: Micros = 0
        self.changed = threading.Condition()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def update(self, until: Micros) -> None:
        if until != self.until:
            with self.changed:
                self.until = until
                self.changed.notify_all()
                listeners = self._listeners
            for tell in listeners:
                tell()

    def listen(self, call: Callable[[], None]) -> None:
        """Have `call` called, in whichever thread learns it, when `until` has changed."""
        with self.changed:
            self._listeners = (*self._listeners, call)

    def unlisten(self, call: Callable[[], None]) -> None:
        with self.changed:
            self._listeners = tuple(other for other in self._listeners if other != call)

    def active(self, now: Micros) -> bool:
        return self.until > now


class Context:
    """The running job's view of itself; a parameter annotated `Context` receives it.

    Outside of a parameter, `offhours.context()` gives the same object.
    """

    worker: int | None = None  # the number of the worker process, inside of one
    span: RunSpan = NO_SPAN

    def __init__(
        self,
        job: Claimed,
        clock: Clock,
        *,
        step_aside: str = "cooperate",
        foreground: Foreground | None = None,
        save: Callable[[int, int, str], object] | None = None,
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
        self._saved_at: float | None = None
        self._unsaved: str | None = None
        self._aside = False
        self._signal: Signal | None = None
        self.on_cancel: Callable[[], object] | None = None
        self.on_aside: Callable[[bool], object] = lambda waits: None
        self._cancelled = job.cancel_at is not None
        self._deadline = None if job.timeout is None else clock.monotonic() + job.timeout / SECOND

    @property
    def fire_at(self) -> datetime | None:
        """The instant of its schedule for which this job was made (aware, UTC); else None."""
        fire_at = self._job.fire_at
        return None if fire_at is None else to_datetime(fire_at)

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
    def previous_partial(self) -> Any:
        """The partial result that an earlier attempt left, or None."""
        return from_plain(json.loads(self._job.progress or "{}").get("partial"))

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


def leave_context() -> None:
    """No task runs in this thread or coroutine any more."""
    _current.set(None)


def enter_context(context: Context) -> None:
    """Make `context` the current one of this thread or coroutine."""
    _current.set(context)
