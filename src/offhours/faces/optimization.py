"""The optimization engine of its document: watches, automates and advises, on an app."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, Unpack

from offhours.app import Offhours
from offhours.core.errors import OptionError
from offhours.core.model import TaskPriority
from offhours.core.sandbox import Sandbox, SandboxResult
from offhours.core.times import iso, parse_duration, to_datetime
from offhours.engine.context import find_context
from offhours.faces.base import MEMORY, FaceApp, open_app
from offhours.faces.optimization_jobs import JobFollower
from offhours.faces.optimization_report import report
from offhours.handles import JobHandle, SubmitOptions
from offhours.optimize.analyzer import PerformanceAnalyzer
from offhours.optimize.automations import Automation
from offhours.optimize.creator import MicroAutomationCreator
from offhours.optimize.cycle import Findings, OptimizationCycle
from offhours.optimize.identify import RepetitiveTaskIdentifier
from offhours.optimize.judging import Trying, try_out
from offhours.optimize.records import PerformanceMetric, Task
from offhours.optimize.running import Runner
from offhours.optimize.settings import SECTIONS, OptimizationSettings
from offhours.optimize.trials import Trial
from offhours.optimize.workflow import Suggestion, WorkflowOptimizer
from offhours.schedules import ScheduleHandle, ScheduleOptions, When
from offhours.sources.configuration import read
from offhours.sources.files import tree

CYCLE, AUTOMATION = "offhours optimization cycle", "offhours automation"

F = TypeVar("F", bound=Callable[..., Any])


class OptimizationEngine:
    """Finds what repeats, makes automations of it, tests, deploys and watches them.

    config: a YAML or TOML file with the document's sections, or a mapping like it; without one,
        what the configuration of this folder says, `config/optimization_config.yaml` included
    database: a file that keeps automations, verdicts and trials; without one, in memory
    app: an `Offhours` to stand on; it is then not stopped by `stop()`
    sandbox: what tests and runs the scripts; by default a `SandboxManager` as configured
    watch_jobs: learn from the jobs of the app, too

    Its cycles are background jobs: they wait while a workflow is active.

    >>> from datetime import datetime
    >>> engine = OptimizationEngine()
    >>> for n in range(4):
    ...     engine.record_task(Task(f"t{n}", "copy", "", {"to": "/backup"}, datetime.now(), 9e3,
    ...                             True))
    >>> engine.get_optimization_report()["repetitive_patterns"]
    1
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        database: str | os.PathLike[str] = MEMORY,
        app: Offhours | None = None,
        sandbox: Sandbox | None = None,
        watch_jobs: bool = True,
    ) -> None:
        self.settings = settings = OptimizationSettings.of(_sections(config))
        self._own_app: FaceApp | None = open_app(database, {}, {}) if app is None else None
        self.app: Offhours = self._own_app or app  # type: ignore[assignment]
        self.app.attached["optimizer"] = self
        self._sandbox = sandbox
        self._make_parts(settings)
        self._findings = Findings()
        self.cycles = 0  # that this process has made
        self._last_cycle: str | None = None
        self._watch_jobs = watch_jobs
        self._jobs = JobFollower(
            self.app, self.record_task, self.record_performance, but=(CYCLE, AUTOMATION)
        )
        self._schedule: ScheduleHandle | None = None
        self._cycle_task = self.app.task(
            name=CYCLE, priority=TaskPriority.BACKGROUND, on_lost="fail"
        )(self._cycle_job)
        self._automation_task = self.app.task(name=AUTOMATION)(self._automation_job)

    def _make_parts(self, settings: OptimizationSettings) -> None:
        self.task_identifier = RepetitiveTaskIdentifier(
            settings.min_occurrences, settings.time_window_hours, settings.max_history_size
        )
        self.performance_analyzer = PerformanceAnalyzer(
            settings.bottleneck_threshold_ms,
            settings.cpu_threshold,
            settings.memory_threshold,
            settings.max_metrics,
        )
        self.workflow_optimizer = WorkflowOptimizer(
            self.performance_analyzer, settings.min_success_rate, settings.max_duration_ms, self
        )
        store, clock = self.app.store.automations, self.app.clock
        self.automation_creator = MicroAutomationCreator(
            store,
            clock=clock,
            level=settings.isolation_level,
            max_automations=settings.max_automations,
        )
        self._runner = Runner(
            self.automation_creator, store, _Late(self._get_sandbox), clock, self._measured
        )
        self._cycle = OptimizationCycle(
            self.task_identifier, self.performance_analyzer, self.workflow_optimizer,
            self.automation_creator, self._runner, settings, clock, self._get_sandbox,
        )  # fmt: skip

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin: a cycle now, and every `optimization_cycle_minutes` from now on."""
        every = timedelta(minutes=self.settings.optimization_cycle_minutes)
        self._schedule = self.app.schedule(self._cycle_task, every, name=CYCLE, overlap="skip")
        self.look_soon()
        if self._own_app is not None:
            self._own_app.start()

    async def stop(self) -> None:
        """End; what is kept in a database is there again at the next start."""
        if self._schedule is not None:
            self._schedule.delete()
            self._schedule = None
        if self._own_app is not None:
            self._own_app.stop()

    # -- recording --------------------------------------------------------------------------------

    def record_task(self, task: Task) -> None:
        """Something was done."""
        self.task_identifier.add_task(task)

    def record_performance(self, metric: PerformanceMetric) -> None:
        """Something was measured."""
        self.performance_analyzer.add_metric(metric)

    def _measured(self, result: SandboxResult) -> None:
        """What the script of an automation used, in percent of a processor and of the memory."""
        import psutil

        usage = result.usage
        self.record_performance(
            PerformanceMetric(
                result.run_id,
                result.automation_id,
                to_datetime(result.started_at),
                result.duration_ms,
                100 * usage.cpu / usage.wall if usage.wall else 0.0,
                100 * usage.memory / psutil.virtual_memory().total,
                result.success,
            )
        )

    def follow_jobs(self) -> int:
        """Learn from the jobs that finished since the last time; how many there were."""
        return self._jobs.follow()

    # -- cycles -----------------------------------------------------------------------------------

    def look_soon(self) -> JobHandle[Any]:
        """Have a cycle made as a job; the one that waits already, if there is one."""
        return self._cycle_task.options(unique=CYCLE).submit()

    def run_cycle(self) -> Findings:
        """Look now, in this thread: what a cycle does."""
        context = find_context()
        if self._watch_jobs:
            self.follow_jobs()
        self._findings = self._cycle.run(context.checkpoint if context else lambda: None)
        self.cycles += 1
        self._last_cycle = iso(self.app.clock.micros())
        return self._findings

    def _cycle_job(self) -> dict[str, int]:
        found = self.run_cycle()
        return {
            "routines": len(found.routines),
            "patterns": len(found.patterns),
            "created": len(found.created),
            "deployed": len(found.deployed),
        }

    def get_optimization_report(self) -> dict[str, Any]:
        """What repeats now, what was made of it, what it saved, and what else would help."""
        return report(self)

    @property
    def findings(self) -> Findings:
        """What the last cycle found."""
        return self._findings

    @property
    def last_cycle(self) -> str | None:
        """When this process last looked, as text; None before that."""
        return self._last_cycle

    # -- automations ------------------------------------------------------------------------------

    def handler(self, task_type: str) -> Callable[[F], F]:
        """Say what carries out steps of a type: a function that gets the step's parameters."""

        def register(function: F) -> F:
            self._runner.handlers[task_type] = function
            return function

        return register

    def test_automation(self, automation_id: str) -> Trying:
        """Try it on its tests in the sandbox, and keep the verdict."""
        trying = try_out(
            self.automation_creator.get(automation_id), self._get_sandbox(), self.app.clock
        )
        self.automation_creator.judged(automation_id, trying.verdict)
        return trying

    def deploy(self, automation_id: str) -> Automation:
        """Let it run if its tests say so, and compare it from then on with how it was done by hand.

        `NotTested` when it was not tested as it is now, or passed too few of its tests.
        """
        threshold = self.settings.auto_deploy_threshold
        automation = self.automation_creator.deploy(automation_id, threshold)
        found = (*self._findings.routines, *self._findings.patterns)
        pattern = next((p for p in found if p.pattern_id == automation.pattern_id), None)
        if pattern is not None:
            self._runner.guard(automation_id, list(pattern.outcomes))
        return automation

    def run_automation(
        self,
        automation_id: str,
        params: Mapping[str, Any] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> JobHandle[Any]:
        """Have a deployed automation run, as a job."""
        self.automation_creator.get(automation_id)
        task = self._automation_task.options(**options)
        return task.submit(automation_id, dict(params or {}))

    def schedule_automation(
        self,
        automation_id: str,
        when: When,
        params: Mapping[str, Any] | None = None,
        **options: Unpack[ScheduleOptions],
    ) -> ScheduleHandle:
        """Have it run again and again: "every weekday at 9am"."""
        options.setdefault("name", f"automation {automation_id}")
        self.automation_creator.get(automation_id)
        return self.app.schedule(
            self._automation_task, when, args=(automation_id, dict(params or {})), **options
        )

    def _automation_job(self, automation_id: str, params: dict[str, Any]) -> dict[str, Any]:
        context = find_context()
        at = context.fire_at if context is not None else None
        now = to_datetime(self.app.clock.micros()) if at is None else at
        zone = self.app.settings.timezone
        return self._runner.run(automation_id, params, _in_zone(now, zone))

    def record_by_hand(self, automation_id: str, duration_ms: float, success: bool = True) -> None:
        """It was done by hand after all: what the automation is compared with."""
        self._runner.note_by_hand(automation_id, duration_ms, success)

    def compare(self, control_id: str, candidate_id: str) -> str:
        """Let two automations do the same in turn until one is known to be better; the trial's id.

        A worse candidate is rolled back by itself; a better one takes the other's place.
        """
        return self._runner.compare(control_id, candidate_id)

    def trial(self, trial_id: str) -> Trial | None:
        """How a trial stands. That of a deployed automation is called "guard " and its id."""
        return self._runner.trial(trial_id)

    def _get_sandbox(self) -> Sandbox:
        if self._sandbox is None:
            from offhours.sandbox import SandboxManager

            self._sandbox = SandboxManager(
                self.settings.isolation_level,
                self.settings.timeout_seconds,
                self.settings.max_concurrent_tests,
            )
        return self._sandbox

    # -- advice -----------------------------------------------------------------------------------

    def apply(self, suggestion: Suggestion) -> None:
        """Carry out a suggestion that says what is to be changed, for a task of this app."""
        self.workflow_optimizer.apply(suggestion)

    def change_step(self, workflow: str, step: str, changes: Mapping[str, Any]) -> None:
        """Change the policy of the task that a step is, in this process: `retries`, `timeout`."""
        name = step or workflow
        task = self.app.registry.find(name)
        if task is None:
            raise OptionError(f"step: {name!r} is no task of this app")
        if "retries" in changes:
            task = replace(task, retries=changes["retries"])
        if "timeout" in changes:
            task = replace(task, timeout=parse_duration(changes["timeout"], "timeout"))
        self.app.registry.add(task)
        told = json.dumps(dict(changes))
        self.app.store.tell(
            self.app.clock.micros(), "workflow.changed", None, None, task=name, changes=told
        )


class _Late:
    """The sandbox, made when the first script runs."""

    def __init__(self, get: Callable[[], Sandbox]) -> None:
        self._get = get

    def run(self, *args: Any, **options: Any) -> Any:
        return self._get().run(*args, **options)


def _sections(config: str | os.PathLike[str] | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(config, Mapping):
        return config
    if config is not None:
        return tree(Path(config))
    found = read()
    return {name: chosen for name in SECTIONS if (chosen := found.section(name))}


def _in_zone(moment: datetime, zone: Any) -> datetime:
    return moment.astimezone(zone) if zone is not None else moment.astimezone()
