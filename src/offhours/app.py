"""Offhours: wires the store, the engine and the executors, and is what users talk to."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, cast, overload
from weakref import WeakSet

from offhours import __version__, looking
from offhours.acting import CODE, acting_as
from offhours.asking import Asking
from offhours.config import DEFAULT_DB, Options, Settings
from offhours.core.addresses import is_server
from offhours.core.budgets import Budget
from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import (
    FlowNotFound,
    JobNotFound,
    NotInstalled,
    OptionError,
    TaskError,
)
from offhours.core.events import Audited, Event
from offhours.core.flows import Approval, ApprovalState, Upstream
from offhours.core.here import Via
from offhours.core.limits import EVERYTHING, Limit
from offhours.core.model import ForegroundLease, Job, JobState, NewJob, WorkerInfo
from offhours.core.ports import Store
from offhours.core.times import (
    Duration,
    Moment,
    parse_duration,
)
from offhours.core.why import Why
from offhours.engine.codec import Codec
from offhours.engine.registry import Task, is_durable, task_name
from offhours.handles import JobHandle, SubmitOptions, TaskHandle, upstream
from offhours.options import (
    TaskOptions,
    make_budget,
    make_task,
    new_job,
    terms_of,
    text,
    word,
)
from offhours.schedules import ScheduleBook, ScheduleHandle, ScheduleOptions, When
from offhours.signals import leave_on_sigterm, stay_on_sigterm
from offhours.steering import Steering, subject
from offhours.store.opening import open_store
from offhours.submitting import Submitter
from offhours.workplace import Workplace

if TYPE_CHECKING:
    from offhours.agents import Agent, AgentRoom
    from offhours.bulk import Bulk
    from offhours.flows import Flow, FlowHandle
    from offhours.graph import Graph
    from offhours.learning import Trainer
    from offhours.monitor import Monitor
    from offhours.moving import Mover
    from offhours.notify.channels import Channel
    from offhours.notify.notifications import Notifications
    from offhours.notify.route import HasRoutes, Route
    from offhours.recorder.chain import InterceptorChain
    from offhours.search import Search
    from offhours.telemetry.metrics import Metrics
    from offhours.telemetry.server import MetricsServer
    from offhours.templates import Templates
    from offhours.training import Artefacts, GoldenSet, ModelRegistry, SafetyControls

P = ParamSpec("P")
R = TypeVar("R")


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
        self.clock: Clock = clock or SystemClock()
        settings = Settings.of(options)
        self.store: Store = open_store(
            os.fspath(store),
            durability=settings.durability,
            journal=settings.journal,
            lock_timeout=settings.lock_timeout,
        )
        self._work = Workplace(self.store, self.clock, settings)
        self.registry = self._work.registry
        self._submitter = Submitter(self._work)
        self._asking = Asking(self._work)
        self._steering = Steering(self._work, self._asking.record)
        self.sources: dict[str, str] = dict.fromkeys(options, "the program")  # of the settings
        self.attached: dict[str, Any] = {}  # faces that stand on it, as the API asks for them
        _apps.add(self)

    @property
    def settings(self) -> Settings:
        """What this app was told, with the defaults of what it was not."""
        return self._work.settings

    @settings.setter
    def settings(self, changed: Settings) -> None:
        """How it works from its next start on."""
        for each in fields(changed):
            if getattr(changed, each.name) != getattr(self.settings, each.name):
                self.sources[each.name] = "a flag, or the program"
        self._work.change(changed)

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
        given = {name: found.settings[name].source for name in found.options}
        app.sources = {**given, **dict.fromkeys(options, "the program")}
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
            self._work.add_task(task)
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
            return JobHandle(self, self._submitter.local(self._callable(function), call, options))
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
        if options.get("durable") is False:
            ids = [self._submitter.local(task.function, call, options) for call in calls]
        else:
            ids = self._submitter.store(task, calls, options, self._upstreams(options))
        return [JobHandle(self, job_id) for job_id in ids]

    def _upstreams(self, options: SubmitOptions) -> list[Upstream] | None:
        if "after" not in options:
            return None
        waited_for = [upstream(given) for given in options["after"]]
        for job, _ in waited_for:
            if isinstance(job, str):
                raise OptionError(f"after: {job!r} is no job; a step has a name in a flow only")
        return [Upstream(self.record(int(job)).id, if_failed) for job, if_failed in waited_for]

    def new_job(
        self,
        function: Callable[..., Any] | TaskHandle[..., Any] | Task | str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: SubmitOptions,
    ) -> NewJob:
        """The job that `submit` would store; nothing is stored."""
        task = function if isinstance(function, Task) else self._task_of(function)
        return self._submitter.job(task, (args, kwargs), options)

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
        self._work.check_open()
        with self.store.transaction() as connection:
            yield connection
        self.wake_workers()

    def check_options(self, task: Task, options: SubmitOptions) -> None:
        """Refuse options that `submit` would refuse."""
        new_job(task, options, self.clock.micros(), self.settings)
        terms_of(options)

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
            self._work.add_task(task)
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

        ids = self._submitter.flow(flow.name, flow.in_order(self))
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
        self._work.check_open()
        return self.schedules.add(self._task_of(function), when, args, kwargs, options)

    @functools.cached_property
    def schedules(self) -> ScheduleBook:
        """The schedules in the store: `get`, `list`, `preview`."""
        return ScheduleBook(self)

    @functools.cached_property
    def bulk(self) -> Bulk:
        """Many jobs at once: stored together, or cancelled, retried, paused and resumed by a
        filter, counted first."""
        from offhours.bulk import Bulk

        return Bulk(self, self._work)

    @functools.cached_property
    def templates(self) -> Templates:
        """Jobs written down beforehand: kept by name and version, filled with parameters."""
        from offhours.templates import Templates

        return Templates(self)

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
        return self._asking.record(job_id)

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

    def queues(self) -> list[dict[str, Any]]:
        """What waits in each queue, since when, and what holds it back."""
        return looking.queues(self)

    def failures(self) -> dict[str, Any]:
        """What fails, by cause: the newest 1,000 failed jobs in groups, the largest first."""
        return looking.failures(self)

    def stack(self, job_id: int) -> str | None:
        """Where a job that runs in this process stands in its code now, as a traceback tells it.

        None when it does not run here in a thread or as a coroutine.
        """
        from offhours.engine.stacks import stack_of

        worker = self._work.worker
        context = None if worker is None else worker.runner.running.get(job_id)
        return None if context is None else stack_of(context)

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
        """What was done by hand, newest first: who, by which face, what, how it was and became.

        before: the smallest `id` of the page before

        Nothing is ever deleted from it. `with app.acting_as("ann"):` says who does something;
        else it is the code, or the job that does it.
        """
        return self.store.audit(before, actor, limit)

    def acting_as(self, name: str, face: str | None = None) -> AbstractContextManager[None]:
        """What this thread or coroutine changes while the block runs is done by `name`.

        face: with what, such as "cli"; it stands in the audit log, too

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> with app.acting_as("ann"):
        ...     _ = app.pause(queue="mail", reason="the server moves")
        >>> app.audit()[0].actor, app.audit()[0].action
        ('ann', 'limit.paused')
        """
        chosen = text(face, "face")
        return acting_as(text(name, "name") or CODE, None if chosen is None else Via(chosen))

    def history(self, job_id: int) -> list[Event]:
        """What happened to one job, from its submission on."""
        return self._asking.history(job_id)

    def why(self, job_id: int) -> Why:
        """Why a job stands where it stands, in a sentence."""
        return self._asking.why(job_id)

    def wait_for(self, job_id: int, timeout: Duration | None = None) -> Job:
        """Wait until a job is finished; `ResultTimeout` when that takes longer."""
        return self._asking.wait_for(job_id, timeout)

    async def result_async(self, job_id: int) -> Any:
        """The result of a job; waiting for it blocks neither the event loop nor a thread."""
        return await self._asking.result_async(job_id)

    def result_of(self, job_id: int, timeout: Duration | None = None) -> Any:
        """The result of a job, waiting for it."""
        return self._asking.result_of(job_id, timeout)

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
        self._work.check_open()
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

        self._work.check_open()
        metrics = self._metrics
        return MetricsServer(
            metrics.text, CONTENT_TYPE, follow=metrics.follow, port=port, host=host
        )

    def trace(self, provider: Any = None) -> None:
        """From now on make OpenTelemetry spans: one where jobs are stored, one for each attempt.

        The span of an attempt is linked to that of its submit, in whichever process, however much
        later. Without a configured provider nothing is made and nothing travels with the jobs.

        provider: a tracer provider; None for the global one

        Raises `NotInstalled` when OpenTelemetry is not installed.

        >>> from offhours.testing import memory_app
        >>> memory_app().trace()
        """
        try:
            from offhours.telemetry.tracing import OtelTracing
        except ImportError as error:
            raise NotInstalled("OpenTelemetry", "otel") from error
        self._work.trace(OtelTracing(provider, __version__))

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

    def train(self, model: str, *, tenant: str, force: bool = False) -> JobHandle[Any]:
        """Ask for a learning cycle: a job that starts when the model's gates open.

        A process that has `app.trainer(model, ...)` makes it; this one need not. force: pass the
        gates that a person may pass, which is told

        >>> from offhours.testing import memory_app
        >>> memory_app().train("digits", tenant="acme").record.task
        'train:digits'
        """
        return self.submit_by_name(
            f"train:{model}",
            kwargs={"tenant_id": tenant, "controls": None, "forced": force},
            tenant=tenant,
            priority="background",
            force=force,
        )

    def models(self, tenant: str) -> ModelRegistry:
        """The models of one tenant: champions, versions, history; rollback and restore."""
        from offhours.training import ModelRegistry

        self._work.check_open()
        return ModelRegistry(self.store, self.artefacts, self.clock, tenant)

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

    def cancel(self, job_id: int, reason: str = "") -> bool:
        """Cancel a job: at once (true) when nobody runs it, else ask it to stop (false).

        A running thread stops at its next `ctx.checkpoint()`, a coroutine at its next await, and a
        process at the latest when it is killed after `kill_grace`. The wish outlives crashes.
        `IllegalMove` when the job is finished.
        """
        return self._steering.cancel(job_id, reason)

    def defer(self, job_id: int, until: Moment | Duration, reason: str = "") -> None:
        """Move a pending job to later (or sooner)."""
        self._steering.defer(job_id, until, reason)

    def retry(self, job_id: int, *, from_step: str | None = None) -> JobHandle[Any]:
        """Submit a finished job anew, as a new job that names the old one.

        One that failed or was cancelled does not repeat the steps that it has done; with
        `from_step`, none that were done before that one. What waits for the old job waits for the
        new one, and in a flow it takes its place.
        """
        return JobHandle(self, self._steering.retry(job_id, from_step))

    def signal(self, job_id: int, name: str, payload: object = None) -> None:
        """Send a job a signal, for which `ctx.wait_for_signal(name)` waits, now or later.

        `IllegalMove` when the job is finished.
        """
        self._steering.signal(job_id, name, payload)

    # -- agents -----------------------------------------------------------------------------

    def agent(self, name: str, *, calls_model: bool = False) -> Agent:
        """An agent by its name: its goals, its inbox, its budget. There is no need to make it.

        calls_model: its schedules may then fire every 10 minutes at most, not every minute
        """
        return self.agents.agent(word(name, "agent") or "", calls_model)

    @functools.cached_property
    def moving(self) -> Mover:
        """What can be taken along to another database: `export` and `bring`."""
        from offhours.moving import Mover

        return Mover(self.store, self.clock)

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
        self._work.tell("b")

    def deliver_thoughts(self, agent: str, channel: Channel, options: Mapping[str, Any]) -> None:
        """Send the thoughts of an agent to a channel; see `Agent.deliver`."""
        from offhours.notify import Route, Rule

        chosen = {"name": f"agent-{agent}", "wait": 0, "every": 0, **options}
        self.notify(Route(channel, [Rule(on="thought.created", agents=agent)], **chosen))

    # -- approvals --------------------------------------------------------------------------

    def approvals(self, state: str | None = "waiting", limit: int = 50) -> list[Approval]:
        """Questions of jobs to a person, newest first; None for those of every state."""
        wanted = None if state is None else ApprovalState(state)
        return self.store.approvals.approvals(wanted, limit)

    def approve(self, approval_id: int, *, by: str, note: str = "", digest: str = "") -> None:
        """Say yes to a question, once. `by` is who decides.

        digest: that of the question as it was seen; another one is refused

        `IllegalMove` when it is decided already, when it changed, inside of a task, and for the
        agent whose job asks.
        """
        self._steering.decide(approval_id, ApprovalState.APPROVED, by, note, digest)

    def deny(self, approval_id: int, *, by: str, note: str = "", digest: str = "") -> None:
        """Say no to a question, as `approve` says yes."""
        self._steering.decide(approval_id, ApprovalState.DENIED, by, note, digest)

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
        self._work.check_open()
        lease = self._work.leases.enter(text(workflow, "workflow") or "foreground")
        self._work.tell("f")
        return lease

    def leave_foreground(self, lease: int) -> None:
        """End a foreground lease."""
        self._work.leases.leave(lease)
        self._work.tell("f")

    def hold_foreground(self, workflow: str, ttl: Duration, lease: int | None = None) -> int:
        """A foreground lease for somebody out of this process: it ends after `ttl`, unless it is
        held again by its number."""
        self._work.check_open()
        length = parse_duration(ttl, "ttl")
        number = self._work.leases.lend(text(workflow, "workflow") or "foreground", length, lease)
        self._work.tell("f")
        return number

    def foreground_leases(self) -> list[ForegroundLease]:
        """The foreground leases that live now, of all processes."""
        return self.store.foreground(self.clock.micros())

    # -- working ----------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to run jobs in this process."""
        self._work.start()
        return self

    def stop(self, timeout: Duration | None = None) -> bool:
        """Drain: finish what runs for up to `stop_timeout`, and hand the rest back.

        True when every running job had ended. No attempt is spent on what is handed back. The app
        can still be asked, submitted to, and started again. A task may call it, too: it does not
        wait for its own end, but returns False at once.
        """
        return self._work.stop(None if timeout is None else parse_duration(timeout, "timeout"))

    def close(self) -> None:
        """Stop without waiting, and let go of the store. Jobs stay where they are."""
        self._work.close()

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
        self._work.check_open()
        return self._work.beside.notify(routes, instead)

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
        return self._work.beside.notifications

    # -- monitoring -------------------------------------------------------------------------

    @property
    def monitor(self) -> Monitor:
        """Figures and alerts, made when they are first asked for; from then on this process looks
        after them while it works.

        >>> from offhours.testing import memory_app
        >>> memory_app().monitor.summary("1h")["total_tasks"]
        0
        """
        return self._work.beside.monitor

    def set_monitoring(self, chosen: Mapping[str, Any]) -> None:
        """Settings of the monitor, by the names that they have in the section `monitoring`; with
        any of them, and unless `enabled` is false, it is there whenever this process works.

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> app.set_monitoring({"error_rate_threshold": 0.2})
        >>> app.monitor.settings.error_rate_threshold
        0.2
        """
        self._work.beside.set_monitoring(chosen)

    @property
    def monitoring_enabled(self) -> bool:
        """Whether the configuration lets this process watch without being asked to."""
        return self._work.beside.monitoring_enabled

    # -- limits -----------------------------------------------------------------------------

    def pause(self, *, queue: str | None = None, task: str | None = None, reason: str = "") -> bool:
        """Let no job of a queue or of a task start, or (without either) no job at all, anywhere.

        What runs goes on. It holds for all processes until `resume`; false when it held already.
        """
        return self._steering.pause(subject(queue, task), reason)

    def resume(self, *, queue: str | None = None, task: str | None = None) -> bool:
        """End a pause; false when there was none."""
        return self._steering.resume(subject(queue, task))

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
        self._steering.limit(subject(queue, task), concurrency, rate)

    def limits(self) -> list[Limit]:
        """All limits and pauses that hold now."""
        return self.store.limits.all()

    def limit_background(self, most: int | None) -> None:
        """From now on this process starts a background job only while fewer than `most` run, in
        all processes together; None for no limit. A process keeps to its own limit."""
        checked = Settings.of({"background_limit": most})
        self._work.limit_background(checked.background_limit)

    def stop_all(self, reason: str = "everything was stopped") -> int:
        """The kill switch: nothing starts any more, anywhere, and all that runs is asked to stop;
        how many jobs that were.

        `resume()` lets work start again; what was stopped is cancelled and may be retried.
        """
        self._steering.pause(EVERYTHING, reason)
        return self._steering.stop_running(reason)

    @property
    def running(self) -> bool:
        """Whether this process works on jobs."""
        return self._work.worker is not None

    def drain(self) -> int:
        """With `executor="inline"`: run all that is due, in this thread; the number of runs."""
        return self._work.drain_inline()

    def run(self) -> int:
        """Work until SIGTERM or Ctrl-C, then drain; the exit code. A second Ctrl-C stops at once.

        SIGTERM: claim no more, finish what runs, hand the rest back, 0. Ctrl-C: the same.
        Twice: what runs is handed back without waiting, 130. 1 when the database was deleted or
        replaced while it was open.
        """
        return self._work.run()

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

    def wake_workers(self) -> None:
        """Something in the store wants to be looked at: by us, or by one worker elsewhere."""
        self._work.wake()

    def _after_fork(self) -> None:
        self.__dict__.pop("search", None)  # it has a lock
        self._work.after_fork()


_apps: WeakSet[Offhours] = WeakSet()


def _after_fork() -> None:
    for app in list(_apps):
        app._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _anything(*args: Any, **kwargs: Any) -> None:
    """Stands for a task of which only the name is known."""
