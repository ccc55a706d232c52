"""Tokens, answers under an idempotency key, and operations in a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from offhours.core.access import NewToken, Operation, Reply, Token
from offhours.core.times import MINUTE, Micros
from offhours.store.connection import Connection, Database

ABANDONED: Micros = MINUTE  # a request that has not answered by then died with its process


class SqlAccess:
    """Implements `core.ports.Access` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    # -- tokens -------------------------------------------------------------------------------

    def add_token(self, new: NewToken, now: Micros) -> int:
        """Keep a token; its number."""

        def unit(db: Connection) -> int:
            db.execute(self._sql["insert_token"], (*new, now))
            number = db.last_insert_rowid()
            said = {"token": number, "name": new.name, "scope": new.scope, "tenant": new.tenant}
            self._tell(db, now, "token.made", **said)
            return number

        return self._db.write(unit)

    def tokens(self) -> list[Token]:
        """All tokens, those that hold no more too."""
        return [Token(*row) for row in self._db.read(self._sql["tokens"])]

    def token(self, digest: str, now: Micros) -> Token | None:
        """The token with this digest, if it holds."""
        rows = self._db.read(self._sql["token"], (digest,))
        found = Token(*rows[0]) if rows else None
        if found is None or found.revoked_at is not None:
            return None
        return found if found.expires_at is None or now < found.expires_at else None

    def revoke_token(self, token_id: int, now: Micros) -> bool:
        """Let a token hold no more; false when none holds under that number."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["revoke_token"], (now, token_id))
            revoked = db.changes() == 1
            if revoked:
                self._tell(db, now, "token.revoked", token=token_id)
            return revoked

        return self._db.write(unit)

    # -- answers under a key ------------------------------------------------------------------

    def begin_reply(
        self, key: str, fingerprint: str, kept_since: Micros, now: Micros
    ) -> Reply | None:
        """Take the key for a request (None), or what is kept under it already.

        What was begun before `kept_since` is forgotten, and so is what has no answer since long.
        """

        def unit(db: Connection) -> Reply | None:
            for line in (kept_since, now - ABANDONED):
                row = db.execute(self._sql["reply"], (key, line)).fetchone()
                known = None if row is None else Reply(*row)
                if known is None:
                    break
                if known.status is not None:
                    return known
            else:
                return known
            db.execute(self._sql["put_reply"], (key, fingerprint, now))
            db.execute(self._sql["prune_replies"], (kept_since, 100))
            return None

        return self._db.write(unit)

    def keep_reply(self, key: str, reply: Reply) -> None:
        """The answer, for those who ask again."""
        values = (reply.status, reply.headers, reply.body, key)
        self._db.write(lambda db: db.execute(self._sql["keep_reply"], values))

    def drop_reply(self, key: str) -> None:
        """There is no answer worth keeping: whoever asks again is served anew."""
        self._db.write(lambda db: db.execute(self._sql["drop_reply"], (key,)))

    # -- operations ---------------------------------------------------------------------------

    def begin_operation(
        self,
        kind: str,
        by: str,
        tenant: str | None,
        total: int,
        now: Micros,
        owner: str | None = None,
    ) -> Operation:
        """Note that a long action begins."""

        def unit(db: Connection) -> int:
            values = (kind, by, tenant, total, now, None, 0, owner)
            db.execute(self._sql["insert_operation"], values)
            return db.last_insert_rowid()

        number = self._db.write(unit)
        return Operation(number, kind, "running", by, tenant, total, 0, 0, now, None, None, owner)

    def running_operations(self) -> list[Operation]:
        """Those that have not ended."""
        return [Operation(*row) for row in self._db.read(self._sql["running_operations"], ())]

    def advance_operation(self, operation_id: int, done: int, failed: int) -> None:
        """How far it is."""
        values = (done, failed, operation_id)
        self._db.write(lambda db: db.execute(self._sql["advance_operation"], values))

    def end_operation(
        self, operation_id: int, state: str, done: int, failed: int, result: str, now: Micros
    ) -> None:
        """It has ended, and this came of it."""
        values = (state, done, failed, result, now, operation_id)
        self._db.write(lambda db: db.execute(self._sql["end_operation"], values))

    def operation(self, operation_id: int, tenant: str | None = None) -> Operation | None:
        rows = self._db.read(self._sql["operation"], (operation_id, tenant))
        return Operation(*rows[0]) if rows else None

    def operations(
        self, *, tenant: str | None = None, after: int = 0, limit: int = 50
    ) -> list[Operation]:
        """The newest operations; `after` is the last number of the page before."""
        rows = self._db.read(self._sql["operations"], (after, tenant, limit))
        return [Operation(*row) for row in rows]

    def prune(self, db: Connection, before: Micros, limit: int) -> None:
        """Forget what has ended since long."""
        db.execute(self._sql["prune_operations"], (before, limit))
