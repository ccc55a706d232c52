"""A trainer: the learning cycles of one model for any number of tenants, as jobs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import uuid4

from offhours.core.errors import ConfigError, JobCancelled, NotStarted
from offhours.core.times import Duration
from offhours.core.training import CycleState, Hold, Model, NewCycle, Version
from offhours.engine.context import find_context
from offhours.learning.gates import SCHEDULE, training_gates
from offhours.learning.limits import held_because, limit_memory
from offhours.learning.log import CycleLog
from offhours.learning.plain import PlainRun, check_plain
from offhours.training import CycleRun, Finished, GoldenSet, Learner, Rules, SafetyControls
from offhours.training.learner import METHODS, Predict, check_learner
from offhours.training.registry import ModelHandle, check_name

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.gates import ResourceMonitor
    from offhours.handles import JobHandle, SubmitOptions, TaskHandle
    from offhours.schedules import ScheduleHandle, ScheduleOptions, When

START_WITHIN: Duration = "4h"
_ASKED_WITHIN: Duration = "1m"

_log = logging.getLogger("offhours.training")


class Sink(Protocol):
    """Told of each promoted version, after it serves; see `offhours.training.mlflow`."""

    def publish(self, model: Model, version: Version, body: bytes) -> None: ...


class Trainer:
    """Trains, judges and promotes the versions of a model, each tenant's apart: `app.trainer`.

    learner: a `Learner`; or one that has only `trigger_learning_cycle(tenant_id, force_training)`
        and makes the cycle itself, of which then only gates, record and history are ours
    golden: what a `Learner`'s versions are judged on: a `GoldenSet`, or a function that gives the
        one of a tenant
    controls: how careful (moderate)
    keep: how many of the newest versions keep their bytes, whatever became of them
    task: the task that calls `run`, if you want one of your own: `executor="process"`, a timeout.
        The gates hold it, too
    sinks: told of promoted versions
    monitor: who measures the machine
    """

    def __init__(
        self,
        app: Offhours,
        name: str,
        learner: Any,
        golden: GoldenSet | Callable[[str], GoldenSet] | None = None,
        controls: SafetyControls | None = None,
        *,
        keep: int = 10,
        task: TaskHandle[..., Any] | None = None,
        sinks: Sequence[Sink] = (),
        monitor: ResourceMonitor | None = None,
    ) -> None:
        self.app = app
        self.name = check_name(name, "model")
        self.learner = learner
        self.golden = golden
        self.controls = controls or SafetyControls()
        self.plain = not any(callable(getattr(learner, each, None)) for each in METHODS)
        self._check(keep)
        self._keep = keep
        self._sinks = tuple(sinks)
        self._monitor = monitor
        folder = app.models_folder
        self.gates = training_gates(
            self.name,
            self.controls,
            monitor,
            os.path.dirname(folder) or "." if folder else ".",
            getattr(learner, "available", None),
        )
        self.task = self._own_task() if task is None else self._guarded(task)

    def _check(self, keep: int) -> None:
        if self.plain:
            check_plain(self.learner)
            return
        check_learner(self.learner)
        faults = []
        if self.golden is None:
            faults.append("golden: a learner is judged on a GoldenSet; give one")
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            faults.append(f"keep: expected a whole number from 1 on, got {keep!r}")
        if faults:
            raise ConfigError(faults)

    def _own_task(self) -> TaskHandle[..., Any]:
        def train(
            tenant_id: str, controls: dict[str, Any] | None = None, forced: bool = False
        ) -> dict[str, Any]:
            return self.run(tenant_id, controls, forced)

        minutes = self.controls.max_training_time_minutes
        return self.app.task(
            name=f"train:{self.name}",
            timeout=minutes * 60,
            retries=0,
            priority="background",
            gates=self.gates,
        )(train)

    def _guarded(self, task: TaskHandle[..., Any]) -> TaskHandle[..., Any]:
        """A task of the user's, behind our gates as well as its own."""
        from offhours.handles import TaskHandle

        guarded = replace(task.task, gates=(*self.gates, *task.task.gates))
        self.app.registry.add(guarded)
        return TaskHandle(self.app, guarded, task.function, {})

    # -- asking for cycles --------------------------------------------------------------------

    def submit(
        self,
        tenant_id: str,
        *,
        force: bool = False,
        controls: SafetyControls | None = None,
        schedule: int | None = None,
        **options: Any,
    ) -> JobHandle[dict[str, Any]]:
        """Store a cycle for a tenant, which starts when the gates open.

        force: pass the gates that a person may pass; train on poor or shrunken data, too. It is
            judged like any other
        schedule: the number of a schedule among whose cycles it counts
        options: those of `SubmitOptions`
        """
        tenant = check_name(tenant_id, "tenant_id")
        chosen = self._options(controls or self.controls, tenant) | options
        if force:
            chosen["force"] = True
        if schedule is not None:
            chosen["metadata"] = {**(chosen.get("metadata") or {}), SCHEDULE: schedule}
        said = None if controls is None else controls.to_dict()
        handle = self.task.options(**cast("SubmitOptions", chosen))
        return handle.submit(tenant_id=tenant, controls=said, forced=force)

    async def trigger_learning_cycle(
        self, tenant_id: str, force_training: bool = False
    ) -> dict[str, Any]:
        """Have a cycle made now, and tell how it ended: `status`, `code`, `reason`, `version`.

        What a gate holds for longer than a minute is not made, and its status is `skipped`. A cycle
        that fails raises `JobFailed`.
        """
        options: dict[str, Any] = {} if force_training else {"expires": _ASKED_WITHIN}
        job = self.submit(tenant_id, force=force_training, **options)
        try:
            return await job
        except JobCancelled:
            return {"status": "skipped", "code": "gate", "reason": held_because(self.app, job.id)}

    def schedule(
        self,
        tenant_id: str,
        when: When,
        *,
        controls: SafetyControls | None = None,
        start_within: Duration = START_WITHIN,
        redeclare: bool = False,
        **options: Any,
    ) -> ScheduleHandle:
        """Have a tenant's cycles made by a schedule, such as "every day at 2am".

        start_within: a cycle that gates have held for so long is not made that night
        redeclare: a schedule of that name may be said twice in this program; the later one holds
        options: those of `ScheduleOptions`
        """
        tenant = check_name(tenant_id, "tenant_id")
        chosen = controls or self.controls
        kwargs = {"tenant_id": tenant, "controls": None if controls is None else chosen.to_dict()}
        options = {
            "name": f"{self.task.task.name} {tenant}",
            "expires": start_within,
            "timeout": chosen.max_training_time_minutes * 60,
            "disable_after": None,  # that is what the cool-down is for
            "priority": "background",
            **options,
        }
        return self.app.schedules.add(
            self.task.task, when, (), kwargs, cast("ScheduleOptions", options), redeclare=redeclare
        )

    def _options(self, controls: SafetyControls, tenant: str) -> dict[str, Any]:
        return {"tenant": tenant, "timeout": controls.max_training_time_minutes * 60}

    # -- making one ---------------------------------------------------------------------------

    def run(
        self,
        tenant_id: str,
        controls: Mapping[str, Any] | None = None,
        forced: bool = False,
        *,
        learner: Any = None,
    ) -> dict[str, Any]:
        """Make the cycle of the job that calls this, or go on with it; how it ended.

        It may only be called inside of a job. `learner` stands in for the trainer's own.
        """
        context = find_context()
        if context is None:
            raise NotStarted("a cycle is made by a job: use submit() or schedule()")
        chosen = self.controls if controls is None else SafetyControls.from_dict(controls)
        store, now = self.app.store, self.app.clock.micros()
        handle = self.app.models(tenant_id).make(self.name)
        new = NewCycle(
            handle.record.id, context.job_id, context.claim,
            context.schedule_id or context.metadata.get(SCHEDULE), forced,
            context.trace_id or uuid4().hex,
        )  # fmt: skip
        cycle = store.cycles.begin(new, now)
        hold = Hold(cycle.id, context.job_id, context.claim)
        if cycle.state is not CycleState.RUNNING:  # an attempt died after the end of the cycle
            made = next((v for v in handle.versions() if v.cycle_id == cycle.id), None)
            return Finished.of(cycle, None if made is None else made.number)._asdict()
        own = self.learner if learner is None else learner
        log = CycleLog(self.app, handle.record, cycle, self._monitor)
        with log:
            if self.plain:
                run = PlainRun(store.cycles, self.app.clock, handle.record, hold, chosen)
                log.finished = run.make(own, forced, context)
                return log.finished._asdict()
            rules = Rules(chosen, self._keep, forced)
            limit_memory(chosen, context)
            log.finished = CycleRun(
                store, self.app.artefacts, self.app.clock, own, self._golden_of(tenant_id),
                handle.record, hold, rules, correlation=cycle.correlation,
                progress=context.progress, checkpoint=context.checkpoint,
            ).run(context.last_attempt)  # fmt: skip
        self._publish(handle, log.finished)
        return log.finished._asdict()

    def _golden_of(self, tenant: str) -> GoldenSet:
        golden = self.golden if isinstance(self.golden, GoldenSet) else None
        return golden or cast("Callable[[str], GoldenSet]", self.golden)(tenant)

    def _publish(self, handle: ModelHandle, finished: Finished) -> None:
        """Tell the sinks. What they make of it changes nothing here."""
        if finished.status != CycleState.PROMOTED or finished.version is None:
            return
        for sink in self._sinks:
            try:
                version = handle.version(finished.version)
                sink.publish(handle.record, version, handle.artefact(version.number))
            except Exception as error:
                _log.warning("%s was not told of version %s: %s", sink, finished.version, error)

    # -- what came of it ----------------------------------------------------------------------

    def model(self, tenant_id: str) -> ModelHandle:
        """The model of a tenant: its champion, versions and history; rollback and restore."""
        return self.app.models(tenant_id).make(self.name)

    def predict(self, tenant_id: str) -> Predict:
        """The champion of a tenant, ready to be asked."""
        return self.model(tenant_id).load(cast(Learner, self.learner))

    def feedback(
        self, tenant_id: str, *scores: float, version: int | None = None
    ) -> Version | None:
        """Tell how the champion does, by scores from 0 to 1; see `ModelHandle.feedback`."""
        return self.model(tenant_id).feedback(*scores, version=version, controls=self.controls)

    def freeze(self, tenant_id: str, by: str = "") -> None:
        """Judge a tenant's versions on this trainer's golden set from now on."""
        self.model(tenant_id).freeze(self._golden_of(tenant_id).digest, by)
