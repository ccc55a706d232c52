"""What rooms keep in the store beside jobs: readers of the events, messages, alerts, dumps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offhours.core.notices import (
    Alert,
    AlertState,
    Delivery,
    DeliveryState,
    DumpHead,
    NewAlert,
    NewDelivery,
    Reading,
    StoredDump,
)
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.rows import as_json


class SqlNotices:
    """Implements `core.ports.Notices` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    # -- readers of the event stream --------------------------------------------------------

    def reading(self, name: str) -> Reading | None:
        """How far a reader has come."""
        rows = self._db.read(self._sql["reading"], (name,))
        return Reading(*rows[0]) if rows else None

    def read_on(
        self, before: Reading | None, after: Reading, deliveries: Sequence[NewDelivery], now: Micros
    ) -> bool:
        """Move a reader, with the messages that follow from what it read, in one transaction.

        False, and nothing is stored, when it does not stand at `before` any more: another process
        reads in its name.
        """

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["reading"], (after.name,)).fetchone()
            if (None if row is None else Reading(*row)) != before:
                return False
            db.execute(self._sql["put_reading"], after)
            self._add(db, deliveries, now)
            return True

        return self._db.write(unit)

    # -- messages -----------------------------------------------------------------------------

    def deliver(self, deliveries: Sequence[NewDelivery], now: Micros) -> None:
        """Store messages to be sent."""
        self._db.write(lambda db: self._add(db, deliveries, now))

    def _add(self, db: Connection, deliveries: Sequence[NewDelivery], now: Micros) -> None:
        for new in deliveries:
            finished = None if new.state == DeliveryState.WAITING else now
            db.execute(self._sql["insert_delivery"], (*new, now, finished))

    def take_due(
        self, until: Micros, limit: int, now: Micros, target: str | None = None
    ) -> list[Delivery]:
        """The messages to be sent now. Nobody else gets them before `until`, should we die."""

        def unit(db: Connection) -> list[Delivery]:
            rows = db.execute(self._sql["due_deliveries"], (now, target, limit)).fetchall()
            found = [Delivery(*row) for row in rows]
            ids = as_json([delivery.id for delivery in found])
            if found:
                db.execute(self._sql["take_deliveries"], (until, ids))
            return [each._replace(attempt=each.attempt + 1, next_at=until) for each in found]

        return self._db.write(unit) if self.next_due(now, target) is not None else []

    def next_due(self, now: Micros, target: str | None = None) -> Micros | None:
        """When the next message is to be sent, if that is not after `now`."""
        [(next_at,)] = self._db.read(self._sql["next_delivery"], (target,))
        return next_at if next_at is not None and next_at <= now else None

    def settle(
        self,
        delivery: Delivery,
        state: DeliveryState,
        now: Micros,
        next_at: Micros = 0,
        error: str | None = None,
    ) -> bool:
        """Note what came of a try; false when somebody else has tried since."""
        final = state is not DeliveryState.WAITING

        def unit(db: Connection) -> bool:
            db.execute(
                self._sql["settle_delivery"],
                (state, next_at, now if final else None, error, delivery.id, delivery.attempt),
            )
            settled = db.changes() == 1
            if settled and state is DeliveryState.FAILED:
                self._tell(
                    db, now, "delivery.failed",
                    key=delivery.key, target=delivery.target, error=error, message=delivery.kind,
                )  # fmt: skip
            return settled

        return self._db.write(unit)

    def deliveries(self, state: DeliveryState | None = None, limit: int = 50) -> list[Delivery]:
        """The newest messages."""
        rows = self._db.read(self._sql["deliveries"], (state, limit))
        return [Delivery(*row) for row in rows]

    # -- alerts -------------------------------------------------------------------------------

    def fire(self, alert: NewAlert, now: Micros) -> tuple[int, bool]:
        """Raise an alert; its number, and whether it is a new one."""

        def unit(db: Connection) -> tuple[int, bool]:
            known = db.execute(self._sql["open_alert"], (alert.rule, alert.subject)).get
            if known is not None:
                values = (alert.severity, alert.message, alert.value, alert.threshold, now, known)
                db.execute(self._sql["see_alert"], values)
                return int(known), False
            db.execute(self._sql["insert_alert"], (*alert, now))
            number = db.last_insert_rowid()
            self._tell(db, now, "alert.firing", alert=number, **alert._asdict())
            return number, True

        return self._db.write(unit)

    def acknowledge(self, alert_id: int, by: str, now: Micros) -> bool:
        """Somebody looks after it; false when it is not firing."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["acknowledge_alert"], (now, by, alert_id))
            changed = db.changes() == 1
            if changed:
                self._tell(db, now, "alert.acknowledged", alert=alert_id, by=by)
            return changed

        return self._db.write(unit)

    def resolve(self, rule: str, subject: str, now: Micros) -> bool:
        """It is well again; false when there was no such alert."""

        def unit(db: Connection) -> bool:
            known = db.execute(self._sql["open_alert"], (rule, subject)).get
            if known is None:
                return False
            severity, message = db.execute(self._sql["alert_words"], (known,)).fetchone()
            db.execute(self._sql["resolve_alert"], (now, known))
            self._tell(
                db, now, "alert.resolved", alert=int(known), rule=rule, subject=subject,
                severity=severity, message=message,
            )  # fmt: skip
            return True

        return self._db.write(unit)

    def alerts(self, state: AlertState | None = None, limit: int = 50) -> list[Alert]:
        """The newest alerts."""
        return [Alert(*row) for row in self._db.read(self._sql["alerts"], (state, limit))]

    # -- dumps --------------------------------------------------------------------------------

    def keep_dump(self, dump: StoredDump, keep: int) -> None:
        """Store a dump of the recorder, and forget all but the newest `keep`."""

        def unit(db: Connection) -> None:
            *row, head = dump
            db.execute(self._sql["insert_dump"], row)
            if db.changes() == 0:
                return  # it was brought a second time
            db.execute(self._sql["insert_dump_head"], (dump.dump_id, head))
            db.execute(self._sql["prune_dumps"], (keep,))
            db.execute(self._sql["prune_dump_heads"], ())
            self._tell(
                db, dump.at, "recorder.dumped",
                dump_id=dump.dump_id, tool=dump.tool, severity=dump.severity,
            )  # fmt: skip

        self._db.write(unit)

    def dumps(self, before: Micros | None = None, limit: int = 50) -> list[DumpHead]:
        """The newest dumps, or those before a moment, without their calls."""
        return [DumpHead(*row) for row in self._db.read(self._sql["dumps"], (before, limit))]

    def dump(self, dump_id: str) -> StoredDump | None:
        rows = self._db.read(self._sql["dump"], (dump_id,))
        return StoredDump(*rows[0]) if rows else None

    def prune(self, db: Connection, before: Micros, limit: int) -> None:
        """Forget what is finished since long."""
        db.execute(self._sql["prune_deliveries"], (before, limit))
        db.execute(self._sql["prune_alerts"], (before, limit))
