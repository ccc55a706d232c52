"""The scheduler manager of the training scheduler document: guarded training, tenant by tenant."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Generator, Mapping
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import ConfigError
from offhours.core.schedules import ScheduleStatus
from offhours.faces.backup import Backup
from offhours.faces.base import open_app, shared_app
from offhours.faces.tasks import id_number
from offhours.faces.training_config import AutonomousConfig
from offhours.faces.training_notices import TrainingNotices
from offhours.faces.training_schedule import OURS, TrainingSchedule
from offhours.faces.training_updates import changes_of, check_updates, config_of, kept
from offhours.gates import ResourceMonitor
from offhours.handles import JobHandle
from offhours.learning import Trainer
from offhours.schedules import When
from offhours.training import GoldenSet
from offhours.training.registry import ModelRegistry, check_name

_NOT_ENABLED = "it is not enabled in its configuration"


class SchedulerManager:
    """Trains the models of tenants by schedules, behind gates, judged, and told of.

    autonomous_learner: an object with `trigger_learning_cycle(tenant_id, force_training)`, or a
        `offhours.training.Learner`, which also needs `golden`
    memory_service: keeps notifications of the type `memory`: see `ServiceMemory`
    storage_path: a JSON file that holds a copy of the schedules, renewed after each change made
        here; what is in it but not in the database is created again at the start
    database: where schedules and models are kept: a file or postgresql://...; by default that of
        this process, as `get_global_scheduler()` has it
    app: an `Offhours` to stand on; golden, resource_monitor, model: see `Trainer`

    >>> from offhours.testing import memory_app
    >>> class Learner:
    ...     def trigger_learning_cycle(self, tenant_id, force_training):
    ...         return {"status": "completed"}
    >>> scheduler = SchedulerManager(Learner(), app=memory_app())
    >>> schedule_id = scheduler.create_training_schedule("acme", "Daily", "0 2 * * *")
    >>> scheduler.get_schedule_status(schedule_id)["explanation"]
    'every day at 02:00'
    """

    def __init__(
        self,
        autonomous_learner: Any = None,
        memory_service: object = None,
        *,
        storage_path: str | os.PathLike[str] | None = None,
        database: str | os.PathLike[str] | None = None,
        app: Offhours | None = None,
        golden: GoldenSet | None = None,
        resource_monitor: ResourceMonitor | None = None,
        model: str = "autonomous",
        **options: Any,
    ) -> None:
        if autonomous_learner is None:
            raise ConfigError(["autonomous_learner: expected what makes a learning cycle"])
        if app is None:
            app = shared_app() if database is None else open_app(database, {}, {})
        self.app = app
        app.attached["training"] = self
        self.resource_monitor = resource_monitor or ResourceMonitor()
        self.trainer = Trainer(
            app, model, autonomous_learner, golden, monitor=self.resource_monitor, **options
        )
        self._notices = TrainingNotices(app, memory_service)
        self._started = False
        self.backup = Backup(app, storage_path, self.trainer.task.task.name)
        self.backup.restore()
        for schedule in self.schedules.values():
            self._notices.begin_again(schedule)

    # -- schedules ----------------------------------------------------------------------------

    def create_training_schedule(
        self,
        tenant_id: str,
        name: str,
        cron_expression: When | None = None,
        config: AutonomousConfig | Mapping[str, Any] | None = None,
        description: str = "",
    ) -> str:
        """Have a tenant's model trained by a schedule; the schedule's id.

        A name stands for one schedule of the tenant: creating it again changes that one, so that a
        program may create its schedules at each start.

        cron_expression: a cron expression or English; that of the config without it

        An unclear schedule is a `PhraseError` with `suggestions`; nothing is stored then.
        """
        chosen = config_of(config)
        tenant = check_name(tenant_id, "tenant_id")
        name = check_name(name, "name")
        handle = self.trainer.schedule(
            tenant,
            chosen.training_schedule if cron_expression is None else cron_expression,
            name=self._full_name(tenant, name),
            metadata={OURS: kept(tenant, name, description, chosen.to_dict())},
            controls=chosen.controls(),
            start_within=chosen.start_within,
            redeclare=True,
            timezone=chosen.timezone,
        )
        if not chosen.enabled and handle.status is ScheduleStatus.ACTIVE:
            handle.pause(_NOT_ENABLED)
        elif chosen.enabled and handle.record.reason == _NOT_ENABLED:
            handle.resume()
        schedule = TrainingSchedule(self.app, handle.record)
        self._notices.begin(schedule, chosen.notifications)
        self._changed(schedule, "created")
        return schedule.schedule_id

    def list_schedules(self, tenant_id: str | None = None) -> list[dict[str, Any]]:
        """All schedules, or those of one tenant, in the order of their creation."""
        return [each.as_dict() for each in self._all(tenant_id)]

    def get_schedule_status(
        self, schedule_id: str, tenant_id: str | None = None
    ) -> dict[str, Any] | None:
        """How a schedule stands; None when there is none, or it is not the tenant's."""
        schedule = self._find(schedule_id, tenant_id)
        return None if schedule is None else schedule.as_dict()

    def get_schedule_history(
        self, schedule_id: str, limit: int = 50, tenant_id: str | None = None
    ) -> list[dict[str, Any]]:
        """The newest cycles of a schedule; none when it is not there."""
        schedule = self._find(schedule_id, tenant_id)
        return [] if schedule is None else schedule.history(limit)

    def pause_schedule(
        self, schedule_id: str, reason: str = "", tenant_id: str | None = None
    ) -> bool:
        """Make no cycles until it is resumed; false when there is no such schedule."""
        schedule = self._find(schedule_id, tenant_id)
        if schedule is not None:
            schedule.handle.pause(reason or "paused by hand")
            self._changed(schedule, "paused")
        return schedule is not None

    def resume_schedule(self, schedule_id: str, tenant_id: str | None = None) -> bool:
        """Go on, from now on; false when there is no such schedule."""
        schedule = self._find(schedule_id, tenant_id)
        if schedule is not None:
            schedule.handle.resume()
            self._changed(schedule, "resumed")
        return schedule is not None

    def update_schedule(
        self, schedule_id: str, tenant_id: str | None = None, **updates: Any
    ) -> bool:
        """Change what is given; false when there is no such schedule.

        name, description, cron_expression, config, timezone, enabled; `consecutive_failures=0`
        ends a cool-down
        """
        check_updates(updates)
        schedule = self._find(schedule_id, tenant_id)
        if schedule is None:
            return False
        self._update(schedule, updates)
        self._changed(schedule, f"updated ({', '.join(updates)})")
        return True

    def delete_schedule(self, schedule_id: str, tenant_id: str | None = None) -> bool:
        """Take a schedule away; its models and their history stay. False when there is none."""
        schedule = self._find(schedule_id, tenant_id)
        if schedule is None:
            return False
        self._notices.end(schedule)
        schedule.note("deleted")
        schedule.handle.delete()
        self.backup.save()
        return True

    def _changed(self, schedule: TrainingSchedule, done: str) -> None:
        schedule.note(done)
        self.backup.save()

    def _update(self, schedule: TrainingSchedule, updates: Mapping[str, Any]) -> None:
        changes = changes_of(schedule, updates, self._full_name)
        if changes or "cron_expression" in updates:
            schedule.handle.update(updates.get("cron_expression"), **changes)
        if "config" in updates:
            self._notices.begin(schedule, config_of(updates["config"]).notifications)
        if "consecutive_failures" in updates:
            now = self.app.clock.micros()
            self.app.store.cycles.pardon(None, int(schedule.schedule_id), now)
        if "enabled" in updates:
            (schedule.handle.resume if updates["enabled"] else schedule.handle.pause)()

    def _full_name(self, tenant: str, name: str) -> str:
        return f"{self.trainer.task.task.name} {tenant}: {name}"

    # -- cycles and models --------------------------------------------------------------------

    def trigger_training(
        self, schedule_id: str, force_training: bool = False, tenant_id: str | None = None
    ) -> JobHandle[dict[str, Any]] | None:
        """A cycle at once by the controls of a schedule; None when there is none.

        force_training: pass the gates that a person may pass; that is written down
        """
        schedule = self._find(schedule_id, tenant_id)
        if schedule is None:
            return None
        controls = schedule.known_config.controls()
        number = int(schedule.schedule_id)
        return self.trainer.submit(
            schedule.tenant_id, force=force_training, controls=controls, schedule=number
        )

    async def trigger_learning_cycle(
        self, tenant_id: str, force_training: bool = False
    ) -> dict[str, Any]:
        """Have a cycle made for a tenant now, and tell how it ended."""
        return await self.trainer.trigger_learning_cycle(tenant_id, force_training)

    def models(self, tenant_id: str) -> ModelRegistry:
        """A tenant's models: versions and history, rollback and restore."""
        return self.app.models(tenant_id)

    # -- running ------------------------------------------------------------------------------

    async def start_scheduler(self) -> None:
        """Begin to make cycles in this process; they run in threads, and the loop goes on."""
        self._started = True
        self.resource_monitor.start()
        await asyncio.to_thread(self.app.start)

    def stop_scheduler(self) -> Awaitable[bool]:
        """Start nothing more, and let what runs end, for up to 30 s. It may be awaited, or not.

        True when everything had ended. It stops the worker of its app, also for others on it.
        """
        self._started = False
        self.resource_monitor.stop()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return _Stopped(self.app.stop())
        return loop.run_in_executor(None, self.app.stop)

    @property
    def running(self) -> bool:
        """Whether this process makes cycles."""
        return self._started and self.app.running

    @property
    def schedules(self) -> dict[str, TrainingSchedule]:
        """All schedules by id."""
        return {each.schedule_id: each for each in self._all(None)}

    @property
    def running_tasks(self) -> dict[str, int]:
        """The job of each cycle that goes on, by its schedule's id, in all processes."""
        self.app.store.cycles.settle_lost(self.app.clock.micros())
        found = ((key, schedule.running_job) for key, schedule in self.schedules.items())
        return {key: job for key, job in found if job is not None}

    def get_system_status(self) -> dict[str, Any]:
        """How the whole stands."""
        schedules = self.schedules.values()
        return {
            "scheduler_running": self.running,
            "total_schedules": len(schedules),
            "active_schedules": sum(each.status is ScheduleStatus.ACTIVE for each in schedules),
            "running_tasks": len(self.running_tasks),
            "tenants": sorted({each.tenant_id for each in schedules}),
        }

    # -- copies as JSON -----------------------------------------------------------------------

    def backup_schedules(self, path: str | os.PathLike[str]) -> int:
        """Write all schedules to a JSON file, without secrets; how many."""
        return self.backup.export(path)

    def restore_schedules(self, path: str | os.PathLike[str]) -> list[str]:
        """Create the schedules of a JSON file whose names are not taken; their ids.

        Those of another model than this manager's are left out. Nothing of the file is imported or
        executed; what is wrong is an `InputError` that names the file and the line.
        """
        created = self.backup.take_in(path)
        for schedule_id in created:
            self._notices.begin_again(self.schedules[schedule_id])
        return created

    # -- finding them -------------------------------------------------------------------------

    def _all(self, tenant_id: str | None) -> list[TrainingSchedule]:
        mine = self.trainer.task.task.name
        found = [TrainingSchedule(self.app, record) for record in self.app.schedules.records()
                 if record.task == mine and f'"{OURS}"' in (record.metadata or "")]  # fmt: skip
        return [each for each in found if tenant_id in (None, each.tenant_id)]

    def _find(self, schedule_id: str, tenant_id: str | None) -> TrainingSchedule | None:
        number = id_number(schedule_id)
        return next(
            (each for each in self._all(tenant_id) if each.schedule_id == str(number)), None
        )


class _Stopped:
    """What stopping came to, for those who await it and those who do not."""

    def __init__(self, clean: bool) -> None:
        self._clean = clean

    def __bool__(self) -> bool:
        return self._clean

    def __await__(self) -> Generator[Any, None, bool]:
        return self._clean
        yield  # it is a generator, as `await` wants one
