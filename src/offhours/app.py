"""Offhours: wires the store, the engine and the executors, and is what users talk to."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, cast, overload
from weakref import WeakSet

from offhours import __version__
from offhours.agents.gates import Purse
from offhours.beside import Beside
from offhours.config import DEFAULT_DB, Options, Settings
from offhours.core import states
from offhours.core.addresses import is_server
from offhours.core.budgets import Budget
from offhours.core.clock import Clock, Signal, SystemClock
from offhours.core.errors import (
    ApprovalNotFound,
    ConfigError,
    FlowNotFound,
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
from offhours.core.events import Audited, Event
from offhours.core.flows import Approval, ApprovalState, FlowStep, IfFailed, Upstream, agents_of
from offhours.core.limits import EVERYTHING, Limit, Rate, Scope, Subject
from offhours.core.model import ForegroundLease, Job, JobState, NewJob, WorkerInfo
from offhours.core.ports import Store, WakeUps
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
from offhours.engine.codec import Codec, dump, load
from offhours.engine.context import Foreground, find_context
from offhours.engine.foreground import ForegroundLeases
from offhours.engine.registry import Registry, Task, is_durable, task_name
from offhours.engine.wakeup import LocalWakeUps
from offhours.engine.worker import Worker, WorkerSettings
from offhours.handles import After, JobHandle, SubmitOptions, TaskHandle, upstream
from offhours.local_jobs import NO_ARGUMENTS, LocalJobs
from offhours.options import (
    TaskOptions,
    at_most,
    make_budget,
    make_task,
    new_job,
    terms_of,
    text,
    word,
)
from offhours.places import Places
from offhours.schedules import ScheduleBook, ScheduleHandle, ScheduleOptions, When
from offhours.signals import Strikes, leave_on_sigterm, run_to_the_end, stay_on_sigterm
from offhours.steering import CODE, acting_as, steers
from offhours.store.opening import open_store
from offhours.waiting import Waiters

if TYPE_CHECKING:
    from offhours.agents import Agent, AgentRoom
    from offhours.flows import Flow, FlowHandle
    from offhours.graph import Graph
    from offhours.learning import Trainer
    from offhours.monitor import Monitor
    from offhours.notify.channels import Channel
    from offhours.notify.notifications import Notifications
    from offhours.notify.route import HasRoutes, Route
    from offhours.recorder.chain import InterceptorChain
    from offhours.search import Search
    from offhours.telemetry.metrics import Metrics
    from offhours.telemetry.server import MetricsServer
    from offhours.training import Artefacts, GoldenSet, ModelRegistry, SafetyControls

P = ParamSpec("P")
R = TypeVar("R")

_ROOM_LOOK: Micros = SECOND // 20
_NONE_KEPT = object()
_ALL = 1_000_000


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
        self._places = Places(self.settings, self.store.location)
        self._wake_ups = self._make_wake_ups()
        self._beside = Beside(self.store, self.clock, self.settings.background)
        self._stopper: threading.Thread | None = None  # drains for a task that called stop()
        self._waiters = Waiters(self.store, self.clock)
        self._purse = Purse(self.store, self.clock)
        self._local = LocalJobs(self.registry)
        self._lock = threading.RLock()
        self.attached: dict[str, Any] = {}  # faces that stand on it, as the API asks for them
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
        from offhours.notify.configured import Configured
        from offhours.sources.configuration import read

        found = read(path, env_file=env_file)
        found.set_log_level()
        database = found["db"] if store is None else store
        chosen: Options = {**found.options, **options}
        app = cls(database, clock=clock, **chosen)
        if monitoring := found.section("monitoring"):
            app.set_monitoring(monitoring)
        if notify := found.section("notify"):
            app.notify(Configured(notify, found.settings["timezone"].value))
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
                if self._worker is not None and self._places.inline is None:
                    for place in self._places.more([task]):
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
        pattern = self._pattern(task, options, now)
        limit = self.settings.max_payload
        encode = task.codec.encode
        arguments = [encode(args, kwargs, limit) for args, kwargs in calls]
        if len(calls) > 1 and pattern.unique_key is not None:
            raise OptionError("unique: one key cannot be that of several jobs; submit them singly")
        if "after" in options:
            ids = self._store_after(arguments, options, now, pattern)
        elif "on_conflict" in options or "idempotency_key" in options:
            ids = self._store_on_terms(arguments, options, now, pattern)
        elif self._tracing is NO_TRACING:  # the partial alone would be a hundredth of a submit
            ids = self._store_calls(arguments, connection, now, pattern)
        else:
            store = functools.partial(self._store_calls, arguments, connection, now)
            ids = self._tracing.submit(pattern, len(arguments), store)
        return [JobHandle(self, job_id) for job_id in ids]

    def _pattern(self, task: Task, options: SubmitOptions, now: Micros) -> NewJob:
        """The job as its options want it; one that is submitted in a run of ours is its child."""
        pattern = new_job(task, options, now, self.settings)
        context = find_context()
        if context is not None and context.home == self.store.identity:
            metadata = context.payers(pattern.metadata, pattern.tenant)
            return pattern._replace(parent_id=context.job_id, metadata=metadata)
        return pattern

    def new_job(
        self,
        function: Callable[..., Any] | TaskHandle[..., Any] | str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: SubmitOptions,
    ) -> NewJob:
        """The job that `submit` would store; nothing is stored."""
        task = self._task_of(function)
        arguments = task.codec.encode(args, kwargs, self.settings.max_payload)
        return self._pattern(task, options, self.clock.micros())._replace(args=arguments)

    def _store_after(
        self, arguments: Sequence[str], options: SubmitOptions, now: Micros, pattern: NewJob
    ) -> list[int]:
        if options.get("connection") is not None:
            raise OptionError("after: a job in a transaction of your own waits for no other")
        if "unique" in options or "idempotency_key" in options:
            raise OptionError("after: a job with a key of its own waits for no other")
        after = [Upstream(*self._upstream(given)) for given in options["after"]]
        steps = [FlowStep(None, pattern._replace(args=text), after) for text in arguments]
        self._check_open()
        ids = self.store.flows.submit(None, steps, now)
        self._announce(pattern, now)
        return ids

    def _store_on_terms(
        self, arguments: Sequence[str], options: SubmitOptions, now: Micros, pattern: NewJob
    ) -> list[int]:
        if options.get("connection") is not None:
            raise OptionError("on_conflict, idempotency_key: not in a transaction of your own")
        terms = terms_of(options)
        if len(arguments) > 1 and terms.once is not None:
            raise OptionError("idempotency_key: one key cannot be that of several jobs")
        self._check_open()
        jobs = [pattern._replace(args=text) for text in arguments]
        ids = self.store.submit(jobs, now, self.settings.bound, terms)
        self._announce(pattern, now)
        return ids

    def _upstream(self, given: JobHandle[Any] | After | int | str) -> tuple[int, IfFailed]:
        job, if_failed = upstream(given)
        if isinstance(job, str):
            raise OptionError(f"after: {job!r} is no job; a step has a name in a flow only")
        return self.record(job).id, if_failed

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
        terms_of(options)

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
        task = self._local.make_task(function, *call)
        pattern = new_job(task, options, self.clock.micros(), self.settings)
        job = pattern._replace(args=NO_ARGUMENTS, owner=self._local.owner)
        self.registry.add(task)
        try:
            [job_id] = self._store_jobs([job], self.clock.micros())
        except BaseException:
            self.registry.remove(task.name)
            raise
        self._local.add(job_id, task.name)
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

    def submit_flow(self, flow: Flow) -> FlowHandle:
        """Store the jobs of a flow, all or none; each waits for those that it comes after.

        >>> from offhours import Flow
        >>> from offhours.testing import memory_app
        >>> app, flow = memory_app(), Flow("report")
        >>> read = flow.step("read", len, args=("four",))
        >>> shown = flow.step("show", str, args=("done",), after=[read])
        >>> run = app.submit_flow(flow)
        >>> app.drain(), run.status
        (2, 'succeeded')
        """
        from offhours.flows import FlowHandle

        now = self.clock.micros()
        steps = flow.in_order(self)
        self._check_open()
        ids = self.store.flows.submit(flow.name, steps, now)
        for step in steps:
            if not step.after:
                self._announce(step.job, now)
        found = self.store.flows.flow_of(ids[0])
        assert found is not None
        return FlowHandle(self, found[0])

    def flow(self, flow_id: int) -> FlowHandle:
        """A flow by its number; `FlowNotFound` when there is none."""
        from offhours.flows import FlowHandle

        if not 0 < flow_id < 2**63:
            raise FlowNotFound(f"no flow {flow_id} in {self.store.name}")
        handle = FlowHandle(self, flow_id)
        handle.record  # noqa: B018  (it is there, or this says that it is not)
        return handle

    def flows(self, before: int | None = None, limit: int = 50) -> list[FlowHandle]:
        """A page of flows, newest first; `before` is the last number of the page before."""
        from offhours.flows import FlowHandle

        return [FlowHandle(self, flow.id) for flow in self.store.flows.flows(before, limit)]

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

    def job_of_key(self, idempotency_key: str) -> JobHandle[Any]:
        """The job that an idempotency key has made; `JobNotFound` when there is none (any more)."""
        found = self.store.job_of_key(idempotency_key)
        if found is None:
            raise JobNotFound(f"no job of that idempotency key in {self.store.name}")
        return self.job(found)

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

    def audit(
        self, before: int | None = None, actor: str | None = None, limit: int = 50
    ) -> list[Audited]:
        """What was done by hand, newest first: who, what, how it was and how it became.

        before: the smallest `id` of the page before

        Nothing is ever deleted from it. `with app.acting_as("ann"):` says who does something;
        else it is the code, or the job that does it.
        """
        return self.store.audit(before, actor, limit)

    def acting_as(self, name: str) -> AbstractContextManager[None]:
        """What this thread or coroutine changes while the block runs is done by `name`.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> with app.acting_as("ann"):
        ...     _ = app.pause(queue="mail", reason="the server moves")
        >>> app.audit()[0].actor, app.audit()[0].action
        ('ann', 'limit.paused')
        """
        return acting_as(text(name, "name") or CODE)

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
        if self._places.inline is not None and not self.record(job_id).state.final:
            self.drain()
        limit = None if timeout is None else parse_duration(timeout, "timeout") / SECOND
        found = self._waiters.wait(job_id, 0 if self._places.inline is not None else limit)
        if found is not None:
            return found
        self.record(job_id)  # pruned meanwhile?
        if self._places.inline is not None:
            raise ResultTimeout(f"job {job_id} cannot finish now: {self.why(job_id)}", job_id)
        raise ResultTimeout(f"job {job_id} was not finished in time: {self.why(job_id)}", job_id)

    async def result_async(self, job_id: int) -> Any:
        """The result of a job; waiting for it blocks neither the event loop nor a thread."""
        if self._places.inline is None:
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
        kept = self._local.result(job_id, _NONE_KEPT)
        if kept is not _NONE_KEPT:
            return kept
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

    # -- learning ---------------------------------------------------------------------------

    def trainer(
        self,
        name: str,
        learner: Any,
        golden: GoldenSet | Callable[[str], GoldenSet] | None = None,
        controls: SafetyControls | None = None,
        **options: Any,
    ) -> Trainer:
        """What trains a model for each tenant, guarded: see `Trainer`, whose options these are."""
        from offhours.learning import Trainer

        return Trainer(self, name, learner, golden, controls, **options)

    def models(self, tenant: str) -> ModelRegistry:
        """The models of one tenant: champions, versions, history; rollback and restore."""
        from offhours.training import ModelRegistry

        self._check_open()
        return ModelRegistry(self.store.models, self.artefacts, self.clock, tenant)

    @property
    def artefacts(self) -> Artefacts:
        """Where the bytes of models are."""
        from offhours.training import Artefacts

        return Artefacts(self.store.models, self.models_folder)

    @property
    def models_folder(self) -> str | None:
        """The folder of models that are too large for the database; None when there is none."""
        here = self.store.name == ":memory:" or is_server(self.store.location)
        return self.settings.models_folder or (None if here else f"{self.store.location}-models")

    # -- steering ---------------------------------------------------------------------------

    @steers
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

    @steers
    def defer(self, job_id: int, until: Moment | Duration, reason: str = "") -> None:
        """Move a pending job to later (or sooner)."""
        job = self.record(job_id)
        now = self.clock.micros()
        moment = parse_until(until, now, self.settings.timezone)
        if self.store.apply([states.reschedule(job, moment, reason)], now):
            raise IllegalMove(f"job {job_id} was started meanwhile and cannot be deferred")
        self.wake_workers()

    @steers
    def retry(self, job_id: int, *, from_step: str | None = None) -> JobHandle[Any]:
        """Submit a finished job anew, as a new job that names the old one.

        One that failed or was cancelled does not repeat the steps that it has done; with
        `from_step`, none that were done before that one. What waits for the old job waits for the
        new one, and in a flow it takes its place.
        """
        job = self.record(job_id)
        if not job.state.final:
            raise IllegalMove(f"job {job_id} is {job.state}; only a finished job can be retried")
        if job.owner is not None:
            raise IllegalMove(f"job {job_id} was durable=False; its function is gone")
        now = self.clock.micros()
        if from_step is not None and not any(
            step.name == from_step for step in self.store.flows.steps(job_id)
        ):
            raise IllegalMove(f"job {job_id} has recorded no step {from_step!r}")
        keep = [job_id] if job.state is not JobState.SUCCEEDED or from_step is not None else []
        self._check_open()
        made = self.store.flows.do_again([job], now, keep, from_step)
        self.wake_workers()
        return JobHandle(self, made[job_id])

    @steers
    def signal(self, job_id: int, name: str, payload: object = None) -> None:
        """Send a job a signal, for which `ctx.wait_for_signal(name)` waits, now or later.

        `IllegalMove` when the job is finished.
        """
        job = self.record(job_id)
        if job.state.final:
            raise IllegalMove(f"job {job_id} is {job.state} and hears no signal any more")
        carried = dump(payload, "payload", self.settings.max_payload)
        self.store.flows.signal(job, word(name, "signal") or "", carried, self.clock.micros())
        self.wake_workers()

    # -- agents -----------------------------------------------------------------------------

    def agent(self, name: str, *, calls_model: bool = False) -> Agent:
        """An agent by its name: its goals, its inbox, its budget. There is no need to make it.

        calls_model: its schedules may then fire every 10 minutes at most, not every minute
        """
        return self.agents.agent(word(name, "agent") or "", calls_model)

    @functools.cached_property
    def agents(self) -> AgentRoom:
        """What all agents have in common: the ledger of deferrals, budgets, quotas."""
        from offhours.agents import AgentRoom

        return AgentRoom(self)

    def budget(
        self, budget: Budget | None = None, /, *, tenant: str | None = None, **fields: Any
    ) -> None:
        """Limit what a tenant, or (without one) all work may use up, such as `usd=20, per="day"`.

        The fields are those of `Budget`; without any, the budget is lifted. See `Agent.budget`.
        """
        scope = "all" if tenant is None else "tenant"
        self.agents.set_budget(scope, word(tenant, "tenant") or "", budget, fields)

    def quota(self, tenant: str, **fields: Any) -> None:
        """Limit what a tenant may have stored: `app.quota("acme", active=1000, memory=10**7)`."""
        self.agents.set_quota("tenant", word(tenant, "tenant") or "", fields)

    def make_budget(self, given: object) -> Budget:
        """A budget, or one from a mapping with its fields."""
        return make_budget(given)

    def budgets_changed(self) -> None:
        """Have all workers look at the budgets anew."""
        self._tell_workers("b")

    def deliver_thoughts(self, agent: str, channel: Channel, options: Mapping[str, Any]) -> None:
        """Send the thoughts of an agent to a channel; see `Agent.deliver`."""
        from offhours.notify import Route, Rule

        chosen = {"name": f"agent-{agent}", "wait": 0, "every": 0, **options}
        self.notify(Route(channel, [Rule(on="thought.created", agents=agent)], **chosen))

    # -- approvals --------------------------------------------------------------------------

    def approvals(self, state: str | None = "waiting", limit: int = 50) -> list[Approval]:
        """Questions of jobs to a person, newest first; None for those of every state."""
        wanted = None if state is None else ApprovalState(state)
        return self.store.flows.approvals(wanted, limit)

    @steers
    def approve(self, approval_id: int, *, by: str, note: str = "", digest: str = "") -> None:
        """Say yes to a question, once. `by` is who decides.

        digest: that of the question as it was seen; another one is refused

        `IllegalMove` when it is decided already, when it changed, inside of a task, and for the
        agent whose job asks.
        """
        self._decide(approval_id, ApprovalState.APPROVED, by, note, digest)

    @steers
    def deny(self, approval_id: int, *, by: str, note: str = "", digest: str = "") -> None:
        """Say no to a question, as `approve` says yes."""
        self._decide(approval_id, ApprovalState.DENIED, by, note, digest)

    def _decide(
        self, approval_id: int, state: ApprovalState, by: str, note: str, digest: str
    ) -> None:
        if find_context() is not None:
            raise IllegalMove("a task cannot decide: approvals are for people, outside of tasks")
        approval = self.store.flows.approval(approval_id) if 0 < approval_id < 2**63 else None
        if approval is None:
            raise ApprovalNotFound(f"no approval {approval_id} in {self.store.name}")
        who = text(by, "by") or ""
        job = self.record(approval.job_id)
        if who.strip().casefold() in map(str.casefold, agents_of(job.metadata)):
            raise IllegalMove(f"{who} has asked for this and cannot decide it")
        if job.state.final and approval.state == ApprovalState.WAITING:
            raise IllegalMove(f"job {job.id} is {job.state}; nobody waits for this any more")
        if digest and digest != approval.digest:
            raise IllegalMove(f"approval {approval_id} asks for something else than was seen")
        now = self.clock.micros()
        late = approval.until is not None and approval.until <= now
        if late or not self.store.flows.decide(
            approval, state, who, text(note or None, "note"), now
        ):
            raise IllegalMove(f"approval {approval_id} is decided, or too old to be")
        self.wake_workers()

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

    def hold_foreground(self, workflow: str, ttl: Duration, lease: int | None = None) -> int:
        """A foreground lease for somebody out of this process: it ends after `ttl`, unless it is
        held again by its number."""
        self._check_open()
        length = parse_duration(ttl, "ttl")
        number = self._leases.lend(text(workflow, "workflow") or "foreground", length, lease)
        self._tell_workers("f")
        return number

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
                address = "" if self._places.inline else self._wake_ups.hear(self._on_wake)
                self._purse.reload()
                worker = self._make_worker(address)
                try:
                    worker.start(threads=self._places.inline is None)
                    self._worker = worker
                    self._beside.start()
                except BaseException:  # also SIGTERM, wherever it came: nothing stays half begun
                    self._worker = None
                    worker.stop(0)
                    raise
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
            stopper = self._stopper
            if worker is not None and worker.runs_caller():
                # Not a daemon: a program that ends now waits for the drain.
                self._stopper = threading.Thread(
                    target=self._drain, args=(worker, seconds), name="offhours-stop"
                )
                self._stopper.start()
                return False
        if worker is None and stopper is not None and find_context() is None:
            stopper.join()
        return self._drain(worker, 0 if self._places.inline is not None else seconds)

    def _drain(self, worker: Worker | None, seconds: float) -> bool:
        clean = worker is None or worker.stop(seconds)
        if self._worker is None:  # it was not started again meanwhile
            self._beside.stop()
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
        mine = self._local.unfinished()
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

    def notify(self, *routes: Route | HasRoutes, instead: Collection[str] = ()) -> Notifications:
        """Tell people what happens, from now on: failures and alerts, or what a route says.

        Each process that works on the store and says this sends; what one has sent, no other does.
        A `NotificationConfig` is welcome, too. Two routes of one name raise `ConfigError`.

        instead: names of routes that go, and need not be there

        >>> from offhours.notify import Log, Route, Rule
        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> notifications = app.notify(Route(Log(), Rule(on=["job.failed", "alert.*"])))
        >>> list(notifications.routes)
        ['log']
        """
        self._check_open()
        return self._beside.notify(routes, instead)

    # -- memory -----------------------------------------------------------------------------

    @functools.cached_property
    def search(self) -> Search:
        """Finds schedules, tasks, jobs and stored artefacts; by meaning where the extra is there.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> _ = app.schedule(app.task(name="tidy")(lambda: None), "every sunday", name="clean_up")
        >>> app.search.find("clean-up")[0].key
        'schedule_1'
        """
        from offhours.memory import search_of

        return search_of(self)

    @functools.cached_property
    def graph(self) -> Graph:
        """What led to what: jobs, their runs and deferrals, schedules, thoughts.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> job = app.task(name="tidy")(lambda: None).submit()
        >>> print(app.graph.why(job.id).sentence)
        job 1 (tidy) was submitted by the program
        """
        from offhours.memory import graph_of

        return graph_of(self)

    @property
    def notifications(self) -> Notifications | None:
        """What goes by the routes that `notify` was given; None before it was."""
        return self._beside.notifications

    # -- monitoring -------------------------------------------------------------------------

    @property
    def monitor(self) -> Monitor:
        """Figures and alerts, made when they are first asked for; from then on this process looks
        after them while it works.

        >>> from offhours.testing import memory_app
        >>> memory_app().monitor.summary("1h")["total_tasks"]
        0
        """
        return self._beside.monitor

    def set_monitoring(self, chosen: Mapping[str, Any]) -> None:
        """Settings of the monitor, by the names that they have in the section `monitoring`; with
        any of them, and unless `enabled` is false, it is there whenever this process works.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> app.set_monitoring({"error_rate_threshold": 0.2})
        >>> app.monitor.settings.error_rate_threshold
        0.2
        """
        self._beside.set_monitoring(chosen)

    @property
    def monitoring_enabled(self) -> bool:
        """Whether the configuration lets this process watch without being asked to."""
        return self._beside.monitoring_enabled

    # -- limits -----------------------------------------------------------------------------

    @steers
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

    @steers
    def resume(self, *, queue: str | None = None, task: str | None = None) -> bool:
        """End a pause; false when there was none."""
        resumed = self.store.limits.resume(_subject(queue, task), self.clock.micros())
        self._tell_workers("l")
        return resumed

    @steers
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

    @steers
    def stop_all(self, reason: str = "everything was stopped") -> int:
        """The kill switch: nothing starts any more, anywhere, and all that runs is asked to stop;
        how many jobs that were.

        `resume()` lets work start again; what was stopped is cancelled and may be retried.
        """
        self.pause(reason=reason)
        stopped = 0
        for job in self.store.jobs(state=JobState.RUNNING, limit=_ALL):
            with suppress(IllegalMove, JobNotFound):  # it has ended by itself
                self.cancel(job.id, reason)
                stopped += 1
        return stopped

    @property
    def running(self) -> bool:
        """Whether this process works on jobs."""
        return self._worker is not None

    def drain(self) -> int:
        """With `executor="inline"`: run all that is due, in this thread; the number of runs."""
        if self._places.inline is None:
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
            while self._places.inline.run_next():
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
        strikes = Strikes()
        with strikes.listening():
            worker = self.start()._worker
            while not strikes.come():
                if worker is None or self._worker is not worker:
                    break  # one of its tasks has stopped it
                if worker.store_gone:
                    self.stop(0)
                    return 1
            run_to_the_end(self.stop, strikes, worker.hurry if worker else lambda: None)
            return 130 if strikes.again() else 0

    def __enter__(self) -> Self:
        """Start; a SIGTERM that nobody else handles leaves the block, so that it drains."""
        leave_on_sigterm()
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
        stay_on_sigterm()

    def _make_worker(self, address: str) -> Worker:
        settings = self.settings
        return Worker(
            self.store,
            self.registry,
            self.clock,
            self._places.first(self.registry.tasks()),
            WorkerSettings(
                lease=settings.lease,
                poll=settings.poll,
                limits=settings.background,
                queues=settings.queues,
                max_payload=settings.max_payload,
                retention=settings.retention,
                retention_jobs=settings.retention_jobs,
                ageing=settings.ageing,
                timezone=settings.timezone,
                version=__version__,
                release=settings.release,
            ),
            foreground=self._foreground_view,
            address=address,
            wake_ups=self._wake_ups,
            on_applied=self._on_applied,
            keep_local=self._local.keep,
            tracing=self._tracing,
            gates=self._purse.gates,
        )

    def _after_fork(self) -> None:
        """In a forked child there are no threads: the worker and the leases are the parent's."""
        self._lock = threading.RLock()
        self._wake_ups = self._make_wake_ups()  # a lock of the old ones may be held there
        self._waiters = Waiters(self.store, self.clock)
        self.__dict__.pop("search", None)  # it has a lock
        self._worker = self._stopper = None
        self._beside = Beside(self.store, self.clock, self.settings.background)
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
        """Something concerns all workers: "f"oreground, "l"imits, "b"udgets, a "c"ancellation."""
        self._on_wake(kind)
        self._wake_ups.tell(kind)

    def _on_wake(self, kind: str) -> None:
        worker = self._worker
        if kind == "b":
            self._purse.reload()
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
        self._local.finished(job_ids)

    def _on_new_task(self) -> None:
        worker = self._worker
        if worker is not None:
            worker.wake_lifeline()
            worker.wake()

    def _check_open(self) -> None:
        if self._closed:
            raise NotStarted(f"this app on {self.store.name} was closed; make a new one")


_apps: WeakSet[Offhours] = WeakSet()


def _after_fork() -> None:
    for app in list(_apps):
        app._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


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
