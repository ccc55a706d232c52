"""Learning cycles in the store: begun by a job, done step by step, ended once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core.errors import LeaseLost, ModelNotFound
from offhours.core.times import Micros
from offhours.core.training import (
    Cycle,
    CycleCounts,
    CycleEnd,
    CycleRecord,
    CycleState,
    Hold,
    Model,
    NewCycle,
    NewVersion,
    Version,
)
from offhours.store.connection import Connection, Database
from offhours.store.models import SqlModels

CYCLES_KEPT = 1_000
_ENDED = {
    CycleState.DONE: "training.done",
    CycleState.PROMOTED: "training.promoted",
    CycleState.KEPT: "training.kept",
    CycleState.REFUSED: "training.refused",
    CycleState.SKIPPED: "training.skipped",
    CycleState.FAILED: "training.failed",
}


class SqlCycles:
    """Implements `core.ports.Cycles` beside the models of the same database."""

    def __init__(
        self,
        database: Database,
        sql: Mapping[str, str],
        models: SqlModels,
        tell: Callable[..., None],
    ) -> None:
        self._db = database
        self._sql = sql
        self._models = models
        self._tell = tell

    # -- a cycle at work ----------------------------------------------------------------------

    def begin(self, new: NewCycle, now: Micros) -> Cycle:
        """The cycle of a job: a new one, or the one that an earlier attempt began."""

        def unit(db: Connection) -> Cycle:
            if not db.execute(self._sql["job_is_held"], (new.job_id, new.attempt)).get:
                raise _lost(new.job_id, new.attempt)
            row = db.execute(self._sql["cycle_of_job"], (new.job_id,)).fetchone()
            if row is not None:
                found = _cycle(row)
                db.execute(self._sql["take_cycle"], (new.attempt, found.id))
                return found._replace(attempt=new.attempt)
            db.execute(self._sql["insert_cycle"], (*new, now))
            number = db.last_insert_rowid()
            db.execute(self._sql["forget_cycles"], (new.model_id, CYCLES_KEPT))
            self._tell_cycle(db, now, "training.started", number)
            return _cycle(db.execute(self._sql["cycle"], (number,)).fetchone())

        return self._db.write(unit)

    def steps(self, hold: Hold) -> dict[str, str]:
        """What the steps that are done left behind, as JSON."""
        return dict(self._db.read(self._sql["cycle_steps"], (hold.cycle_id,)))

    def enter(self, hold: Hold, step: str) -> None:
        """Note which step is worked on."""

        def unit(db: Connection) -> None:
            self._check(db, hold)
            db.execute(self._sql["enter_step"], (step, hold.cycle_id))

        self._db.write(unit)

    def save(self, hold: Hold, step: str, data: str, now: Micros) -> None:
        """Keep what a step left behind; it is not done again."""

        def unit(db: Connection) -> None:
            self._check(db, hold)
            db.execute(self._sql["put_cycle_step"], (hold.cycle_id, step, hold.attempt, now, data))

        self._db.write(unit)

    def add_version(self, hold: Hold, new: NewVersion, now: Micros) -> Version:
        """Store the version that a cycle made, as the challenger; once for each cycle."""

        def unit(db: Connection) -> Version:
            cycle = self._check(db, hold)
            row = db.execute(self._sql["version_of_cycle"], (cycle.id,)).fetchone()
            if row is not None:
                return Version(*row)
            made = self._models.challenge_in(db, cycle.model_id, new, cycle.id, now)
            db.execute(self._sql["set_cycle_version"], (made.id, cycle.id))
            return made

        return self._db.write(unit)

    def finish(self, hold: Hold, end: CycleEnd, now: Micros) -> bool:
        """End a cycle, and let its version serve if that is how it ends, in one transaction."""

        def unit(db: Connection) -> bool:
            cycle = self._check(db, hold)
            if end.promote is not None:
                by = f"cycle {cycle.id}"
                if not self._models.move_in(
                    db, cycle.model_id, end.promote, "promoted", end.instead, cycle.id, by,
                    end.reason, now,
                ):  # fmt: skip
                    return False
            elif end.state is CycleState.REFUSED:
                self._models.withdraw_in(db, cycle.model_id, cycle.version_id)
            self._end(db, cycle.id, end.state, end.code, end.reason, end.report, now)
            return True

        return self._db.write(unit)

    def _end(
        self,
        db: Connection,
        cycle_id: int,
        state: CycleState,
        code: str,
        reason: str,
        report: str | None,
        now: Micros,
    ) -> None:
        db.execute(self._sql["end_cycle"], (state, now, code, reason, report, cycle_id))
        db.execute(self._sql["drop_cycle_steps"], (cycle_id,))
        self._tell_cycle(db, now, _ENDED[state], cycle_id)

    def _check(self, db: Connection, hold: Hold) -> Cycle:
        """The cycle, if this attempt still holds it."""
        if not db.execute(self._sql["cycle_is_held"], (hold.cycle_id, hold.attempt)).get:
            raise _lost(hold.job_id, hold.attempt)
        return _cycle(db.execute(self._sql["cycle"], (hold.cycle_id,)).fetchone())

    def _tell_cycle(self, db: Connection, now: Micros, kind: str, cycle_id: int) -> None:
        cycle = _cycle(db.execute(self._sql["cycle"], (cycle_id,)).fetchone())
        row = db.execute(self._sql["model_by_id"], (cycle.model_id,)).fetchone()
        if row is None:
            raise ModelNotFound(f"cycle {cycle_id} is of model {cycle.model_id}, which is gone")
        model = Model(*row)
        told = {
            "cycle": cycle.id, "tenant": model.tenant, "model": model.name,
            "schedule": cycle.schedule_id, "correlation": cycle.correlation,
            "forced": bool(cycle.forced), "code": cycle.code, "reason": cycle.reason,
        }  # fmt: skip
        named = {name: value for name, value in told.items() if value is not None}
        self._tell(db, now, kind, cycle.job_id, cycle.attempt, **named)

    # -- seen from outside --------------------------------------------------------------------

    def settle_lost(self, now: Micros) -> int:
        """End the cycles whose jobs have ended without a word; how many."""
        if not self._db.read(self._sql["lost_cycles"]):
            return 0
        return self._db.write(lambda db: self.settle(db, now))

    def settle(self, db: Connection, now: Micros) -> int:
        """The same, in a transaction of others."""
        rows = db.execute(self._sql["lost_cycles"]).fetchall()
        for number, job_id, state, code, reason, finished_at in rows:
            told = f"job {job_id} {state or 'is gone'}"
            text = f"{told}: {reason or code}" if reason or code else told
            end = (CycleState.FAILED, code or state or "lost", text, None, finished_at or now)
            self._end(db, number, *end)
        return len(rows)

    def cycle(self, cycle_id: int) -> Cycle | None:
        rows = self._db.read(self._sql["cycle"], (cycle_id,))
        return _cycle(rows[0]) if rows else None

    def cycles(
        self,
        model: Model | None,
        schedule_id: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Cycle]:
        """The newest cycles of a model, of a schedule, or of both."""
        if model is None:
            rows = self._db.read(self._sql["cycles_of_schedule"], (schedule_id, before, limit))
        else:
            rows = self._db.read(self._sql["cycles"], (model.id, schedule_id, before, limit))
        return [_cycle(row) for row in rows]

    def latest(
        self, tenant: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Cycle]:
        """The newest cycles of all models, or of those of a tenant."""
        return [_cycle(r) for r in self._db.read(self._sql["all_cycles"], (tenant, before, limit))]

    def record(self, model: Model | None, schedule_id: int | None, job_id: int = 0) -> CycleRecord:
        """How the cycles of a schedule have gone, or without one those of a model."""
        number = None if model is None else model.id
        [(failures, last)] = self._db.read(self._sql["bad_cycles"], (schedule_id, number))
        [(running,)] = self._db.read(self._sql["other_running_cycle"], (number, job_id))
        return CycleRecord(failures, last or 0, running)

    def counts(self, model: Model | None, schedule_id: int | None) -> CycleCounts:
        """How many cycles of a schedule, or of a model, there were."""
        scope = (schedule_id, None if model is None else model.id)
        [row] = self._db.read(self._sql["count_cycles"], scope)
        return CycleCounts(*map(int, row))

    def pardon(self, model: Model | None, schedule_id: int | None, now: Micros) -> int:
        """Count the failures until now no more; how many they were."""

        def unit(db: Connection) -> int:
            number = None if model is None else model.id
            db.execute(self._sql["pardon_cycles"], (schedule_id, number))
            count = db.changes()
            named: dict[str, Any] = {"schedule": schedule_id, "failures": count}
            if model is not None:
                named |= {"tenant": model.tenant, "model": model.name}
            self._tell(db, now, "training.pardoned", **named)
            return count

        return self._db.write(unit)


def _cycle(row: Sequence[Any]) -> Cycle:
    found = Cycle(*row)
    return found._replace(state=CycleState(found.state))


def _lost(job_id: int, attempt: int) -> LeaseLost:
    return LeaseLost(
        f"job {job_id} is not attempt {attempt}'s any more: what it found is not taken"
    )
