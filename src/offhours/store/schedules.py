"""The schedules' part of the store: firing inside a round's transaction, and changes by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from offhours.core import points, schedules, states
from offhours.core.fire_rules import Overlap
from offhours.core.firing import ON_TIME, Fire, Firing, Verdict, decide, plan_of, skip_all
from offhours.core.here import actor
from offhours.core.model import Job, JobState
from offhours.core.schedules import (
    FireRecord,
    NewSchedule,
    Schedule,
    ScheduleMove,
    ScheduleStatus,
    job_of,
)
from offhours.core.states import EARLIER, Move
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.dialects import statements
from offhours.store.moves import Apply
from offhours.store.rows import read_job

FIRED_AT_ONCE = 200
CHANGED_AT_ONCE = 1_500
RECENT = 1_000

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("offhours")


class SqlSchedules:
    """Implements `core.ports.Schedules` beside the jobs of the same database."""

    def __init__(self, database: Database, apply: Apply, tell: Callable[..., None]) -> None:
        self._db = database
        self._apply = apply
        self._tell = tell
        self._sql = statements(database.dialect)

    # -- firing: inside the transaction of a worker's round -------------------------------------

    def fire(self, db: Connection, now: Micros) -> list[str]:
        """Settle the schedules that are due; the tasks of the jobs that this made."""
        rows = db.execute(self._sql["due_schedules"], (now, FIRED_AT_ONCE)).fetchall()
        made: list[str] = []
        before = db.total_changes()
        for row in rows:
            made += self._fire_one(db, _schedule(row), now)
            if db.total_changes() - before > CHANGED_AT_ONCE:
                break  # the rest is still due: the next round comes at once
        if rows:
            points.reach("in fire")
        return made

    def _fire_one(self, db: Connection, schedule: Schedule, now: Micros) -> list[str]:
        busy = waiting = 0
        if schedule.overlap != Overlap.ALLOW:
            jobs = db.execute(self._sql["jobs_of_schedule"], (schedule.id,)).fetchall()
            busy, waiting = len(jobs), sum(1 for _, _, reason in jobs if reason == EARLIER)
        try:
            firing = decide(schedule, now, busy, waiting)
        except Exception as error:
            # What one schedule holds must not stop the work of all the others.
            reason = f"its next fire cannot be found: {error}"[:500]
            _log.exception("schedule %d: %s", schedule.id, reason)
            self.change_in(db, schedules.disable(schedule, reason, now), now)
            return []
        return self._settle(db, schedule, firing, now)

    def _settle(self, db: Connection, schedule: Schedule, firing: Firing, now: Micros) -> list[str]:
        """Record what became of each instant, and move the schedule on to the next."""
        made: list[tuple[int, Fire]] = []
        skips = 0
        for fire in firing.fires:
            if db.execute(self._sql["fire_known"], (schedule.id, fire.instant)).get is not None:
                continue  # settled before a clock was set back, or by hand
            if fire.verdict is Verdict.SKIP:
                skips += 1
                self._note(db, schedule, fire, None, now)
            else:
                job_id = self._make_job(db, schedule, fire, now)
                self._note(db, schedule, fire, job_id, now)
                made.append((job_id, fire))
        self._advance(db, schedule, firing, made, skips, now)
        return [schedule.task for _ in made]

    def _note(
        self, db: Connection, schedule: Schedule, fire: Fire, job_id: int | None, now: Micros
    ) -> None:
        row = FireRecord(schedule.id, fire.instant, job_id, fire.code, fire.reason, now, fire.delay)
        db.execute(self._sql["insert_fire"], row)
        if job_id is None:
            told = {
                "schedule": schedule.id, "name": schedule.name, "instant": fire.instant,
                "code": fire.code, "reason": fire.reason,
            }  # fmt: skip
            self._tell(db, now, "schedule.skipped", **told)

    def _make_job(self, db: Connection, schedule: Schedule, fire: Fire, now: Micros) -> int:
        wait = fire.verdict is not Verdict.RUN
        if fire.verdict is Verdict.REPLACE:
            wait = self._cancel_earlier(db, schedule, now)
        due = now - fire.delay if fire.code in ("fired", "caught_up") else now
        db.execute(self._sql["insert_job"], (*job_of(schedule, fire.instant, now, due), now, True))
        job_id = db.last_insert_rowid()
        told = {"schedule": schedule.id, "name": schedule.name, "instant": fire.instant}
        self._tell(db, now, "job.submitted", job_id, 0, **told)
        if wait:
            self._apply(db, [states.wait_turn(job_id, schedule.id)], now)
        return job_id

    def _cancel_earlier(self, db: Connection, schedule: Schedule, now: Micros) -> bool:
        """Cancel what is not finished; whether something of it still runs."""
        reason = "a later fire of its schedule takes its place"
        rows = db.execute(self._sql["unfinished_of_schedule"], (schedule.id,)).fetchall()
        jobs = [read_job(row) for row in rows]
        running = [job for job in jobs if job.state is JobState.RUNNING]
        for job in running:
            db.execute(self._sql["ask_cancel"], (now, reason, job.id, job.attempt))
            if db.changes():
                self._tell(db, now, "job.cancel_requested", job.id, job.attempt, reason=reason)
        # Without their schedule: what they held up is being replaced, not released.
        moves = [states.cancel(job, reason)._replace(schedule_id=None)
                 for job in jobs if job not in running]  # fmt: skip
        self._apply(db, moves, now)
        return bool(running)

    def _advance(
        self,
        db: Connection,
        schedule: Schedule,
        firing: Firing,
        made: Sequence[tuple[int, Fire]],
        skips: int,
        now: Micros,
    ) -> None:
        ended = firing.next_at is None
        status, reason = schedule.status, schedule.reason
        if ended:
            status, reason = ScheduleStatus.ENDED, "it has no fires left"
        delays = [fire.delay for _, fire in made]
        last_job = made[-1][0] if made else schedule.last_job
        values = (
            firing.next_at, firing.due_at if status is ScheduleStatus.ACTIVE else None,
            status, reason,
            schedule.runs + len(made), schedule.skipped + skips,
            firing.fires[-1].instant if firing.fires else schedule.last_at, last_job,
            schedule.delay_total + sum(delays), max(schedule.delay_most, *delays, 0),
            schedule.on_time + sum(delay <= ON_TIME for delay in delays), schedule.id,
        )  # fmt: skip
        db.execute(self._sql["advance_schedule"], values)
        if ended:
            told = {"schedule": schedule.id, "name": schedule.name, "reason": reason}
            self._tell(db, now, "schedule.ended", **told)

    # -- what the end of a job means for its schedule -------------------------------------------

    def after_jobs(self, db: Connection, moves: Iterable[Move], now: Micros) -> None:
        """Count failures in a row, and let the next job go that waited for one of these."""
        for move in moves:
            if move.schedule_id is None or not move.to.final:
                continue
            if move.to is not JobState.CANCELLED:
                self._count(db, move.schedule_id, move.to is JobState.SUCCEEDED, now)
            self._release_next(db, move.schedule_id, now)

    def _count(self, db: Connection, schedule_id: int, ok: bool, now: Micros) -> None:
        row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
        if row is None:
            return  # deleted meanwhile
        change = schedules.after_run(_schedule(row), ok, now)
        if change is None:
            return
        self.change_in(db, change, now)
        if change.kind == "schedule.disabled":
            self._cancel_waiting(db, schedule_id, now)

    def _cancel_waiting(self, db: Connection, schedule_id: int, now: Micros) -> None:
        """Jobs that wait for an earlier one would fail as it did."""
        rows = db.execute(self._sql["unfinished_of_schedule"], (schedule_id,)).fetchall()
        waiting = [job for job in map(read_job, rows) if job.reason == EARLIER]
        reason = "its schedule was disabled"
        self._apply(db, [states.cancel(job, reason) for job in waiting], now)

    def _release_next(self, db: Connection, schedule_id: int, now: Micros) -> None:
        jobs = db.execute(self._sql["jobs_of_schedule"], (schedule_id,)).fetchall()
        waiting = [job_id for job_id, _, reason in jobs if reason == EARLIER]
        if waiting and len(waiting) == len(jobs):
            [row] = db.execute(self._sql["job"], (waiting[0],)).fetchall()
            self._apply(db, [states.release(read_job(row), now)], now)

    # -- changes by hand ------------------------------------------------------------------------

    def add(self, new: NewSchedule, next_at: Micros, now: Micros) -> tuple[Schedule, bool]:
        """Store a schedule. One of the same name is answered instead (and false)."""
        return self._db.write(lambda db: self.add_in(db, new, next_at, now))

    def add_in(
        self, db: Connection, new: NewSchedule, next_at: Micros, now: Micros
    ) -> tuple[Schedule, bool]:
        """The same, inside a transaction."""
        row = db.execute(self._sql["schedule_named"], (new.name,)).fetchone()
        if row is not None:
            return _schedule(row), False
        due_at = schedules.due_at(new.name, new.jitter, next_at)
        db.execute(self._sql["insert_schedule"], (*new, next_at, due_at, now))
        schedule_id = db.last_insert_rowid()
        told = {"schedule": schedule_id, "name": new.name, "text": new.text}
        self._tell(db, now, "schedule.created", **told)
        [row] = db.execute(self._sql["schedule"], (schedule_id,)).fetchall()
        return _schedule(row), True

    def change(self, move: ScheduleMove, now: Micros) -> bool:
        """Change a schedule; false when it is no longer what the change was made for."""
        return self._db.write(lambda db: self.change_in(db, move, now))

    def change_in(self, db: Connection, move: ScheduleMove, now: Micros) -> bool:
        assignments = ", ".join(f"{column} = :{column}" for column in move.changes)
        sql = self._sql["change_schedule"].replace("{changes}", assignments)
        guard = {
            "id": move.schedule_id,
            "expected_revision": move.revision,
            "expected_next": move.next_at,
        }
        was = self._was(db, move) if actor.get() is not None else None
        db.execute(sql, {**move.changes, **guard})
        if db.changes() == 0:
            return False
        if move.kind:
            self._tell(db, now, move.kind, None, None, was, **move.data)
        return True

    def _was(self, db: Connection, move: ScheduleMove) -> dict[str, Any] | None:
        row = db.execute(self._sql["schedule"], (move.schedule_id,)).fetchone()
        return None if row is None else {c: getattr(Schedule(*row), c) for c in move.changes}

    def settle(self, schedule_id: int, now: Micros) -> None:
        """Fire what is due of one active schedule, as a worker's round would."""

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
            schedule = None if row is None else _schedule(row)
            if schedule is None or schedule.status is not ScheduleStatus.ACTIVE:
                return False
            if schedule.due_at is None or schedule.due_at > now:
                return False
            self._fire_one(db, schedule, now)
            return True

        while self._db.write(unit):
            pass

    def skip_due(
        self, schedule_id: int, code: str, reason: str, now: Micros, active: bool = False
    ) -> None:
        """Skip what is due of one schedule, with this reason; of an active one when told so."""

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
            schedule = None if row is None else _schedule(row)
            if schedule is None or (schedule.status is ScheduleStatus.ACTIVE and not active):
                return False
            firing = skip_all(schedule, code, reason, now)
            if firing.fires:
                self._settle(db, schedule, firing, now)
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
                job_id = self._make_job(db, schedule, fire, now)
                self._note(db, schedule, fire, job_id, now)
                made.append(job_id)
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
            schedule = _schedule(row)
            instant = now
            while db.execute(self._sql["fire_known"], (schedule_id, instant)).get is not None:
                instant += 1
            fire = FireRecord(schedule_id, instant, None, code, text, now, 0)
            db.execute(self._sql["insert_fire"], fire)
            last = schedules.runs_left(schedule, plan_of(schedule.plan).count) == 1
            self.change_in(db, schedules.report_run(schedule, succeeded, last), now)
            self._count(db, schedule_id, succeeded, now)
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
        return _schedule(rows[0]) if rows else None

    def named(self, name: str) -> Schedule | None:
        rows = self._db.read(self._sql["schedule_named"], (name,))
        return _schedule(rows[0]) if rows else None

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
        return [_schedule(row) for row in self._db.read(self._sql[name], values)]


def _schedule(row: Sequence[Any]) -> Schedule:
    schedule = Schedule(*row)
    return schedule._replace(status=ScheduleStatus(schedule.status))
