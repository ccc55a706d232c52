"""The automations that the optimizer keeps, and the trials of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from offhours.core.optimize import StoredAutomation, StoredTrial
from offhours.core.states import Value
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database


class SqlAutomations:
    """Implements `core.ports.Automations` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    def put(
        self, new: StoredAutomation, before: int | None, now: Micros, kind: str, **data: Value
    ) -> bool:
        """Store an automation, new or changed since version `before`, and tell of it."""

        def unit(db: Connection) -> bool:
            if before is None:
                db.execute(self._sql["insert_automation"], new)
            else:
                values = (
                    new.language, new.level, new.script, new.parameters, new.cases, new.counters,
                    new.subject, new.verdict, new.by_hand_ms, new.state, new.runs, new.successes,
                    new.saved_ms, new.changed_at, new.deployed_at, new.version, new.automation_id,
                    before,
                )  # fmt: skip
                db.execute(self._sql["update_automation"], values)
            return self._told(db, now, kind, data)

        return self._db.write(unit)

    def get(self, automation_id: str) -> StoredAutomation | None:
        rows = self._db.read(self._sql["automation"], (automation_id,))
        return StoredAutomation(*rows[0]) if rows else None

    def all(self, state: str | None = None, limit: int = 1000) -> list[StoredAutomation]:
        """The automations, the oldest first."""
        rows = self._db.read(self._sql["automations"], (state, limit))
        return [StoredAutomation(*row) for row in rows]

    def put_trial(
        self,
        new: StoredTrial,
        before: int | None,
        now: Micros,
        kind: str | None = None,
        **data: Value,
    ) -> bool:
        """Store a trial, new or changed since version `before`; with a kind, tell of it."""

        def unit(db: Connection) -> bool:
            if before is None:
                db.execute(self._sql["insert_trial"], new)
            else:
                values = (new.state, new.pairs, new.outcome, new.ended_at, new.version)
                db.execute(self._sql["update_trial"], (*values, new.trial_id, before))
            return self._told(db, now, kind, data)

        return self._db.write(unit)

    def trial(self, trial_id: str) -> StoredTrial | None:
        rows = self._db.read(self._sql["trial"], (trial_id,))
        return StoredTrial(*rows[0]) if rows else None

    def trials(self, running: bool = False, limit: int = 100) -> list[StoredTrial]:
        """The trials, the newest first."""
        rows = self._db.read(self._sql["trials"], (int(running), limit))
        return [StoredTrial(*row) for row in rows]

    def _told(
        self, db: Connection, now: Micros, kind: str | None, data: Mapping[str, Value]
    ) -> bool:
        stored = db.changes() == 1
        if stored and kind is not None:
            self._tell(db, now, kind, **data)
        return stored
