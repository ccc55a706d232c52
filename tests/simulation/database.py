"""The databases that a world can live on: opened, looked into from outside, and made to fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import uuid4

import apsw
import psycopg
from psycopg import errors

from offhours import Offhours

Tick = Callable[[str], None]
Errors = dict[str, type[Exception]]


class View(Protocol):
    """A reader beside the processes."""

    gapless: bool  # whether the numbers of the events have no gaps

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]: ...
    def version(self) -> object:
        """Another one whenever somebody has committed."""
        ...

    def close(self) -> None: ...


class Backend(Protocol):
    """One kind of database; `faults` are the errors that it may answer with."""

    address: str
    faults: Errors

    def view(self) -> View: ...
    def watch(self, database: Any, tick: Tick) -> None:
        """Call `tick` before each statement of an open database."""
        ...


def is_harmless(sql: str) -> bool:
    """What a dead process leaves open, the database undoes."""
    return sql.startswith("rollback")


class Sqlite:
    """A file in a folder."""

    def __init__(self, folder: str) -> None:
        self.faults: Errors = {
            "busy": apsw.BusyError, "full": apsw.FullError, "ioerr": apsw.IOError,
        }  # fmt: skip
        self.address = f"{folder}/offhours.db"
        Offhours(self.address).close()

    def view(self) -> View:
        return SqliteView(self.address)

    def watch(self, database: Any, tick: Tick) -> None:
        def statement(cursor: object, sql: str, values: object) -> bool:
            if not is_harmless(sql):
                tick(" ".join(sql.split()[:2]))
            return True

        for connection in database._connections:
            connection.exec_trace = statement


class SqliteView:
    gapless = True

    def __init__(self, path: str) -> None:
        self._db = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def version(self) -> object:
        return self._db.pragma("data_version")

    def close(self) -> None:
        self._db.close()


class Postgres:
    """A schema of a server; a message of several statements is one."""

    def __init__(self, server: str) -> None:
        self.faults: Errors = {
            "busy": errors.LockNotAvailable, "full": errors.DiskFull, "lost": errors.AdminShutdown,
        }  # fmt: skip
        self._server = server
        self._schema = f"sim{uuid4().hex[:12]}"
        self.address = f"{server}?schema={self._schema}"
        Offhours(self.address).close()

    def view(self) -> View:
        return PostgresView(self._server, self._schema)

    def watch(self, database: Any, tick: Tick) -> None:
        for session in (database._writer, database._reader):
            self._watch_session(session, tick)

    def _watch_session(self, session: Any, tick: Tick) -> None:
        send = session._send

        def heard(sql: str) -> Any:
            if not is_harmless(sql):
                tick(" ".join(sql.split()[:2]))
            return send(sql)

        session._send = heard

    @classmethod
    @contextmanager
    def on(cls, server: str) -> Iterator[Postgres]:
        """A schema of its own, which is dropped in the end."""
        made = cls(server)
        try:
            yield made
        finally:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute("set client_min_messages = warning")
                admin.execute(f"drop schema if exists {made._schema} cascade".encode())


class PostgresView:
    gapless = False

    def __init__(self, server: str, schema: str) -> None:
        options = f"-c search_path={schema} -c default_transaction_read_only=on"
        self._db = psycopg.connect(server, autocommit=True, options=options)

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        named = re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", sql.replace("%", "%%"))
        return self._db.execute(named.encode(), values).fetchall()

    def version(self) -> object:
        [(snapshot,)] = self.rows("select pg_current_snapshot()::text")
        return snapshot

    def close(self) -> None:
        self._db.close()
