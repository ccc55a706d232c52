"""What jobs wait for from outside: signals, and people who approve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offhours.core import states
from offhours.core.flows import Approval, ApprovalState
from offhours.core.model import Job, JobState
from offhours.core.states import Move, Value
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.moves import Apply
from offhours.store.rows import as_json, read_job


class SqlApprovals:
    """Implements `core.ports.Approvals` beside the jobs of the same database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], apply: Apply, tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._apply = apply
        self._tell = tell

    # -- inside a transaction of others -------------------------------------------------------

    def after_moves(self, db: Connection, moves: Sequence[Move], now: Micros) -> list[Move]:
        """What follows from moves: a job goes on that begins to wait for what has come."""
        follow: list[Move] = []
        for move in moves:
            if move.to is JobState.HELD and move.was is JobState.RUNNING:
                follow += self._wake(db, move.job_id, now)
        return follow

    def forget(self, db: Connection, job_ids: Sequence[int]) -> None:
        """Delete what belongs to jobs that are gone."""
        if job_ids:
            for name in ("forget_signals", "forget_approvals"):
                db.execute(self._sql[name], (as_json(job_ids),))

    def _wake(self, db: Connection, job_id: int, now: Micros) -> list[Move]:
        """The move of a held job for which there is already what it waits for."""
        rows = db.execute(self._sql["has_come"], (job_id,)).fetchall()
        return [states.wake(read_job(row), now) for row in rows]

    # -- signals ------------------------------------------------------------------------------

    def signal(self, job: Job, name: str, payload: str, now: Micros) -> None:
        """Leave a signal for a job, which goes on if it waits for it."""

        def unit(db: Connection) -> None:
            db.execute(self._sql["insert_signal"], (job.id, name, payload, now))
            self._tell(db, now, "job.signalled", job.id, None, signal=name)
            self._apply(db, self._wake(db, job.id, now), now)

        self._db.write(unit)

    def first_signal(self, job_id: int, name: str) -> tuple[int, str] | None:
        """The oldest signal of a name that nobody has taken: its number and what it carries."""
        rows = self._db.read(self._sql["first_signal"], (job_id, name))
        return (rows[0][0], rows[0][1]) if rows else None

    def awaiting(self, now: Micros, limit: int = 1000) -> list[Job]:
        """Held jobs that have waited for a signal or an approval for as long as they would."""
        return [read_job(row) for row in self._db.read(self._sql["awaiting"], (now, limit))]

    # -- approvals ----------------------------------------------------------------------------

    def ask(self, approval: Approval, now: Micros) -> int:
        """Store a question; earlier ones of that step are void."""

        def unit(db: Connection) -> int:
            db.execute(self._sql["void_approvals"], (now, approval.job_id, approval.step))
            db.execute(self._sql["insert_approval"], approval[1:8])
            number = db.last_insert_rowid()
            self._tell(
                db, now, "approval.asked", approval.job_id, None,
                approval=number, question=approval.question, digest=approval.digest,
            )  # fmt: skip
            return number

        return self._db.write(unit)

    def decide(
        self, approval: Approval, state: ApprovalState, by: str, note: str | None, now: Micros
    ) -> bool:
        """Decide a question once; false when it was decided, or is void, already."""

        def unit(db: Connection) -> bool:
            db.execute(
                self._sql["decide_approval"], (state, now, by, note, approval.id, approval.digest)
            )
            if db.changes() == 0:
                return False
            told: dict[str, Value] = {"approval": approval.id, "by": by, "digest": approval.digest}
            self._tell(db, now, f"approval.{state}", approval.job_id, None, **told)
            self._apply(db, self._wake(db, approval.job_id, now), now)
            return True

        return self._db.write(unit)

    def approval(self, approval_id: int) -> Approval | None:
        rows = self._db.read(self._sql["approval"], (approval_id,))
        return Approval(*rows[0]) if rows else None

    def approval_of(self, job_id: int, step: str) -> Approval | None:
        """The latest question of a step."""
        rows = self._db.read(self._sql["approval_of"], (job_id, step))
        return Approval(*rows[0]) if rows else None

    def count_waiting(self) -> int:
        """How many questions wait for an answer."""
        [(count,)] = self._db.read(self._sql["count_waiting"], ())
        return int(count)

    def approvals(self, state: ApprovalState | None = None, limit: int = 50) -> list[Approval]:
        """Questions, newest first."""
        rows = self._db.read(self._sql["approvals"], (state, limit))
        return [Approval(*row) for row in rows]
