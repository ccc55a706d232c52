"""The limits in a store: set by people, declared by code, paused and resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offhours.core.limits import Limit, Rate, Subject
from offhours.core.states import Value
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.rows import as_json


class SqlLimits:
    """Implements `core.ports.Limits` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    def all(self) -> list[Limit]:
        return [Limit(*row) for row in self._db.read(self._sql["limits"])]

    def set(
        self, subject: Subject, concurrency: int | None, rate: Rate | None, now: Micros
    ) -> None:
        """Limit something from now on, or (None and None) no longer."""

        def change(limit: Limit) -> Limit:
            return _limited(limit, concurrency, rate)

        self._change(
            subject, change, now, "limit.set",
            concurrency=concurrency, rate=None if rate is None else str(rate),
        )  # fmt: skip

    def pause(self, subject: Subject, reason: str, now: Micros) -> bool:
        """Let nothing start; false when it was paused already."""

        def change(limit: Limit) -> Limit:
            if limit.paused_at is not None:
                return limit
            return limit._replace(paused_at=now, reason=reason or None)

        return self._change(subject, change, now, "limit.paused", reason=reason or None)

    def resume(self, subject: Subject, now: Micros) -> bool:
        """Let work start again; false when it was not paused."""

        def change(limit: Limit) -> Limit:
            return limit._replace(paused_at=None, reason=None)

        return self._change(subject, change, now, "limit.resumed")

    def declare(self, limits: Sequence[Limit], now: Micros) -> None:
        """Set what the code says, where it says something else than before."""
        known = {limit.subject: limit for limit in self.all()}
        for wanted in limits:
            told = _declared(wanted)
            before = known.get(wanted.subject)
            if told == (None if before is None else before.declared):
                continue  # what a person has set since holds

            def change(limit: Limit, wanted: Limit = wanted, told: str | None = told) -> Limit:
                return _limited(limit, wanted.concurrency, wanted.rate)._replace(declared=told)

            rate = wanted.rate
            self._change(
                wanted.subject, change, now, "limit.declared",
                concurrency=wanted.concurrency, rate=None if rate is None else str(rate),
            )  # fmt: skip

    def _change(
        self,
        subject: Subject,
        change: Callable[[Limit], Limit],
        now: Micros,
        kind: str,
        **data: Value,
    ) -> bool:
        """Change one in one transaction, and tell it; false when nothing was to be changed."""

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["limit"], subject).fetchone()
            before = Limit(*subject) if row is None else Limit(*row)
            after = change(before)
            if after == before:
                return False
            if after.empty:
                db.execute(self._sql["drop_limit"], subject)
            else:
                db.execute(self._sql["put_limit"], after)
            was = {
                "concurrency": before.concurrency,
                "rate": None if before.rate is None else str(before.rate),
                "paused": before.paused_at is not None,
            }
            self._tell(db, now, kind, None, None, was, scope=subject[0], name=subject[1], **data)
            return True

        return self._db.write(unit)


def _limited(limit: Limit, concurrency: int | None, rate: Rate | None) -> Limit:
    count, per = rate or (None, None)
    # The same rate goes on where it is: programs say it at each of their starts.
    next_at = limit.next_at if rate == limit.rate else 0
    return limit._replace(concurrency=concurrency, rate_count=count, rate_per=per, next_at=next_at)


def _declared(limit: Limit) -> str | None:
    if limit.concurrency is None and limit.rate is None:
        return None
    return as_json([limit.concurrency, limit.rate_count, limit.rate_per])
