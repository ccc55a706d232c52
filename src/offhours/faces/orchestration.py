"""The orchestrator of the background processing document: a request, done in phases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from offhours.app import Offhours
from offhours.core.errors import HandlerNotFound, NotStarted, PlanError
from offhours.core.flows import IfFailed
from offhours.core.model import TaskPriority
from offhours.core.sandbox import Sandbox
from offhours.core.times import Duration
from offhours.faces.base import MEMORY, open_app
from offhours.faces.executions import Execution, is_execution, phase_job
from offhours.faces.phase_runs import PhaseRuns
from offhours.faces.phases import TASKS
from offhours.faces.tasks import STATUS, TaskStatus
from offhours.flows import Flow
from offhours.handles import After, TaskHandle
from offhours.orchestrator.checking import Review, SandboxTests
from offhours.orchestrator.delivering import Docs, Packaging
from offhours.orchestrator.handlers import Handler, Handlers, PhaseContext
from offhours.orchestrator.phases import Phase, Plan
from offhours.orchestrator.planner import DevelopmentPlanner, Planner
from offhours.orchestrator.thinking import Analysis, Design

H = TypeVar("H", bound=Callable[[PhaseContext], Any])

_LONGEST_NAME = 200
_PAGE = 50


class Orchestrator:
    """Splits a request into phases, and has each done by the handler that is registered for it.

    An execution is a flow of jobs: each phase has its own retries and its own `why`, finished ones
    are not repeated after a crash, and what the document calls a task id is the number of a job.
    The phases but `code` have handlers; see `offhours.orchestrator`.

    use_background_processing: work in the background from the moment it is made until `shutdown`;
        without it this process works only while `execute` or `resume` waits, and what is executed
        in the background is left to other processes on the database
    max_workers: threads, each carrying out one phase at a time
    planner: splits a request; a `DevelopmentPlanner` unless another is given
    sandbox: where tests run; a `SandboxManager` of level full unless another is given
    database: a file that keeps the executions; without one they live in this process's memory
    app: an `Offhours` to stand on; its settings then hold instead of those above

    >>> with Orchestrator() as orchestrator:
    ...     @orchestrator.handler("code")
    ...     def code(context):
    ...         name = context.phase.part
    ...         return {"files": {f"{name}.py": "def answer():\\n    return 42\\n"}}
    ...     done = orchestrator.execute("Write a parser. No tests, docs or packaging.")
    ...     print(done.describe())
    execution 1: completed, 4 of 4 phases done
      analysis: completed
      design: completed
      code parser: completed
      review: completed
    """

    def __init__(
        self,
        use_background_processing: bool = False,
        max_workers: int = 4,
        *,
        planner: Planner | None = None,
        sandbox: Sandbox | None = None,
        database: str | os.PathLike[str] = MEMORY,
        app: Offhours | None = None,
    ) -> None:
        if app is None:
            app = open_app(database, {"threads": max_workers}, {"threads": "max_workers"})
        self.use_background_processing = use_background_processing
        self.app = app
        self.planner: Planner = planner or DevelopmentPlanner()
        self.handlers: Handlers = app.attached.setdefault("orchestrator", Handlers())
        self._runs = PhaseRuns(app, self.handlers)
        self._own_sandbox: Any = None
        self._register_ours(sandbox)
        if use_background_processing:
            app.start()

    def _register_ours(self, sandbox: Sandbox | None) -> None:
        ours: dict[str, Handler] = {
            "analysis": Analysis(),
            "design": Design(),
            "tests": SandboxTests(sandbox or self._sandbox),
            "review": Review(),
            "docs": Docs(),
            "packaging": Packaging(),
        }
        for name, handler in ours.items():
            if name not in self.handlers or (name == "tests" and sandbox is not None):
                self.register(name, handler, replace=True)

    def _sandbox(self) -> Sandbox:
        if self._own_sandbox is None:
            from offhours.sandbox import SandboxManager

            self._own_sandbox = SandboxManager("full")
        found: Sandbox = self._own_sandbox
        return found

    @property
    def _alone(self) -> bool:
        return self.app.store.name == MEMORY

    # -- handlers ---------------------------------------------------------------------------

    def register(
        self,
        name: str,
        handler: Handler | Callable[[PhaseContext], Any],
        *,
        replace: bool = False,
    ) -> None:
        """Have the phases of a handler's name carried out by this process.

        All orchestrators on one app share their handlers. A name that is taken wants `replace`.
        """
        self.handlers.add(name, handler, replace=replace)
        self._runs.declare(name)

    def handler(self, name: str, *, replace: bool = False) -> Callable[[H], H]:
        """Register a function, also a coroutine function, as a handler: `@o.handler("code")`."""

        def take(function: H) -> H:
            self.register(name, function, replace=replace)
            return function

        return take

    # -- executing --------------------------------------------------------------------------

    def plan(self, request: str) -> Plan:
        """The phases that a request would take. Nothing is stored."""
        plan = self.planner.plan(request)
        if not isinstance(plan, Plan):
            raise PlanError([f"{type(self.planner).__name__}.plan gave {plan!r}, not a Plan"])
        return plan

    def execute(
        self,
        request: str | Plan,
        use_background: bool = False,
        *,
        priority: TaskPriority | int | str = TaskPriority.NORMAL,
    ) -> Execution:
        """Do what a request asks for, in phases: the ids of these, with all there is to ask.

        use_background: return at once; what was returned is stored, and survives this process if
            the database does. Else wait for the end: how it ended is the `status`, nothing is
            raised
        priority: of the phases' jobs

        Without `use_background`, `HandlerNotFound` names the phases that nobody here can do; with
        it those wait for a process that can.
        """
        if use_background and not self.use_background_processing and self._alone:
            raise NotStarted(
                "this orchestrator has no background, and nobody else knows its database in "
                "memory; make it with use_background_processing=True"
            )
        plan = request if isinstance(request, Plan) else self.plan(request)
        if not use_background:
            self._check_handlers(plan.phases)
        execution = Execution(self.app, self.app.submit_flow(self._flow(plan, priority)))
        if not use_background:
            with self._working():
                execution.wait()
        return execution

    def _flow(self, plan: Plan, priority: TaskPriority | int | str) -> Flow:
        flow = Flow(" ".join(plan.request.split())[:_LONGEST_NAME] or "execution")
        for place, phase in enumerate(plan.phases):
            task = self.app.task_named(TASKS + phase.handler)  # also of one that others carry out
            flow.step(
                phase.name,
                TaskHandle(self.app, task, task.function, {}),
                args=(plan.request, phase.to_dict(), place),
                after=_after(phase, plan),
                name=phase.name,
                retries=phase.retries,
                timeout=phase.timeout,
                priority=priority,
            )
        return flow

    def _check_handlers(self, phases: Sequence[Phase]) -> None:
        wanted = {p.handler for p in phases} | {p.repair for p in phases if p.repair}
        missing = sorted(name for name in wanted if name not in self.handlers)
        if missing:
            raise HandlerNotFound(
                f"no handler is registered for: {', '.join(missing)}; nothing was started. "
                f'Register each with @orchestrator.handler("{missing[0]}")'
            )

    @contextmanager
    def _working(self) -> Iterator[None]:
        """See that this process works while the block runs."""
        was_running = self.app.running
        self.app.start()
        try:
            yield
        finally:
            if not was_running:
                self.app.stop()

    # -- asking and steering ----------------------------------------------------------------

    def get_background_task_status(self, task_id: str) -> TaskStatus | None:
        """Where a phase stands, by any id it had; None when there is none."""
        job = phase_job(self.app, task_id)
        return None if job is None else STATUS[job.state]

    def execution(self, execution_id: int) -> Execution:
        """An execution by its number; `FlowNotFound` when there is none."""
        return Execution(self.app, self.app.flow(int(execution_id)))

    def executions(self, limit: int = 20) -> list[Execution]:
        """The newest executions."""
        found: list[Execution] = []
        before: int | None = None
        while page := self.app.flows(before, _PAGE):
            for flow in page:
                if is_execution(flow):
                    found.append(Execution(self.app, flow))
                    if len(found) == limit:
                        return found
            before = page[-1].id
        return found

    def cancel(self, execution_id: int, reason: str = "") -> int:
        """Cancel what is not finished of an execution; how many phases that were."""
        return self.execution(execution_id).cancel(reason)

    def resume(self, execution_id: int) -> Execution:
        """Do again what failed or was cancelled, and what needs that; nothing that is finished.

        In the background, if this orchestrator has one; else it waits for the end.
        """
        execution = self.execution(execution_id)
        if self.use_background_processing:
            execution.resume()
            return execution
        self._check_handlers(execution.unfinished())
        execution.resume()
        with self._working():
            execution.wait()
        return execution

    def shutdown(self, timeout: Duration | None = None) -> bool:
        """Start nothing more, and wait for what runs, for `timeout` (30 s). See `Offhours.stop`.

        Executions can still be asked about. True when every running phase had ended.
        """
        clean = self.app.stop(timeout)
        if self._own_sandbox is not None:
            self._own_sandbox.close()
            self._own_sandbox = None
        return clean

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def _after(phase: Phase, plan: Plan) -> list[After]:
    """All that comes before a phase. What it needs only by way of others changes nothing but that
    its result is kept until then."""
    direct = {need.phase: need.if_failed for need in phase.edges}
    return [After(name, direct.get(name, IfFailed.IGNORE)) for name in plan.before(phase.name)]
