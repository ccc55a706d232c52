"""The one place that writes events; what somebody did by hand goes into the audit log, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offhours.core.here import actor, via
from offhours.core.states import Move, Value
from offhours.core.times import Micros
from offhours.store.connection import Connection
from offhours.store.rows import as_json


class Teller:
    """Tells what happens in the transaction in which it happens."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = sql

    def tell(
        self,
        db: Connection,
        now: Micros,
        kind: str,
        job_id: int | None = None,
        attempt: int | None = None,
        before: Mapping[str, object] | None = None,
        /,
        **data: object,
    ) -> None:
        """Write one event. `before` is what was there, for the audit log."""
        text = as_json(data)
        db.execute(self._sql["insert_event"], (now, kind, job_id, attempt, text))
        who = actor.get()
        if who is not None:
            was = None if before is None else as_json(before)
            db.execute(self._sql["insert_audit"], (now, who, kind, job_id, was, text, _way()))

    def tell_moves(
        self, db: Connection, now: Micros, kind: str, moves: Sequence[Move], batch: str
    ) -> None:
        """Write the events of moves that are alike; `batch` is how the store has them."""
        db.execute(self._sql["tell_moves"], (now, kind, batch))
        who = actor.get()
        if who is None or not moves:
            return
        told = [(move.job_id, _after(move)) for move in moves]
        was = f'{{"state":"{moves[0].was}"}}'  # moves that are alike come from one state
        values = (now, who, kind, was, _way(), as_json(told))
        db.execute(self._sql["insert_audits"], values)


def _after(move: Move) -> str:
    changed: dict[str, Value] = dict(zip(move.columns, move.values, strict=True))
    return as_json({"state": move.to, **changed, **dict(move.data or ())})


def _way() -> str | None:
    """By which face it is done, for the audit log; whoever acts is told that it was noted."""
    way = via.get()
    if way is None:
        return None
    way.told = True
    known = {"face": way.face, "request": way.request, "address": way.address, "tenant": way.tenant}
    return as_json({key: value for key, value in known.items() if value is not None})
