"""Firing schedules, inside the transactions of others: a worker's round, a job's end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from offhours.core import points, schedules, states
from offhours.core.fire_rules import Overlap
from offhours.core.firing import ON_TIME, Fire, Firing, Verdict, decide
from offhours.core.here import actor
from offhours.core.model import JobState
from offhours.core.schedules import FireRecord, Schedule, ScheduleMove, ScheduleStatus, job_of
from offhours.core.states import EARLIER, Move
from offhours.core.times import Micros
from offhours.store.connection import Connection
from offhours.store.moves import Apply
from offhours.store.rows import read_job, read_schedule

FIRED_AT_ONCE = 200
CHANGED_AT_ONCE = 1_500

_log = logging.getLogger("offhours")


class Fires:
    """Makes the jobs of schedules, and moves the schedules on."""

    def __init__(self, sql: Mapping[str, str], apply: Apply, tell: Callable[..., None]) -> None:
        self._sql = sql
        self._apply = apply
        self._tell = tell

    def fire_due(self, db: Connection, now: Micros) -> list[str]:
        """Settle the schedules that are due; the tasks of the jobs that this made."""
        rows = db.execute(self._sql["due_schedules"], (now, FIRED_AT_ONCE)).fetchall()
        made: list[str] = []
        before = db.total_changes()
        for row in rows:
            made += self.fire(db, read_schedule(row), now)
            if db.total_changes() - before > CHANGED_AT_ONCE:
                break  # the rest is still due: the next round comes at once
        if rows:
            points.reach("in fire")
        return made

    def fire(self, db: Connection, schedule: Schedule, now: Micros) -> list[str]:
        """Settle one schedule that is due, in the same way."""
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
            self.change(db, schedules.disable(schedule, reason, now), now)
            return []
        return self.settle(db, schedule, firing, now)

    def settle(self, db: Connection, schedule: Schedule, firing: Firing, now: Micros) -> list[str]:
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
                made.append((self.make(db, schedule, fire, now), fire))
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

    def make(self, db: Connection, schedule: Schedule, fire: Fire, now: Micros) -> int:
        """Make the job of an instant, and note that it did; the job's number."""
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
        self._note(db, schedule, fire, job_id, now)
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
                self.count(db, move.schedule_id, move.to is JobState.SUCCEEDED, now)
            self._release_next(db, move.schedule_id, now)

    def count(self, db: Connection, schedule_id: int, ok: bool, now: Micros) -> None:
        """Count how a run of a schedule ended, which may disable it."""
        row = db.execute(self._sql["schedule"], (schedule_id,)).fetchone()
        if row is None:
            return  # deleted meanwhile
        change = schedules.after_run(read_schedule(row), ok, now)
        if change is None:
            return
        self.change(db, change, now)
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

    # -- one guarded change -------------------------------------------------------------------

    def change(self, db: Connection, move: ScheduleMove, now: Micros) -> bool:
        """Change a schedule; false when it is no longer what the change was made for."""
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
