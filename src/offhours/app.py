"""Offhours: wires the store, the engine and the executors, and is what users talk to."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, cast, overload
from uuid import uuid4
from weakref import WeakSet

from offhours import __version__
from offhours.config import DEFAULT_DB, Options, Settings
from offhours.core import states
from offhours.core.addresses import is_server
from offhours.core.clock import Clock, Signal, SystemClock
from offhours.core.errors import (
    ConfigError,
    IllegalMove,
    JobCancelled,
    JobFailed,
    JobNotFound,
    NotStarted,
    OptionError,
    QueueFull,
    ResultNotStored,
    ResultTimeout,
    TaskError,
)
from offhours.core.events import Event
from offhours.core.limits import EVERYTHING, Limit, Rate, Scope, Subject
from offhours.core.model import ForegroundLease, Job, JobState, NewJob, WorkerInfo
from offhours.core.ports import Executor, Store, WakeUps
from offhours.core.states import Move
from offhours.core.times import (
    SECOND,
    Duration,
    Micros,
    Moment,
    parse_duration,
    parse_until,
)
from offhours.core.tracing import NO_TRACING, Tracing
from offhours.core.why import Why, why
from offhours.engine import registry
from offhours.engine.codec import Codec, load
from offhours.engine.context import Foreground, find_context
from offhours.engine.foreground import ForegroundLeases
from offhours.engine.lifeline import owner_name
from offhours.engine.loop import Loop
from offhours.engine.registry import Registry, Task, is_durable, task_name
from offhours.engine.wakeup import LocalWakeUps
from offhours.engine.worker import Worker, WorkerSettings
from offhours.executors.inline import InlineExecutor
from offhours.executors.threads import ThreadExecutor
from offhours.handles import JobHandle, SubmitOptions, TaskHandle
from offhours.options import TaskOptions, at_most, make_task, new_job, text, word
from offhours.schedules import ScheduleBook, ScheduleHandle, ScheduleOptions, When
from offhours.store.opening import open_store
from offhours.waiting import Waiters

if TYPE_CHECKING:
    from offhours.monitor import Monitor
    from offhours.notify.notifications import Notifications
    from offhours.notify.route import HasRoutes, Route
    from offhours.recorder.chain import InterceptorChain
    from offhours.telemetry.metrics import Metrics
    from offhours.telemetry.server import MetricsServer
    from offhours.telling import Telling

P = ParamSpec("P")
R = TypeVar("R")

LOCAL_RESULTS = 10_000
_ROOM_LOOK: Micros = SECOND // 20


class Offhours:
    """Background work on one store.

    >>> app = Offhours(":memory:", executor="inline")
    >>> @app.task(retries=3, timeout="30s")
    ... def add(a: int, b: int) -> int:
    ...     return a + b
    >>> add.submit(1, 2).result()
    3

    With `with app:` it works in the background until the block ends, then drains; without it, it
    only submits, and other processes work. `options` are those of `Options`.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] = DEFAULT_DB,
        *,
        clock: Clock | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.settings = Settings.of(options)
        self.clock: Clock = clock or SystemClock()
        self.store: Store = open_store(
            os.fspath(store),
            durability=self.settings.durability,
            journal=self.settings.journal,
            lock_timeout=self.settings.lock_timeout,
        )
        self.registry = Registry(self._on_new_task, self.settings.labels or ())
        self._foreground_view = Foreground()
        self._leases = ForegroundLeases(
            self.store, self.clock, self._foreground_view, self.settings.foreground_ttl
        )
        self._worker: Worker | None = None
        self._tracing: Tracing = NO_TRACING
        self._opened: set[str] = set()  # places of the worker that are made when they are needed
        self._inline = InlineExecutor() if self.settings.executor == "inline" else None
        self._wake_ups = self._make_wake_ups()
        self._monitor: Monitor | None = None
        self._monitor_loop: Loop | None = None
        self._monitoring: Mapping[str, Any] = {}  # what was configured
        self._stopper: threading.Thread | None = None  # drains for a task that called stop()
        self._notifications: Notifications | None = None
        self._telling: Telling | None = None
        self._waiters = Waiters(self.store, self.clock)
        self._local: dict[int, str] = {}
        self._local_results: dict[int, object] = {}
        self._owner = owner_name(uuid4().hex)
        self._lock = threading.RLock()
        self._closed = False
        _apps.add(self)

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        store: str | os.PathLike[str] | None = None,
        env_file: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """An app as configuration files and the environment say; what is given here wins.

        path: the file; else the one that OFFHOURS_CONFIG names, else `offhours.toml` or `.yaml`
            and `[tool.offhours]` of `pyproject.toml` in this folder
        env_file: a file of variables, below those of the environment

        What cannot be used raises `ConfigError`, which names every fault in all of them;
        `offhours config show --sources` says where each value comes from.
        """
        from offhours.sources.configuration import read

        found = read(path, env_file=env_file)
        found.set_log_level()
        database = found["db"] if store is None else store
        chosen: Options = {**found.options, **options}
        app = cls(database, clock=clock, **chosen)
        if monitoring := found.section("monitoring"):
            app.set_monitoring(monitoring)
        return app

    # -- tasks ------------------------------------------------------------------------------

    @overload
    def task(self, function: Callable[P, R], /) -> TaskHandle[P, R]: ...
    @overload
    def task(
        self, function: None = None, /, **options: Unpack[TaskOptions]
    ) -> Callable[[Callable[P, R]], TaskHandle[P, R]]: ...
    def task(
        self, function: Callable[P, R] | None = None, /, **options: Unpack[TaskOptions]
    ) -> TaskHandle[P, R] | Callable[[Callable[P, R]], TaskHandle[P, R]]:
        """Make a function a task: `@app.task` or `@app.task(retries=3, ...)`."""

        def register(function: Callable[P, R]) -> TaskHandle[P, R]:
            # A function inside another is welcome here: its maker registers it after a restart.
            if "name" not in options and "<lambda>" in getattr(function, "__qualname__", ""):
                raise TaskError("a lambda has no name to be found by; give the task a name")
            task = make_task(function, options, self.settings.executor)
            self._register(task)
            return TaskHandle(self, task, function, {})

        return register if function is None else register(function)

    def intercept(self, chain: InterceptorChain) -> None:
        """Put a chain of interceptors around the runs of all tasks, also of those to come.

        A job is then a call of a tool of its task's name. What `before` raises ends the run as if
        the task had raised it: `Defer` moves the job, any other error fails it or has it retried.
        Another chain takes the place of the one before. Tasks that run in other processes are
        refused with a `TaskError`: they cannot be reached from here.

        >>> from offhours.recorder import InterceptorChain, PerfCatcherInterceptor
        >>> app, recorder = Offhours(":memory:", executor="inline"), PerfCatcherInterceptor()
        >>> app.intercept(InterceptorChain([recorder]))
        >>> @app.task(name="add")
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> add.submit(1, 2).result(), recorder.get_tool_stats("add")["count"]
        (3, 1)
        """
        self.registry.intercept(chain.wrap)

    def _register(self, task: Task) -> None:
        if self._worker is not None and not task.limit.empty:  # before the first one can start
            self.store.limits.declare([task.limit], self.clock.micros())
        self.registry.add(task)
        if task.executor != "thread":
            with self._lock:
                if self._worker is not None and self._inline is None:
                    for place in self._places_for([task]):
                        self._worker.open_place(*place)

    # -- submitting -------------------------------------------------------------------------

    def submit(
        self,
        function: Callable[..., R] | TaskHandle[..., R] | str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobHandle[R]:
        """Store a job that calls `function`: a task, its name, or any function of a module.

        When it returns, the job survives any crash. What cannot be stored is refused.
        """
        call = (tuple(args), dict(kwargs or {}))
        if options.get("durable") is False:
            return self._submit_local(self._callable(function), call, options)
        [job] = self.submit_calls(self._task_of(function), [call], options)
        return job

    def submit_by_name(
        self,
        task: str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobHandle[Any]:
        """Store a job for a task that this process need not know; a worker that does runs it.

        The arguments are not checked against the function, and retries and timeout are those of the
        task where it runs, unless `retries` is given (then `timeout` is as given here, too).
        """
        known = self.task_named(task)
        [job] = self.submit_calls(known, [(tuple(args), dict(kwargs or {}))], options)
        return job

    def submit_calls(
        self,
        task: Task,
        calls: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]],
        options: SubmitOptions,
    ) -> list[JobHandle[Any]]:
        """Store one job a call, all in one transaction."""
        connection = options.get("connection")
        if options.get("durable") is False:
            return [self._submit_local(task.function, call, options) for call in calls]
        now = self.clock.micros()
        pattern = new_job(task, options, now, self.settings)
        limit = self.settings.max_payload
        encode = task.codec.encode
        arguments = [encode(args, kwargs, limit) for args, kwargs in calls]
        if len(calls) > 1 and pattern.unique_key is not None:
            raise OptionError("unique: one key cannot be that of several jobs; submit them singly")
        if self._tracing is NO_TRACING:  # the partial alone would be a hundredth of a submit
            ids = self._store_calls(arguments, connection, now, pattern)
        else:
            store = functools.partial(self._store_calls, arguments, connection, now)
            ids = self._tracing.submit(pattern, len(arguments), store)
        return [JobHandle(self, job_id) for job_id in ids]

    def _store_calls(
        self, arguments: Sequence[str], connection: Any, now: Micros, pattern: NewJob
    ) -> list[int]:
        if connection is not None:
            self._check_open()
            jobs = [pattern._replace(args=text) for text in arguments]
            return self.store.submit_on(connection, jobs, now, self.settings.bound)
        if len(arguments) > 1 and pattern.unique_key is None and self.settings.bound is None:
            self._check_open()
            ids = self.store.submit_alike(pattern, arguments, now)
            self._announce(pattern, now)
            return ids
        return self._store_jobs([pattern._replace(args=text) for text in arguments], now)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A transaction in which rows of your own and jobs are stored together, or none of them.

        It yields a connection: `execute` your statements on it, and hand it to `submit` as
        `connection=`. An exception rolls everything back. Keep it short: on SQLite nobody else
        writes meanwhile.

        >>> import offhours
        >>> app = offhours.Offhours(":memory:", executor="inline")
        >>> @app.task
        ... def mail(to: str) -> None: ...
        >>> with app.transaction() as tx:
        ...     _ = tx.execute("create table guests (name text)")
        ...     _ = tx.execute("insert into guests values (?)", ("Ann",))
        ...     job = mail.options(connection=tx).submit("Ann")
        >>> job.status
        <JobState.PENDING: 'pending'>
        """
        self._check_open()
        with self.store.transaction() as connection:
            yield connection
        self.wake_workers()

    def check_options(self, task: Task, options: SubmitOptions) -> None:
        """Refuse options that `submit` would refuse."""
        new_job(task, options, self.clock.micros(), self.settings)

    def _store_jobs(self, jobs: Sequence[NewJob], now: Micros) -> list[int]:
        self._check_open()
        bound = self.settings.bound
        worker = self._worker
        if worker is not None and len(jobs) == 1 and jobs[0].run_at <= now:
            job_id = worker.submit(jobs[0], now, bound)
            if job_id is not None:
                return [job_id]
        if bound is not None and bound.policy == "block":
            ids = self._store_when_room(jobs)
        else:
            ids = self.store.submit(jobs, now, bound)
        if jobs:
            self._announce(jobs[0], now)  # they differ in their arguments only
        return ids

    def _store_when_room(self, jobs: Sequence[NewJob]) -> list[int]:
        deadline = self.clock.monotonic() + self.settings.submit_timeout / SECOND
        while True:
            try:
                return self.store.submit(jobs, self.clock.micros(), self.settings.bound)
            except QueueFull:
                if self.clock.monotonic() >= deadline:
                    raise
                self.clock.wait(Signal(), self.clock.micros() + _ROOM_LOOK)

    def _submit_local(
        self,
        function: Callable[..., Any],
        call: tuple[tuple[Any, ...], Mapping[str, Any]],
        options: SubmitOptions,
    ) -> JobHandle[Any]:
        """A job for this process only: its function and arguments stay in memory."""
        if options.get("connection") is not None:
            raise OptionError("durable: a job of this process only is in no transaction")
        args, kwargs = call
        bound = functools.partial(function, *args, **kwargs)
        label = getattr(function, "__qualname__", type(function).__qualname__)
        name = f"local:{uuid4().hex[:12]}:{label}"
        task = Task(name, bound, Codec(bound, name), local=True)
        pattern = new_job(task, options, self.clock.micros(), self.settings)
        job = pattern._replace(args="[[],{}]", owner=self._owner)
        self.registry.add(task)
        try:
            [job_id] = self._store_jobs([job], self.clock.micros())
        except BaseException:
            self.registry.remove(name)
            raise
        with self._lock:
            self._local[job_id] = name
        if self.record(job_id).state.final:
            self._notify([job_id])  # it was faster than we
        return JobHandle(self, job_id)

    def _task_of(self, function: Callable[..., Any] | TaskHandle[..., Any] | str) -> Task:
        if isinstance(function, TaskHandle):
            if function.app is not self:
                raise TaskError(f"{function!r} belongs to another app; submit it there")
            return function.task
        if isinstance(function, str):
            return self.registry.get(function)
        if not is_durable(function):
            raise TaskError(
                f"{function!r} is a lambda, closure or object: after a restart nobody could find "
                "it. Make it a function of a module, or pass durable=False to run it in this "
                "process only: it is then lost if the process ends"
            )
        name = task_name(function)
        task = self.registry.find(name)
        if task is None or task.function is not function:
            task = make_task(function, {}, self.settings.executor)
            self._register(task)
        return task

    def _callable(self, function: Any) -> Callable[..., Any]:
        if isinstance(function, TaskHandle):
            return function.function
        if isinstance(function, str):
            return self.registry.get(function).function
        if not callable(function):
            raise TaskError(f"expected a function, got {function!r}")
        return cast(Callable[..., Any], function)

    # -- scheduling -------------------------------------------------------------------------

    def schedule(
        self,
        function: Callable[..., Any] | TaskHandle[..., Any] | str,
        when: When,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[ScheduleOptions],
    ) -> ScheduleHandle:
        """Have a task run again and again: `when` is English, a cron expression, a timedelta, a
        datetime (once), or a trigger or `Plan` of `offhours.core.triggers`.

        Said again at the next start, it changes nothing; said otherwise, it changes the schedule
        of that name. What is ambiguous is refused with choices; nothing is stored then.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> task = app.task(name="report")(lambda: None)
        >>> print(app.schedule(task, "every weekday at 9am").explain().sentence)
        every weekday at 09:00
        """
        self._check_open()
        return self.schedules.add(self._task_of(function), when, args, kwargs, options)

    @functools.cached_property
    def schedules(self) -> ScheduleBook:
        """The schedules in the store: `get`, `list`, `preview`."""
        return ScheduleBook(self)

    def task_named(self, name: str) -> Task:
        """A task by its name; of one that this process does not know, only the name is known."""
        known = self.registry.find(name)
        if known is not None:
            return known
        name = word(name, "task") or ""
        return Task(name, _anything, Codec(_anything, name), retries=None, timeout=None)

    # -- asking -----------------------------------------------------------------------------

    def job(self, job_id: int) -> JobHandle[Any]:
        """A handle for a job by its number; `JobNotFound` when there is none."""
        self.record(job_id)
        return JobHandle(self, job_id)

    def record(self, job_id: int) -> Job:
        """The stored row of a job."""
        found = self.store.job(job_id) if 0 < job_id < 2**63 else None
        if found is None:
            raise JobNotFound(f"no job {job_id} in {self.store.name}")
        return found

    def jobs(
        self,
        *,
        state: JobState | str | None = None,
        task: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Job]:
        """A page of jobs, newest first; `after` is the last id of the page before."""
        wanted = None if state is None else JobState(state)
        return self.store.jobs(state=wanted, task=task, after=after, limit=limit)

    def counts(self) -> dict[str, int]:
        """How many jobs are ready, later, held, running, succeeded, failed, cancelled."""
        return self.store.counts()

    def workers(self) -> list[WorkerInfo]:
        """The processes that work on this store."""
        return self.store.workers()

    def events(self, after: int = 0) -> Iterator[Event]:
        """All events after a cursor, in commit order, up to now. Keep the last `seq`."""
        while page := self.store.events(after):
            yield from page
            after = page[-1].seq

    def history(self, job_id: int) -> list[Event]:
        """What happened to one job, from its submission on."""
        job = self.record(job_id)
        submitted = Event(0, job.created_at, "job.submitted", job.id, 0, None)
        return [submitted, *self.store.history(job_id)]

    def why(self, job_id: int) -> Why:
        """Why a job stands where it stands, in a sentence."""
        job = self.record(job_id)
        now = self.clock.micros()
        here = self.registry.served_names() if self.running else ()
        found = why(job, self.store.situation(job, now), self.settings.background, now, here)
        task = self.registry.find(job.task)
        if found.code == "no_handler" and task is not None and task.requires:
            labels = ", ".join(sorted(task.requires))
            return replace(found, sentence=f"{found.sentence} (it requires: {labels})")
        return found

    def wait_for(self, job_id: int, timeout: Duration | None = None) -> Job:
        """Wait until a job is finished; `ResultTimeout` when that takes longer."""
        if self._inline is not None and not self.record(job_id).state.final:
            self.drain()
        limit = None if timeout is None else parse_duration(timeout, "timeout") / SECOND
        found = self._waiters.wait(job_id, 0 if self._inline is not None else limit)
        if found is not None:
            return found
        self.record(job_id)  # pruned meanwhile?
        if self._inline is not None:
            raise ResultTimeout(f"job {job_id} cannot finish now: {self.why(job_id)}", job_id)
        raise ResultTimeout(f"job {job_id} was not finished in time: {self.why(job_id)}", job_id)

    async def result_async(self, job_id: int) -> Any:
        """The result of a job; waiting for it blocks neither the event loop nor a thread."""
        if self._inline is None:
            await self._waiters.wait_async(job_id)
        return self.result_of(job_id)

    def result_of(self, job_id: int, timeout: Duration | None = None) -> Any:
        """The result of a job, waiting for it."""
        job = self.wait_for(job_id, timeout)
        match job.state:
            case JobState.CANCELLED:
                because = f": {job.reason}" if job.reason else ""
                raise JobCancelled(f"job {job_id} was cancelled{because}", job_id)
            case JobState.FAILED:
                error = job.error or ""
                last = error.strip().splitlines()[-1:] or ["no message"]
                raise JobFailed(
                    f"job {job_id} ({job.task}) failed: {last[0]}", job_id, job.code or "", error
                )
        with self._lock:
            if job_id in self._local_results:
                return self._local_results[job_id]
        if job.result is None:
            raise ResultNotStored(f"job {job_id} succeeded, but {job.reason}", job_id)
        return load(job.result)

    # -- telemetry --------------------------------------------------------------------------

    def metrics(self) -> str:
        """What happened on this store and how it stands, in Prometheus' text format.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> _ = app.submit(len, args=("four",))
        >>> _ = app.drain()
        >>> [line for line in app.metrics().splitlines() if "succeeded_total{" in line]
        ['offhours_jobs_succeeded_total{queue="default",task="builtins:len"} 1.0']
        """
        self._check_open()
        return self._metrics.text()

    def serve_metrics(self, port: int = 0, host: str = "127.0.0.1") -> MetricsServer:
        """Answer `GET /metrics` on this machine until the returned server is closed.

        port: 0 takes a free one, `server.port` tells which; `OSError` when it is taken
        host: the address to listen on, "" for all; whoever reaches it reads the names of tasks

        >>> from urllib.request import urlopen
        >>> from offhours.testing import memory_app
        >>> with memory_app().serve_metrics() as server:
        ...     urlopen(server.url).status
        200
        """
        from offhours.telemetry.metrics import CONTENT_TYPE
        from offhours.telemetry.server import MetricsServer

        self._check_open()
        metrics = self._metrics
        return MetricsServer(
            metrics.text, CONTENT_TYPE, follow=metrics.follow, port=port, host=host
        )

    def trace(self, provider: Any = None) -> None:
        """From now on make OpenTelemetry spans: one where jobs are stored, one for each attempt.

        The span of an attempt is linked to that of its submit, in whichever process, however much
        later. Without a configured provider nothing is made and nothing travels with the jobs.

        provider: a tracer provider; None for the global one

        Raises `ConfigError` when OpenTelemetry is not installed.

        >>> from offhours.testing import memory_app
        >>> memory_app().trace()
        """
        try:
            from offhours.telemetry.tracing import OtelTracing
        except ImportError as error:
            raise ConfigError(["traces: pip install offhours[otel]"]) from error
        with self._lock:
            self._tracing = OtelTracing(provider, __version__)
            if self._worker is not None:
                self._worker.runner.tracing = self._tracing

    @functools.cached_property
    def _metrics(self) -> Metrics:
        from offhours.telemetry.metrics import Metrics

        return Metrics(self.store, self.clock)

    # -- steering ---------------------------------------------------------------------------

    def cancel(self, job_id: int, reason: str = "") -> bool:
        """Cancel a job: at once (true) when nobody runs it, else ask it to stop (false).

        A running thread stops at its next `ctx.checkpoint()`, a coroutine at its next await, and a
        process at the latest when it is killed after `kill_grace`. The wish outlives crashes.
        `IllegalMove` when the job is finished.
        """
        while True:
            job = self.record(job_id)
            now = self.clock.micros()
            if job.state is not JobState.RUNNING:
                if not self.store.apply([states.cancel(job, reason)], now):
                    self._notify([job_id])
                    return True
            elif job.cancel_at is not None or self.store.ask_cancel(
                job_id, job.attempt, now, reason
            ):
                self._tell_workers("c")
                return False

    def defer(self, job_id: int, until: Moment | Duration, reason: str = "") -> None:
        """Move a pending job to later (or sooner)."""
        job = self.record(job_id)
        now = self.clock.micros()
        moment = parse_until(until, now, self.settings.timezone)
        if self.store.apply([states.reschedule(job, moment, reason)], now):
            raise IllegalMove(f"job {job_id} was started meanwhile and cannot be deferred")
        self.wake_workers()

    def retry(self, job_id: int) -> JobHandle[Any]:
        """Submit a finished job anew, as a new job that names the old one."""
        job = self.record(job_id)
        if not job.state.final:
            raise IllegalMove(f"job {job_id} is {job.state}; only a finished job can be retried")
        if job.owner is not None:
            raise IllegalMove(f"job {job_id} was durable=False; its function is gone")
        now = self.clock.micros()
        fields = {name: getattr(job, name) for name in NewJob._fields}
        new = NewJob(**fields)._replace(run_at=now, retry_of=job_id, expires_at=None)
        return JobHandle(self, self._store_jobs([new], now)[0])

    @contextmanager
    def foreground(self, workflow: str = "foreground") -> Iterator[None]:
        """While the block runs, background work does not start and running work steps aside.

        A lease in the store, renewed while the block runs; if this process dies, it ends by
        itself after `foreground_ttl`.
        """
        lease = self.enter_foreground(workflow)
        try:
            yield
        finally:
            self.leave_foreground(lease)

    def enter_foreground(self, workflow: str) -> int:
        """Begin what `foreground` does; give the number to `leave_foreground`."""
        self._check_open()
        lease = self._leases.enter(text(workflow, "workflow") or "foreground")
        self._tell_workers("f")
        return lease

    def leave_foreground(self, lease: int) -> None:
        """End a foreground lease."""
        self._leases.leave(lease)
        self._tell_workers("f")

    def foreground_leases(self) -> list[ForegroundLease]:
        """The foreground leases that live now, of all processes."""
        return self.store.foreground(self.clock.micros())

    # -- working ----------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to run jobs in this process."""
        with self._lock:
            self._check_open()
            if registry.importing:
                raise NotStarted(
                    "this script is being imported by a process that runs its tasks, and may not "
                    'start a worker: put that under if __name__ == "__main__":'
                )
            if self._worker is None:
                address = "" if self._inline else self._wake_ups.hear(self._on_wake)
                worker = self._make_worker(address)
                try:
                    worker.start(threads=self._inline is None)
                except BaseException:
                    worker.stop(0)
                    raise
                self._worker = worker
                self._start_telling()
                self._start_monitor()
        return self

    def stop(self, timeout: Duration | None = None) -> bool:
        """Drain: finish what runs for up to `stop_timeout`, and hand the rest back.

        True when every running job had ended. No attempt is spent on what is handed back. The app
        can still be asked, submitted to, and started again. A task may call it, too: it does not
        wait for its own end, but returns False at once.
        """
        seconds = (
            self.settings.stop_timeout if timeout is None else parse_duration(timeout, "timeout")
        ) / SECOND
        with self._lock:
            worker, self._worker = self._worker, None
            loop, self._monitor_loop = self._monitor_loop, None
            stopper = self._stopper
            if worker is not None and worker.runs_caller():
                # Not a daemon: a program that ends now waits for the drain.
                self._stopper = threading.Thread(
                    target=self._drain, args=(worker, seconds, loop), name="offhours-stop"
                )
                self._stopper.start()
                return False
        if worker is None and stopper is not None and find_context() is None:
            stopper.join()
        return self._drain(worker, 0 if self._inline is not None else seconds, loop)

    def _drain(self, worker: Worker | None, seconds: float, monitor: Loop | None) -> bool:
        clean = worker is None or worker.stop(seconds)
        self._stop_telling()
        if monitor is not None:
            monitor.stop()
        self._leases.close()
        self._wake_ups.unhear()
        return clean

    def close(self) -> None:
        """Stop without waiting, and let go of the store. Jobs stay where they are."""
        if self._closed:
            return
        self.stop(0)
        self._orphan_local()
        self._closed = True
        self._wake_ups.close()
        self.store.close()

    def _orphan_local(self) -> None:
        """Jobs of this process only end with it: say so."""
        with self._lock:
            mine = list(self._local)
        found = [self.store.job(job_id) for job_id in mine]
        moves = [
            states.orphan(job)
            for job in found
            if job is not None and job.state in (JobState.PENDING, JobState.HELD)
        ]
        if moves:
            self.store.apply(moves, self.clock.micros())
        self._notify(mine)

    # -- notifications ----------------------------------------------------------------------

    def notify(self, *routes: Route | HasRoutes) -> Notifications:
        """Tell people what happens, from now on: failures and alerts, or what a route says.

        Each process that works on the store and says this sends; what one has sent, no other does.
        A `NotificationConfig` is welcome, too. Two routes of one name raise `ConfigError`.

        >>> from offhours.notify import Log, Route, Rule
        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> notifications = app.notify(Route(Log(), Rule(on=["job.failed", "alert.*"])))
        >>> list(notifications.routes)
        ['log']
        """
        from offhours.notify.notifications import Notifications
        from offhours.notify.route import all_routes

        with self._lock:
            self._check_open()
            if self._notifications is None:
                self._notifications = Notifications(self.store, self.clock)
            self._notifications.add(all_routes(routes))
            if self._worker is not None:
                self._stop_telling()
                self._start_telling()
            return self._notifications

    def _start_telling(self) -> None:
        if self._notifications is not None and self._inline is None:
            from offhours.telling import Telling

            self._telling = Telling(self._notifications, self.store, self.clock)

    def _stop_telling(self) -> None:
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.stop()

    # -- monitoring -------------------------------------------------------------------------

    @property
    def monitor(self) -> Monitor:
        """Figures and alerts, made when they are first asked for; from then on this process looks
        after them while it works.

        >>> from offhours.testing import memory_app
        >>> memory_app().monitor.summary("1h")["total_tasks"]
        0
        """
        with self._lock:
            if self._monitor is None:
                from offhours.monitor import Monitor, MonitorSettings

                settings = MonitorSettings.of(self._monitoring)
                self._monitor = Monitor(self.store, self.clock, settings, self.settings.background)
            self._start_monitor()
            return self._monitor

    def set_monitoring(self, chosen: Mapping[str, Any]) -> None:
        """Settings of the monitor, by the names that they have in the section `monitoring`; with
        any of them, and unless `enabled` is false, it is there whenever this process works.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> app.set_monitoring({"error_rate_threshold": 0.2})
        >>> app.monitor.settings.error_rate_threshold
        0.2
        """
        from offhours.monitor import MonitorSettings

        settings = MonitorSettings.of(chosen)
        with self._lock:
            self._monitoring = dict(chosen)
            if self._monitor is not None:
                self._monitor.configure(settings)
            self._start_monitor()

    @property
    def monitoring_enabled(self) -> bool:
        """Whether the configuration lets this process watch without being asked to."""
        return bool(self._monitoring.get("enabled", True))

    def _start_monitor(self) -> None:
        """Have the monitor look by itself, when we work and somebody wants it."""
        working = self._worker is not None and self._inline is None
        wanted = bool(self._monitoring) and self.monitoring_enabled
        if working and wanted and self._monitor is None:
            self.monitor  # noqa: B018  (it comes back here)
            return
        if self._monitor is not None and working and self._monitor_loop is None:
            self._monitor_loop = Loop("monitor", self._monitor.tick, self.clock)
            self._monitor_loop.start()

    # -- limits -----------------------------------------------------------------------------

    def pause(self, *, queue: str | None = None, task: str | None = None, reason: str = "") -> bool:
        """Let no job of a queue or of a task start, or (without either) no job at all, anywhere.

        What runs goes on. It holds for all processes until `resume`; false when it held already.
        """
        now = self.clock.micros()
        paused = self.store.limits.pause(
            _subject(queue, task), text(reason or None, "reason") or "", now
        )
        self._tell_workers("l")
        return paused

    def resume(self, *, queue: str | None = None, task: str | None = None) -> bool:
        """End a pause; false when there was none."""
        resumed = self.store.limits.resume(_subject(queue, task), self.clock.micros())
        self._tell_workers("l")
        return resumed

    def limit(
        self,
        *,
        queue: str | None = None,
        task: str | None = None,
        concurrency: int | None = None,
        rate: str | None = None,
    ) -> None:
        """Limit a queue, a task or (without either) all work, at all workers together.

        concurrency: how many jobs run at once
        rate: how many start in a time, evenly spread, such as "10/s" or "100 per minute"

        Neither lifts the limit. For a task it holds until its code declares another one.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> app.limit(queue="mail", rate="10/s", concurrency=3)
        >>> app.limits()[0].rate
        Rate(starts=10, per=1000000)
        """
        chosen = None if rate is None else Rate.parse(rate)
        most = at_most(concurrency, "concurrency")
        self.store.limits.set(_subject(queue, task), most, chosen, self.clock.micros())
        self._tell_workers("l")

    def limits(self) -> list[Limit]:
        """All limits and pauses that hold now."""
        return self.store.limits.all()

    def limit_background(self, most: int | None) -> None:
        """From now on this process starts a background job only while fewer than `most` run, in
        all processes together; None for no limit. A process keeps to its own limit."""
        checked = Settings.of({"background_limit": most})
        with self._lock:
            self.settings = replace(self.settings, background_limit=checked.background_limit)
            if self._worker is not None:
                self._worker.set_limits(self.settings.background)

    @property
    def running(self) -> bool:
        """Whether this process works on jobs."""
        return self._worker is not None

    def drain(self) -> int:
        """With `executor="inline"`: run all that is due, in this thread; the number of runs."""
        if self._inline is None:
            raise NotStarted('drain() needs executor="inline"; with threads, wait for the jobs')
        self.start()
        worker = self._worker
        assert worker is not None
        runs, quiet = 0, 0
        outer = worker.running  # a task that waits for its child drains, too
        # What looks odd is looked at twice before it is judged.
        while quiet < 2 and self._worker is worker:
            again = worker.step(self.clock.micros(), outer + 1)
            before = runs
            while self._inline.run_next():
                runs += 1
            quiet = 0 if again or runs > before or worker.busy(outer) else quiet + 1
        if self._worker is not worker:
            self.stop()  # one of its tasks has asked for that: wait for the end of it
        return runs

    def run(self) -> int:
        """Work until SIGTERM or Ctrl-C, then drain; the exit code. A second Ctrl-C stops at once.

        SIGTERM: claim no more, finish what runs, hand the rest back, 0. Ctrl-C: the same.
        Twice: what runs is handed back without waiting, 130. 1 when the database was deleted or
        replaced while it was open.
        """
        # A signal may come in the midst of waiting for it: an Event's lock would be held then.
        strikes: SimpleQueue[int] = SimpleQueue()

        def strike(number: int, frame: FrameType | None) -> None:
            strikes.put(number)

        def asked() -> bool:
            with suppress(Empty):  # in steps: on Windows nothing interrupts a wait
                strikes.get(timeout=0.5)
                return True
            return False

        old = {s: signal.signal(s, strike) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            worker = self.start()._worker
            while not asked():
                if worker is None or self._worker is not worker:
                    break  # one of its tasks has stopped it
                if worker.store_gone:
                    self.stop(0)
                    return 1
            stopper = threading.Thread(target=self.stop, daemon=True)
            stopper.start()
            while stopper.is_alive():
                stopper.join(0.05)
                if worker is not None and not strikes.empty():
                    worker.hurry()
            return 0 if strikes.empty() else 130
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def __enter__(self) -> Self:
        """Start; a SIGTERM that nobody else handles leaves the block, so that it drains."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _leave)
        try:
            return self.start()
        except BaseException:
            self.stop()  # SIGTERM came while we started: no block, no __exit__
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is _leave:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _make_worker(self, address: str) -> Worker:
        settings = self.settings
        places: list[tuple[Executor, Callable[[Task], bool]]]
        if self._inline is not None:
            places = [(self._inline, lambda task: True)]
        else:
            # asyncio is most of what importing us costs, and only those who work need it.
            from offhours.executors.coroutines import AsyncExecutor

            places = [
                (
                    ThreadExecutor(settings.threads),
                    lambda task: task.executor == "thread" and not task.is_async,
                ),
                (
                    AsyncExecutor(settings.coroutines),
                    lambda task: task.executor == "thread" and task.is_async,
                ),
            ]
            self._opened.clear()
            places += self._places_for(self.registry.tasks())
        return Worker(
            self.store,
            self.registry,
            self.clock,
            places,
            WorkerSettings(
                lease=settings.lease,
                poll=settings.poll,
                limits=settings.background,
                queues=settings.queues,
                max_payload=settings.max_payload,
                retention=settings.retention,
                retention_jobs=settings.retention_jobs,
                timezone=settings.timezone,
                version=__version__,
                release=settings.release,
            ),
            foreground=self._foreground_view,
            address=address,
            wake_ups=self._wake_ups,
            on_applied=self._on_applied,
            keep_local=self._keep_local,
            tracing=self._tracing,
        )

    def _places_for(self, tasks: Iterable[Task]) -> list[tuple[Executor, Callable[[Task], bool]]]:
        """Where tasks run that want a process: nobody pays for it before there is one."""
        places: list[tuple[Executor, Callable[[Task], bool]]] = []
        makers = {"process": self._process_executor, "celery": self._celery_executor}
        for kind in {task.executor for task in tasks} - {"thread"} - self._opened:
            places.append((makers[kind](), functools.partial(_runs_on, kind)))
            self._opened.add(kind)
        return places

    def _process_executor(self) -> Executor:
        if os.name != "posix":
            raise OptionError('executor: "process" needs a POSIX system')
        from offhours.executors.processes import ProcessExecutor, ProcessLimits

        settings = self.settings
        limits = ProcessLimits(
            grace=settings.kill_grace / SECOND,
            max_runs=settings.max_tasks_per_child,
            max_memory=settings.max_child_memory,
        )
        return ProcessExecutor(settings.processes, "offhours.engine.child", limits)

    def _celery_executor(self) -> Executor:
        try:
            from offhours.executors.celery import CeleryExecutor
        except ImportError as missing:
            raise OptionError(
                f'executor: "celery" needs {missing.name}: pip install "offhours[celery]"'
            ) from missing
        settings = self.settings
        return CeleryExecutor(
            settings.celery_jobs,
            settings.broker,
            settings.broker_prefix,
            lease=settings.lease / SECOND,
            carry_arguments=not is_server(self.store.location),
        )

    def _after_fork(self) -> None:
        """In a forked child there are no threads: the worker and the leases are the parent's."""
        self._lock = threading.RLock()
        self._wake_ups = self._make_wake_ups()  # a lock of the old ones may be held there
        self._waiters = Waiters(self.store, self.clock)
        self._worker = self._stopper = self._telling = None
        self._monitor = self._monitor_loop = None
        self._leases = ForegroundLeases(
            self.store, self.clock, self._foreground_view, self.settings.foreground_ttl
        )

    # -- between processes ------------------------------------------------------------------

    def _make_wake_ups(self) -> WakeUps:
        return self.store.wake_ups() or LocalWakeUps(
            _pipe_path(self.store.location),
            lambda: [worker.address for worker in self.store.workers()],
        )

    def _announce(self, job: NewJob, now: Micros) -> None:
        """A job was stored: wake our own worker if it is free, else one of another process."""
        worker = self._worker
        if worker is None or not worker.hungry or self.registry.find(job.task) is None:
            self._wake_ups.put()
        if worker is not None:
            worker.wake(job if job.run_at <= now else None)

    def wake_workers(self) -> None:
        """Something in the store wants to be looked at: by us, or by one worker elsewhere."""
        if self._worker is not None:
            self._worker.wake()
        self._wake_ups.put()

    def _tell_workers(self, kind: str) -> None:
        """Something concerns all workers: "f"oreground, "l"imits or a "c"ancellation."""
        self._on_wake(kind)
        self._wake_ups.tell(kind)

    def _on_wake(self, kind: str) -> None:
        worker = self._worker
        if worker is not None:
            if kind == "c":
                worker.wake_lifeline()
            worker.wake()

    def _on_applied(self, moves: Sequence[Move]) -> None:
        if self._waiters or self._local:
            self._notify([move.job_id for move in moves if move.to.final])
        if self.settings.background_limit is not None:
            self._wake_ups.put()

    def _notify(self, job_ids: Sequence[int]) -> None:
        self._waiters.tell(job_ids)
        with self._lock:
            for job_id in job_ids:
                name = self._local.pop(job_id, None)
                if name is not None:
                    self.registry.remove(name)

    def _on_new_task(self) -> None:
        worker = self._worker
        if worker is not None:
            worker.wake_lifeline()
            worker.wake()

    def _keep_local(self, job_id: int, result: object) -> None:
        with self._lock:
            self._local_results[job_id] = result
            while len(self._local_results) > LOCAL_RESULTS:
                self._local_results.pop(next(iter(self._local_results)))

    def _check_open(self) -> None:
        if self._closed:
            raise NotStarted(f"this app on {self.store.name} was closed; make a new one")


_apps: WeakSet[Offhours] = WeakSet()


def _after_fork() -> None:
    for app in list(_apps):
        app._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _leave(number: int, frame: FrameType | None) -> None:
    """SIGTERM asks for an orderly end: 0 once everything is drained."""
    raise SystemExit(0)


def _pipe_path(store: str) -> str | None:
    return None if store == ":memory:" else f"{store}-wake"


def _subject(queue: str | None, task: str | None) -> Subject:
    if queue is not None and task is not None:
        raise OptionError("queue and task exclude each other; give one of them, or neither for all")
    if queue is not None:
        return Scope.QUEUE, word(queue, "queue") or ""
    return EVERYTHING if task is None else (Scope.TASK, word(task, "task") or "")


def _anything(*args: Any, **kwargs: Any) -> None:
    """Stands for a task of which only the name is known."""


def _runs_on(kind: str, task: Task) -> bool:
    return task.executor == kind
