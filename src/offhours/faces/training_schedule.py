"""A training schedule, as the training scheduler document looks at it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from offhours.app import Offhours
from offhours.core.firing import plan_of
from offhours.core.model import FINAL, JobState
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.core.times import iso, to_datetime
from offhours.core.training import CycleCounts, CycleState
from offhours.engine.codec import load
from offhours.faces.records import cron_of, due_of
from offhours.faces.training_config import AutonomousConfig
from offhours.learning.limits import held_because
from offhours.schedules import ScheduleHandle
from offhours.training.telling import cycle_dict

_log = logging.getLogger("offhours.training")

OURS = "training_schedule"
"""The key of a schedule's metadata under which this face keeps what is its own."""


class TrainingSchedule:
    """One schedule of learning cycles. Each attribute says what the store says at that moment."""

    def __init__(self, app: Offhours, record: Schedule) -> None:
        self._app = app
        self._id = record.id

    @property
    def record(self) -> Schedule:
        """The stored row."""
        return self._app.schedules.record(self._id)

    @property
    def handle(self) -> ScheduleHandle:
        """The schedule in the words of the library."""
        return ScheduleHandle(self._app.schedules, self._id)

    @property
    def schedule_id(self) -> str:
        return str(self._id)

    @property
    def tenant_id(self) -> str:
        return str(self._kept["tenant_id"])

    @property
    def name(self) -> str:
        return str(self._kept["name"])

    @property
    def description(self) -> str:
        return str(self._kept["description"])

    @property
    def config(self) -> dict[str, Any]:
        """What it was configured with, without secrets."""
        return dict(self._kept["config"])

    @property
    def known_config(self) -> AutonomousConfig:
        """The same as it is used; of its notifications the secrets are not known."""
        return AutonomousConfig.from_dict({**self.config, "notifications": None})

    @property
    def cron_expression(self) -> str:
        return cron_of(self.record)

    @property
    def status(self) -> ScheduleStatus:
        """Active, paused, disabled, parked or ended."""
        return self.record.status

    @property
    def next_run(self) -> datetime | None:
        """When it is due next, in its own timezone."""
        record = self.record
        due = due_of(record)
        return None if due is None else to_datetime(due).astimezone(plan_of(record.plan).zone)

    @property
    def consecutive_failures(self) -> int:
        """Cycles that failed or were refused since a good one, or since they were set to 0."""
        return self._app.store.cycles.record(None, self._id).failures

    @property
    def running_job(self) -> int | None:
        """The job of the cycle that goes on now."""
        for cycle in self._app.store.cycles.cycles(None, self._id, limit=1):
            if cycle.state is CycleState.RUNNING:
                return cycle.job_id
        return None

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = (load(self.record.metadata) or {})[OURS]
        return kept

    def note(self, done: str) -> None:
        """Write into the log what was done with it."""
        told = {"schedule_id": self._id, "schedule": self.name, "tenant": self.tenant_id}
        _log.info("schedule %d: %s", self._id, done, extra=told)

    def counts(self) -> CycleCounts:
        """How many of its cycles there were, by how they ended."""
        return self._app.store.cycles.counts(None, self._id)

    def history(self, limit: int = 50, before: int | None = None) -> list[dict[str, Any]]:
        """Its newest cycles; `before` is the number of the last one of the page before."""
        cycles = self._app.store.cycles.cycles(None, self._id, before, limit)
        return [cycle_dict(cycle) for cycle in cycles]

    def last_result(self) -> dict[str, Any] | None:
        """How its last cycle ended; also one that no gate let start in time."""
        last = next((each for each in self.history(2) if each["status"] != "running"), None)
        fires = [fire for fire in self._app.schedules.fires(self.record, 5) if fire.job_id]
        for fire in fires:
            job = self._app.store.job(fire.job_id or 0)
            if job is None or job.state not in FINAL:
                continue
            if job.state is JobState.CANCELLED and (last is None or job.id > last["job"]):
                return {
                    "status": "skipped", "code": job.code, "job": job.id,
                    "reason": held_because(self._app, job.id), "cycle": None,
                    "finished_at": iso(job.finished_at),
                }  # fmt: skip
            break
        return last

    def held(self) -> str | None:
        """Why its next cycle does not start though it is due; None when nothing holds it."""
        for fire in self._app.schedules.fires(self.record, 1):
            job = None if fire.job_id is None else self._app.store.job(fire.job_id)
            if job is not None and job.state is JobState.PENDING and job.code == "gate":
                return str(self._app.why(job.id))
        return None

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON answers carry it."""
        self._app.store.cycles.settle_lost(self._app.clock.micros())
        record, counts, next_run = self.record, self.counts(), self.next_run
        ended = counts.good + counts.bad + counts.skipped
        return {
            "schedule_id": self.schedule_id,
            "tenant_id": self.tenant_id,
            "name": self.name,
            "description": self.description,
            "status": str(record.status),
            "reason": record.reason,
            "schedule": record.text,
            "cron_expression": cron_of(record),
            "explanation": self._app.schedules.explain(record).sentence,
            "timezone": plan_of(record.plan).timezone,
            "next_run": None if next_run is None else next_run.isoformat(),
            "running": self.running_job is not None,
            "held": self.held(),
            "total_runs": ended,
            "successful_runs": counts.good,
            "failed_runs": counts.bad,
            "skipped_runs": counts.skipped,
            "consecutive_failures": self.consecutive_failures,
            "last_run": self._last_run(),
            "last_result": self.last_result(),
            "config": self.config,
            "created_at": iso(record.created_at),
            "updated_at": iso(record.updated_at),
        }

    def _last_run(self) -> str | None:
        found = self._app.store.cycles.cycles(None, self._id, limit=1)
        return iso(found[0].started_at) if found else None

    def __repr__(self) -> str:
        return f"<training schedule {self._id} {self.name} of {self.tenant_id}: {self.status}>"
