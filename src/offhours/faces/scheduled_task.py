"""A scheduled task, as the documents look at it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from offhours.app import Offhours
from offhours.core.errors import IllegalMove, ScheduleNotFound
from offhours.core.firing import plan_of
from offhours.core.model import JobState
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.core.times import Micros
from offhours.core.triggers import Cron, Plan
from offhours.engine.codec import load
from offhours.faces.local_time import local
from offhours.faces.records import ENABLED, OURS, cron_of, description_of, due_of
from offhours.faces.tasks import BackgroundTask, id_number
from offhours.schedules import ScheduleHandle

_RECENT = 100


class Run(NamedTuple):
    """One run of a scheduled task: a job, or a run that was reported."""

    at: Micros
    finished: bool
    result: Any
    error: str | None


class ScheduledTask:
    """A task with its schedule. Each attribute says what the store says at that moment."""

    def __init__(self, app: Offhours, record: Schedule) -> None:
        self._app = app
        self._record = record
        self._deleted = False

    @classmethod
    def find(cls, app: Offhours, task_id: str) -> ScheduledTask | None:
        """The scheduled task with an id; None when there is none (any more)."""
        number = id_number(task_id)
        try:
            return None if number is None else cls(app, app.schedules.record(number))
        except ScheduleNotFound:
            return None

    @property
    def record(self) -> Schedule:
        """The stored row; as it was last seen when it has been deleted."""
        if not self._deleted:
            try:
                self._record = self._app.schedules.record(self._record.id)
            except ScheduleNotFound:
                self._deleted = True
        return self._record

    @property
    def handle(self) -> ScheduleHandle:
        """The schedule in the words of the library: `explain`, `next_fires`, `fires`, `update`."""
        return ScheduleHandle(self._app.schedules, self._record.id)

    @property
    def task_id(self) -> str:
        """The number of the schedule, as text."""
        return str(self._record.id)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def description(self) -> str:
        """What it is for, as it was described; empty when it was not."""
        return description_of(self.record)

    @property
    def schedule(self) -> str:
        """The words or the cron expression that it was given."""
        return self.record.text

    @property
    def cron_expression(self) -> str:
        """A cron expression of five fields (six with the seconds last) for libraries like croniter.

        It is the whole schedule when that is one expression. Of several (`cron_expressions` has
        them all) it is the one that comes next. What no expression can say, like every 45 minutes,
        is answered with minute, hour, day and month of the next run alone.
        """
        return cron_of(self.record)

    @property
    def cron_expressions(self) -> tuple[str, ...]:
        """All its cron expressions as `create_task` takes them; none for an interval."""
        return tuple(t.expression for t in self._plan().triggers if isinstance(t, Cron))

    @property
    def tags(self) -> list[str]:
        """What it is found by: `['scheduled_task', 'cron', '0 12 * * 0']`."""
        expressions = self.cron_expressions
        kind = "cron" if expressions else type(self._plan().triggers[0]).__name__.lower()
        return ["scheduled_task", kind, *expressions]

    @property
    def func_name(self) -> str:
        """The name under which its function is known."""
        return self.record.task

    @property
    def func(self) -> Callable[..., Any] | None:
        """Its function; None when this process does not know it (yet): see `status`."""
        task = self._app.registry.find(self.record.task)
        return None if task is None else task.function

    @property
    def metadata(self) -> dict[str, Any]:
        """What was handed in with it, and `explanation`: the schedule as a sentence."""
        given: dict[str, Any] = load(self.record.metadata) or {}
        given.pop(OURS, None)
        return {"explanation": self._app.schedules.explain(self._record).sentence, **given}

    @property
    def status(self) -> str:
        """active, paused, disabled, parked (nobody who runs tasks knows its function), ended or
        deleted; `why()` says it in a sentence."""
        record = self.record
        return "deleted" if self._deleted else record.status.value

    @property
    def enabled(self) -> bool:
        """Whether it will run: not disabled by hand or by failures, not ended."""
        return self.status in ENABLED

    @property
    def run_count(self) -> int:
        """How often it was run, runs that were reported by `mark_task_run` included."""
        return self.record.runs

    @property
    def error_count(self) -> int:
        """Runs that failed since one succeeded; it is disabled when they are five."""
        return self.record.failures

    @property
    def created_at(self) -> datetime:
        """When it was created: aware, in local time, like all times here."""
        created = local(self._record.created_at)
        assert created is not None
        return created

    @property
    def last_run(self) -> datetime | None:
        """When its last run began; None before the first."""
        runs = self._runs()
        if runs:
            return local(runs[0].at)
        return local(self._record.last_at) if self._record.runs else None

    @property
    def last_result(self) -> Any:
        """What its last finished run returned; None when that failed."""
        done = next((run for run in self._runs() if run.finished), None)
        return None if done is None else done.result

    @property
    def last_error(self) -> str | None:
        """Why its last finished run failed; None when it did not."""
        done = next((run for run in self._runs() if run.finished), None)
        return None if done is None else done.error

    def get_next_run_time(self) -> datetime | None:
        """When it runs next; None while it is not enabled. Past when it is overdue."""
        return local(due_of(self.record)) if self.enabled else None

    def why(self) -> str:
        """When it runs next, or why it does not, in a sentence."""
        return str(self.handle.why())

    def enable(self) -> None:
        """Let it run again, from now on; its failures are forgotten. `IllegalMove` once it has
        ended."""
        record = self.record
        if record.status is ScheduleStatus.ENDED:
            raise IllegalMove(f"scheduled task {record.id} has ended: create it again")
        if not self.enabled:
            self.handle.resume()

    def disable(self, reason: str = "") -> None:
        """Run it no more until it is enabled; runs that are due meanwhile are skipped."""
        if self.enabled:
            self.handle.pause(reason or "disabled by hand")

    def _plan(self) -> Plan:
        return plan_of(self.record.plan)

    def _runs(self) -> list[Run]:
        """Its recent runs that have begun, the latest first."""
        runs: list[Run] = []
        for fire in self._app.schedules.fires(self.record, _RECENT):
            if fire.code == "reported":
                runs.append(Run(fire.at, True, load(fire.reason), None))
            elif fire.code == "reported_failure":
                runs.append(Run(fire.at, True, None, fire.reason or "it failed"))
            elif fire.job_id is not None:
                job = BackgroundTask.find(self._app, str(fire.job_id))
                if job is None or job.record.started_at is None:
                    continue
                ended = job.record.state in (JobState.SUCCEEDED, JobState.FAILED)
                error = job.error if job.record.state is JobState.FAILED else None
                runs.append(Run(job.record.started_at, ended, job.result, error))
            if any(run.finished for run in runs):
                break
        return runs

    def __repr__(self) -> str:
        return f"<scheduled task {self.task_id} {self._record.name}: {self.status}>"
