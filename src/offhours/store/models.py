"""Models in the store: versions that never change, aliases that move, cycles and their steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core import points
from offhours.core.errors import LeaseLost, ModelNotFound
from offhours.core.times import Micros
from offhours.core.training import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Alias,
    AliasMove,
    Cycle,
    CycleCounts,
    CycleEnd,
    CycleRecord,
    CycleState,
    Hold,
    Model,
    NewCycle,
    NewVersion,
    Scores,
    Version,
)
from offhours.store.connection import Connection, Database

CYCLES_KEPT = 1_000
_ENDED = {
    CycleState.DONE: "training.done",
    CycleState.PROMOTED: "training.promoted",
    CycleState.KEPT: "training.kept",
    CycleState.REFUSED: "training.refused",
    CycleState.SKIPPED: "training.skipped",
    CycleState.FAILED: "training.failed",
}
_MOVED = {"rolled_back": "model.rolled_back", "restored": "model.restored"}


class SqlModels:
    """Implements `core.ports.Models` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    # -- models and versions ------------------------------------------------------------------

    def model(self, tenant: str, name: str, now: Micros | None = None) -> Model | None:
        """A model of a tenant; with `now` it is made if need be."""
        rows = self._db.read(self._sql["model"], (tenant, name))
        if not rows and now is not None:
            self._db.write(
                lambda db: db.execute(self._sql["insert_model"], (tenant, name, now)) and None
            )
            rows = self._db.read(self._sql["model"], (tenant, name))
        return Model(*rows[0]) if rows else None

    def by_id(self, model_id: int) -> Model | None:
        rows = self._db.read(self._sql["model_by_id"], (model_id,))
        return Model(*rows[0]) if rows else None

    def all(self, tenant: str | None = None, after: int = 0, limit: int = 50) -> list[Model]:
        """A page of models by number: of a tenant, or all."""
        return [Model(*row) for row in self._db.read(self._sql["models"], (tenant, after, limit))]

    def freeze(self, model: Model, golden: str, by: str, now: Micros, anew: bool = False) -> str:
        """Freeze what its versions are judged on, unless that is done; the digest that holds."""

        def unit(db: Connection) -> str:
            db.execute(self._sql["freeze_golden"], (golden, model.id, anew))
            if db.changes() == 1:
                self._tell(
                    db, now, "model.frozen",
                    tenant=model.tenant, model=model.name, golden=golden, by=by,
                )  # fmt: skip
            return str(db.execute(self._sql["model_by_id"], (model.id,)).fetchone()[3])

        return self._db.write(unit)

    def version(self, model: Model, number: int) -> Version | None:
        rows = self._db.read(self._sql["version_numbered"], (model.id, number))
        return Version(*rows[0]) if rows else None

    def version_by_id(self, model: Model, version_id: int) -> Version | None:
        rows = self._db.read(self._sql["version"], (version_id, model.id))
        return Version(*rows[0]) if rows else None

    def versions(self, model: Model, limit: int = 50) -> list[Version]:
        """The newest versions."""
        return [Version(*row) for row in self._db.read(self._sql["versions"], (model.id, limit))]

    def take_in(self, model: Model, new: NewVersion, now: Micros) -> Version:
        """Store a version that was made elsewhere; the one of the same bytes, if there is one."""

        def unit(db: Connection) -> Version:
            known = db.execute(self._sql["version_of_digest"], (model.id, new.digest)).fetchone()
            if known is None:
                db.execute(self._sql["insert_version"], (model.id, *new, None, now))
                number = db.last_insert_rowid()
                known = db.execute(self._sql["version"], (number, model.id)).fetchone()
            return Version(*known)

        return self._db.write(unit)

    def aliases(self, model: Model) -> dict[str, Alias]:
        """Which version plays which part."""
        rows = self._db.read(self._sql["aliases"], (model.id,))
        return {row[0]: Alias(*row) for row in rows}

    def moves(self, model: Model, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        rows = self._db.read(self._sql["alias_moves"], (model.id, limit))
        return [AliasMove(*row) for row in rows]

    def before(self, model: Model, version_id: int) -> int | None:
        """The id of the version that served before this one did."""
        rows = self._db.read(self._sql["champion_before"], (model.id, version_id))
        return rows[0][0] if rows else None

    def move_champion(
        self,
        model: Model,
        to: Version,
        kind: str,
        instead: int | None,
        by: str,
        reason: str,
        now: Micros,
    ) -> bool:
        """Let another version serve; false when the champion is not `instead` any more, or the
        version was dropped."""

        def unit(db: Connection) -> bool:
            moved = self._move(db, model.id, to.id, kind, instead, None, by, reason, now)
            if moved:
                self._tell(
                    db, now, _MOVED[kind], tenant=model.tenant, model=model.name,
                    version=to.number, by=by, reason=reason,
                )  # fmt: skip
            return moved

        return self._db.write(unit)

    def _move(
        self,
        db: Connection,
        model_id: int,
        to: int,
        kind: str,
        instead: int | None,
        cycle_id: int | None,
        by: str,
        reason: str,
        now: Micros,
    ) -> bool:
        """Move the aliases, all or none of them."""
        champion = db.execute(self._sql["aliased"], (model_id, CHAMPION)).get
        version = _version(db.execute(self._sql["version"], (to, model_id)).fetchone())
        if champion != instead or champion == to or version is None or version.dropped_at:
            return False
        # After a rollback the one before the one that came back is at hand, not the bad one.
        previous = champion
        if kind == "rolled_back":
            previous = db.execute(self._sql["champion_before"], (model_id, to)).get
        db.execute(self._sql["put_alias"], (model_id, CHAMPION, to, now))
        points.reach("in promotion")
        if previous is None or self._is_dropped(db, model_id, previous):
            db.execute(self._sql["drop_alias"], (model_id, PREVIOUS))
        else:
            db.execute(self._sql["put_alias"], (model_id, PREVIOUS, previous, now))
        if db.execute(self._sql["aliased"], (model_id, CHALLENGER)).get == to:
            db.execute(self._sql["drop_alias"], (model_id, CHALLENGER))
        db.execute(
            self._sql["insert_alias_move"],
            (model_id, now, kind, champion, to, cycle_id, by, reason),
        )
        return True

    def _is_dropped(self, db: Connection, model_id: int, version_id: int) -> bool:
        found = _version(db.execute(self._sql["version"], (version_id, model_id)).fetchone())
        return found is None or found.dropped_at is not None

    def drop(self, model: Model, keep: int, former: bool, now: Micros) -> list[str]:
        """Give up versions that have no part to play; the digests that nobody needs any more."""

        def unit(db: Connection) -> list[str]:
            rows = db.execute(self._sql["droppable_versions"], (model.id, keep, former)).fetchall()
            free: list[str] = []
            for version_id, digest in rows:
                db.execute(self._sql["drop_version"], (now, version_id))
                db.execute(self._sql["drop_feedback"], (version_id,))
                if db.execute(self._sql["digest_in_use"], (digest,)).get == 0:
                    db.execute(self._sql["drop_artefact"], (digest,))
                    free.append(digest)
            return free

        return self._db.write(unit)

    def put(self, digest: str, body: bytes) -> None:
        """Keep bytes under their digest."""
        self._db.write(lambda db: db.execute(self._sql["put_artefact"], (digest, body)) and None)

    def get(self, digest: str) -> bytes | None:
        rows = self._db.read(self._sql["artefact"], (digest,))
        return bytes(rows[0][0]) if rows else None

    # -- cycles -------------------------------------------------------------------------------

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
            made = _version(db.execute(self._sql["version_of_cycle"], (hold.cycle_id,)).fetchone())
            if made is not None:
                return made
            db.execute(self._sql["insert_version"], (cycle.model_id, *new, cycle.id, now))
            number = db.last_insert_rowid()
            db.execute(self._sql["put_alias"], (cycle.model_id, CHALLENGER, number, now))
            db.execute(self._sql["set_cycle_version"], (number, cycle.id))
            made = _version(db.execute(self._sql["version"], (number, cycle.model_id)).fetchone())
            assert made is not None
            return made

        return self._db.write(unit)

    def finish(self, hold: Hold, end: CycleEnd, now: Micros) -> bool:
        """End a cycle, and let its version serve if that is how it ends, in one transaction."""

        def unit(db: Connection) -> bool:
            cycle = self._check(db, hold)
            if end.promote is not None:
                by = f"cycle {cycle.id}"
                if not self._move(
                    db, cycle.model_id, end.promote, "promoted", end.instead, cycle.id, by,
                    end.reason, now,
                ):  # fmt: skip
                    return False
            elif end.state is CycleState.REFUSED:
                self._forget_challenger(db, cycle)
            self._end(db, cycle.id, end.state, end.code, end.reason, end.report, now)
            return True

        return self._db.write(unit)

    def _forget_challenger(self, db: Connection, cycle: Cycle) -> None:
        challenger = db.execute(self._sql["aliased"], (cycle.model_id, CHALLENGER)).get
        if challenger is not None and challenger == cycle.version_id:
            db.execute(self._sql["drop_alias"], (cycle.model_id, CHALLENGER))

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

    # -- feedback -----------------------------------------------------------------------------

    def rate(self, version_id: int, scores: Sequence[float], keep: int, now: Micros) -> None:
        """Keep live feedback on a version, up to `keep` scores."""

        def unit(db: Connection) -> None:
            for score in scores:
                db.execute(self._sql["insert_feedback"], (version_id, now, score))
            db.execute(self._sql["forget_feedback"], (version_id, keep))

        self._db.write(unit)

    def scores(self, version_id: int, last: int, since: Micros = 0) -> Scores:
        """The last so many scores of a version, since a moment."""
        [row] = self._db.read(self._sql["feedback"], (version_id, since, last))
        return Scores(int(row[0]), float(row[1]), float(row[2]))

    # -- what all of them need ----------------------------------------------------------------

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


def _cycle(row: Sequence[Any]) -> Cycle:
    found = Cycle(*row)
    return found._replace(state=CycleState(found.state))


def _version(row: Sequence[Any] | None) -> Version | None:
    return None if row is None else Version(*row)


def _lost(job_id: int, attempt: int) -> LeaseLost:
    return LeaseLost(
        f"job {job_id} is not attempt {attempt}'s any more: what it found is not taken"
    )
