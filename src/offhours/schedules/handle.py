"""One schedule, as the user holds it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from offhours.core.firing import plan_of
from offhours.core.schedules import Delays, FireRecord, Schedule, ScheduleStatus
from offhours.core.times import Moment, to_datetime
from offhours.core.triggers import Plan
from offhours.core.why import Why, why_schedule
from offhours.handles import JobHandle

if TYPE_CHECKING:
    from offhours.core.explain import Explanation
    from offhours.schedules.book import ScheduleBook
    from offhours.schedules.options import When


class ScheduleHandle:
    """A schedule by its number. Everything it says is read from the store at that moment."""

    def __init__(self, book: ScheduleBook, schedule_id: int) -> None:
        self._book = book
        self.id = schedule_id

    @property
    def record(self) -> Schedule:
        """The stored row; `ScheduleNotFound` when it was deleted."""
        return self._book.record(self.id)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def status(self) -> ScheduleStatus:
        return self.record.status

    @property
    def plan(self) -> Plan:
        """Its triggers, timezone and bounds."""
        return plan_of(self.record.plan)

    def next_fires(self, n: int = 5) -> tuple[datetime, ...]:
        """The next instants, aware, in its timezone, jitter left out. None while it is not active.

        They are what the plan says: blackouts and overlaps may still skip some.
        """
        return self._book.next_fires(self.record, n)

    def explain(self) -> Explanation:
        """The schedule in words and figures."""
        return self._book.explain(self.record)

    def why(self) -> Why:
        """When it fires next, or why it does not, in a sentence."""
        return why_schedule(self.record, self._book.now())

    def fires(self, limit: int = 50, before: Moment | None = None) -> list[FireRecord]:
        """What became of its latest instants, newest first."""
        return self._book.fires(self.record, limit, before)

    def delays(self) -> Delays | None:
        """How late its jobs were made; None before the first."""
        return self._book.delays(self.record)

    def pause(self, reason: str = "") -> None:
        """Fire no more until `resume`. What is due meanwhile will be recorded as skipped."""
        self._book.pause(self.id, reason)

    def resume(self) -> None:
        """Let a paused or disabled schedule fire again, from now on."""
        self._book.resume(self.id)

    def run_now(self) -> JobHandle[Any]:
        """A job at once, beside the plan. It waits for an earlier one unless they may overlap."""
        return self._book.run_now(self.record)

    def backfill(self, start: Moment, end: Moment) -> list[JobHandle[Any]]:
        """Jobs for the past instants from `start` to `end` that have none. They run in order, one
        after the other unless they may overlap."""
        return self._book.backfill(self.record, start, end)

    def missing(self, start: Moment, end: Moment) -> tuple[datetime, ...]:
        """The past instants from `start` to `end` that have no job: what `backfill` would make."""
        zone = self.plan.zone
        missing = self._book.missing(self.record, start, end)
        return tuple(to_datetime(instant).astimezone(zone) for instant in missing)

    def report_run(self, succeeded: bool, *, result: Any = None, error: str | None = None) -> None:
        """Count a run that was made without Offhours: it is among its runs and, if it failed, its
        failures in a row. Instants that are due are done with it. `result` must be storable."""
        self._book.report_run(self.id, succeeded, result, error)

    def update(
        self, when: When | None = None, *, revision: int | None = None, **options: Any
    ) -> None:
        """Change what is given (see `ScheduleOptions`, and args and kwargs), and nothing else.

        With a `revision`, only if nobody has changed it since that one: `Conflict`.
        """
        self._book.update(self.id, when, revision, options)

    def delete(self) -> None:
        """Take it away, with the record of its fires. Its jobs stay."""
        self._book.delete(self.id)

    def __repr__(self) -> str:
        return f"<schedule {self.id}>"
