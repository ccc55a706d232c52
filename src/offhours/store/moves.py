"""The one road by which a job changes: guarded updates, their events, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from offhours.core.model import FINAL, JobState
from offhours.core.states import CHANGEABLE, Move, stop_instead
from offhours.core.times import Micros
from offhours.store.connection import Connection
from offhours.store.dialects import Dialect, move_statement
from offhours.store.rows import as_json
from offhours.store.teller import Teller

# Given the moves that were made, those that follow from them.
After = Callable[[Connection, Sequence[Move], Micros], Sequence[Move]]
Apply = Callable[[Connection, Sequence[Move], Micros], Sequence[Move]]
Shape = tuple[JobState, JobState, str, tuple[str, ...]]

_int_list = msgspec.json.Decoder(list[int])


class Moves:
    """Applies moves in the transaction at hand. Those that are alike go in one statement."""

    def __init__(
        self, dialect: Dialect, sql: Mapping[str, str], teller: Teller, *, after: After
    ) -> None:
        self._dialect = dialect
        self._sql = sql
        self._teller = teller
        self._after = after

    def apply(self, db: Connection, moves: Sequence[Move], now: Micros) -> list[Move]:
        """Make moves, and those that follow. Returns the refused: their guard did not hold."""
        refused: list[Move] = []
        while moves:  # what ended or is held now may let others go on
            moves = self._honour_cancels(db, moves)
            void = self._apply_all(db, moves, now)
            refused += void
            moves = self._after(db, _without(moves, void), now)
        return refused

    def ask_cancel(
        self, db: Connection, job_id: int, attempt: int, now: Micros, reason: str
    ) -> bool:
        """Mark a running job as cancelled; false when this attempt does not run."""
        db.execute(self._sql["ask_cancel"], (now, reason or None, job_id, attempt))
        marked = db.changes() == 1
        if marked:
            self._teller.tell(db, now, "job.cancel_requested", job_id, attempt, reason=reason)
        return marked

    def _honour_cancels(self, db: Connection, moves: Sequence[Move]) -> Sequence[Move]:
        """A run that would come back later, though somebody asked it to stop, stops."""
        back = [m.job_id for m in moves if m.was is JobState.RUNNING and not m.to.final]
        if not back:
            return moves
        asked = set(_int_list.decode(db.execute(self._sql["asked_to_stop"], (as_json(back),)).get))
        return [stop_instead(m) if m.job_id in asked and not m.to.final else m for m in moves]

    def _apply_all(self, db: Connection, moves: Sequence[Move], now: Micros) -> list[Move]:
        refused: list[Move] = []
        for shape, group in groupby(moves, key=_shape):
            refused += self._apply_alike(db, shape, list(group), now)
        for move in refused:
            told = {"wanted": str(move.to)}
            self._teller.tell(db, now, "job.result_refused", move.job_id, move.attempt, **told)
        return refused

    def _apply_alike(
        self, db: Connection, shape: Shape, moves: list[Move], now: Micros
    ) -> list[Move]:
        was, to, kind, columns = shape
        assert CHANGEABLE.issuperset(columns), columns
        sql = move_statement(self._dialect, columns, to is JobState.PENDING)
        refused: list[Move] = []
        batch = _batch(moves)
        values = {"to": to, "final": to in FINAL, "now": now, "was": was, "batch": batch}
        db.execute("savepoint moves")
        db.execute(sql, values)
        if db.changes() != len(moves):
            # Somebody lost a lease: undo, keep those whose guard holds, do them again.
            db.execute("rollback to moves")
            held = set(_int_list.decode(db.execute(self._sql["movable"], (batch, was)).get))
            refused = [move for move in moves if move.job_id not in held]
            moves = [move for move in moves if move.job_id in held]
            batch = _batch(moves)
            db.execute(sql, values | {"batch": batch})
        db.execute("release moves")
        self._teller.tell_moves(db, now, kind, moves, batch)
        return refused


def _shape(move: Move) -> Shape:
    return move.was, move.to, move.kind, move.columns


def _without(moves: Sequence[Move], refused: Sequence[Move]) -> Sequence[Move]:
    return [move for move in moves if move not in refused] if refused else moves


def _batch(moves: Iterable[Move]) -> str:
    return as_json(
        [
            (m.job_id, m.attempt, None if m.data is None else as_json(dict(m.data)), *m.values)
            for m in moves
        ]
    )
