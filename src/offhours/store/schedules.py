"""The schedules' part of the store: changes by hand, and reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core import schedules
from offhours.core.fire_rules import Overlap
from offhours.core.firing import Fire, Verdict, plan_of, skip_all
from offhours.core.model import Job
from offhours.core.schedules import (
    FireRecord,
    NewSchedule,
    Schedule,
    ScheduleMove,
    ScheduleStatus,
)
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.fires import Fires
from offhours.store.rows import read_job, read_schedule


class SqlSchedules:
    """Implements `core.ports.Schedules` beside the jobs of the same database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], fires: Fires, tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._fires = fires
        self._tell = tell

    # -- changes --------------------------------------------------------------------------------

    def add(self, new: NewSchedule, next_at: Micros, now: Micros) -> tuple[Schedule, bool]:
        """Store a schedule. One of the same name is answered instead (and false)."""
        return self._db.write(lambda db: self.add_in(db, new, next_at, now))

    def add_in(
        self, db: Connection, new: NewSchedule, next_at: Micros, now: Micros
    ) -> tuple[Schedule, bool]:
        """The same, inside a transaction."""
        row = db.execute(self._sql["schedule_named"], (new.name,)).fetchone()
        if row is not None:
            return read_schedule(row), False
        due_at = schedules.due_at(new.name, new.jitter, next_at)
        db.execute(self._sql["insert_schedule"], (*new, next_at, due_at, now))
        schedule_id = db.last_insert_rowid()
        told = {"schedule": schedule_id, "name": new.name, "text": new.text}
        self._tell(db, now, "schedule.created", **told)
        [row] = db.execute(self._sql["schedule"], (schedule_id,)).fetchall()
        return read_schedule(row), True

    def change(self, move: ScheduleMove, now: Micros) -> bool:
        """Change a schedule; false when it is no longer what the change was made for."""
        return self._db.write(lambda db: self._fires.change(db, move, now))

    def settle(self, schedule_id: int, now: Micros) -> None:
        """Fire what is due of one active schedule, as a worker's round would."""

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
            schedule = None if row is None else read_schedule(row)
            if schedule is None or schedule.status is not ScheduleStatus.ACTIVE:
                return False
            if schedule.due_at is None or schedule.due_at > now:
                return False
            self._fires.fire(db, schedule, now)
            return True

        while self._db.write(unit):
            pass

    def skip_due(
        self, schedule_id: int, code: str, reason: str, now: Micros, active: bool = False
    ) -> None:
        """Skip what is due of one schedule, with this reason; of an active one when told so."""

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
            schedule = None if row is None else read_schedule(row)
            if schedule is None or (schedule.status is ScheduleStatus.ACTIVE and not active):
                return False
            firing = skip_all(schedule, code, reason, now)
            if firing.fires:
                self._fires.settle(db, schedule, firing, now)
            return bool(firing.fires)

        while self._db.write(unit):
            pass

    def run_now(
        self, schedule: Schedule, instants: Sequence[Micros], code: str, now: Micros
    ) -> list[int]:
        """Make a job for each of these instants that has none; those after the first wait their
        turn unless jobs of this schedule may overlap."""

        def unit(db: Connection) -> list[int]:
            made: list[int] = []
            jobs = db.execute(self._sql["jobs_of_schedule"], (schedule.id,)).fetchall()
            for instant in instants:
                known = (schedule.id, instant)
                if db.execute(self._sql["fired"], known).get is not None:
                    continue
                if db.execute(self._sql["fire_known"], known).get is not None:
                    db.execute(self._sql["unskip"], (schedule.id,))
                beside = schedule.overlap == Overlap.ALLOW or not (jobs or made)
                verdict = Verdict.RUN if beside else Verdict.WAIT
                fire = Fire(instant, verdict, code, None, max(0, now - instant))
                made.append(self._fires.make(db, schedule, fire, now))
            return made

        return self._db.write(unit)

    def report_run(self, schedule_id: int, succeeded: bool, text: str | None, now: Micros) -> bool:
        """Count a run that somebody made without us; what was due is done with it.

        `text` is its result as JSON, or its error. False when there is no such schedule.
        """
        self.skip_due(schedule_id, "skipped", "its run was reported by hand", now, active=True)
        code = "reported" if succeeded else "reported_failure"

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
            if row is None:
                return False
            schedule = read_schedule(row)
            instant = now
            while db.execute(self._sql["fire_known"], (schedule_id, instant)).get is not None:
                instant += 1
            fire = FireRecord(schedule_id, instant, None, code, text, now, 0)
            db.execute(self._sql["insert_fire"], fire)
            last = schedules.runs_left(schedule, plan_of(schedule.plan).count) == 1
            self._fires.change(db, schedules.report_run(schedule, succeeded, last), now)
            self._fires.count(db, schedule_id, succeeded, now)
            return True

        return self._db.write(unit)

    def remove(self, schedule: Schedule, now: Micros) -> bool:
        """Delete a schedule and its fires; its jobs stay. False when it was changed meanwhile."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["delete_schedule"], (schedule.id, schedule.revision))
            if db.changes() == 0:
                return False
            db.execute(self._sql["delete_fires"], (schedule.id,))
            told = {"schedule": schedule.id, "name": schedule.name}
            self._tell(db, now, "schedule.deleted", **told)
            return True

        return self._db.write(unit)

    # -- reading --------------------------------------------------------------------------------

    def unfinished(self, schedule_id: int) -> list[Job]:
        """The jobs of a schedule that are not finished."""
        rows = self._db.read(self._sql["unfinished_of_schedule"], (schedule_id,))
        return [read_job(row) for row in rows]

    def get(self, schedule_id: int) -> Schedule | None:
        rows = self._db.read(self._sql["schedule"], (schedule_id,))
        return read_schedule(rows[0]) if rows else None

    def named(self, name: str) -> Schedule | None:
        rows = self._db.read(self._sql["schedule_named"], (name,))
        return read_schedule(rows[0]) if rows else None

    def page(
        self,
        *,
        status: ScheduleStatus | None = None,
        task: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Schedule]:
        """A page of schedules by number; `after` is the last number of the page before."""
        return self._many("schedules", after, status, task, limit)

    def due_between(self, first: Micros, last: Micros, limit: int = 1000) -> list[Schedule]:
        """Active schedules whose next fire is due from `first` to `last`, in that order."""
        return self._many("schedules_between", first, last, limit)

    def coming(self, last: Micros, limit: int = 1000) -> list[Schedule]:
        """Active schedules whose next instant, jitter left out, is not after `last`, in order."""
        return self._many("schedules_coming", last, limit)

    def of_task(self, task: str, status: ScheduleStatus, limit: int = 1000) -> list[Schedule]:
        """Schedules of one task and status."""
        return self._many("schedules_of", task, status, limit)

    def tasks(self, status: ScheduleStatus) -> list[str]:
        """The tasks that schedules of this status have; cheap however many there are."""
        return [str(row[0]) for row in self._db.read(self._sql["scheduled_tasks"], (status,))]

    def fires(
        self, schedule_id: int, before: Micros | None = None, limit: int = 50
    ) -> list[FireRecord]:
        """What became of the latest instants (before a moment), newest first."""
        rows = self._db.read(self._sql["fires"], (schedule_id, before, limit))
        return [FireRecord(*row) for row in rows]

    def fires_between(self, first: Micros, last: Micros, limit: int = 1000) -> list[FireRecord]:
        """What became of the instants of all schedules from `first` to before `last`, in order."""
        rows = self._db.read(self._sql["fires_between"], (first, last, limit))
        return [FireRecord(*row) for row in rows]

    def _many(self, name: str, *values: Any) -> list[Schedule]:
        return [read_schedule(row) for row in self._db.read(self._sql[name], values)]
