"""Somebody's own connection, in whose transaction jobs are stored."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from offhours.core.errors import OptionError
from offhours.store.postgres.answers import Answer
from offhours.store.postgres.language import compiled, values_of

_IDLE = psycopg.pq.TransactionStatus.IDLE


class Joined:
    """Somebody's connection, in the transaction that it has open."""

    in_transaction = True

    def __init__(self, connection: psycopg.Connection[Any], schema: str) -> None:
        if connection.autocommit and connection.info.transaction_status == _IDLE:
            raise OptionError(
                "connection: it has no transaction open (it is in autocommit mode); submit inside "
                "`with connection.transaction():`"
            )
        self._connection = connection
        self._schema = schema

    def execute(self, statements: str, bindings: Any = None, /) -> Answer:
        sql, names = compiled(statements, self._schema)
        values = values_of(sql, dict(zip(names, bindings or (), strict=True)))
        with psycopg.ClientCursor(self._connection, row_factory=tuple_row) as cursor:
            cursor.execute(sql.encode(), values or None)
            answer = Answer()
            answer.rows = cursor.fetchall() if cursor.description is not None else []
            return answer

    def holds(self, store: int) -> bool:
        """Whether it leads to this store. (An error would end the user's transaction.)"""
        tables = (
            "select 1 from pg_catalog.pg_tables where tablename = 'meta' and schemaname = :name"
        )
        return bool(self.execute(tables, (self._schema,)).get) and bool(
            self.execute("select value from meta where key = 'store'").get == store
        )

    def changes(self) -> int:
        raise NotImplementedError

    total_changes = last_insert_rowid = changes

    def close(self) -> None:
        """It is not ours."""


def driver_connection(given: Any) -> psycopg.Connection[Any]:
    """The psycopg connection in what SQLAlchemy or Django call one."""
    found = given
    for _ in range(5):
        if isinstance(found, psycopg.Connection):
            return found
        inner = getattr(found, "driver_connection", None) or getattr(found, "connection", None)
        found = inner() if callable(inner) else inner
    raise OptionError(
        "connection: expected a connection of psycopg 3, SQLAlchemy or Django to the same "
        f"PostgreSQL, got {type(given).__module__}.{type(given).__qualname__}"
    )
