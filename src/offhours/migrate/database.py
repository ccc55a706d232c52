"""Tables of another scheduler, only ever read, and only columns that are plain."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from offhours.core.addresses import is_server
from offhours.core.errors import StoreUnusable

_SQLITE = b"SQLite format 3\0"
_SCHEME = "sqlite:///"


class Database(Protocol):
    """What is asked of it. Names of tables and columns are ours, never a user's."""

    def tables(self) -> set[str]: ...

    def rows(self, table: str, columns: Sequence[str] = ("*",)) -> list[Mapping[str, Any]]: ...


def is_sqlite(path: Path) -> bool:
    """Whether a file is a SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


@contextmanager
def opened(address: str) -> Iterator[Database]:
    """The database at a path, `sqlite:///path` or `postgresql://...`; it is only read."""
    if is_server(address):
        with _postgres(address) as connection:
            yield _Postgres(connection)
        return
    path = Path(address.removeprefix(_SCHEME)).absolute()
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        yield _Sqlite(connection)
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(str(path), f"cannot be read: {error}") from error
    finally:
        connection.close()


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tables(self) -> set[str]:
        found = self._connection.execute("select name from sqlite_master where type = 'table'")
        return {row["name"] for row in found}

    def rows(self, table: str, columns: Sequence[str] = ("*",)) -> list[Mapping[str, Any]]:
        found = self._connection.execute(f"select {', '.join(columns)} from {table} order by 1")
        return [dict(row) for row in found]


class _Postgres:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def tables(self) -> set[str]:
        asked = (
            "select table_name from information_schema.tables "
            "where table_schema = any(current_schemas(false))"
        )
        return {row["table_name"] for row in self._connection.execute(asked)}

    def rows(self, table: str, columns: Sequence[str] = ("*",)) -> list[Mapping[str, Any]]:
        found = self._connection.execute(f"select {', '.join(columns)} from {table} order by 1")
        return list(found)


@contextmanager
def _postgres(address: str) -> Iterator[Any]:
    try:
        import psycopg
        from psycopg.rows import dict_row
    except ImportError as missing:
        raise StoreUnusable(
            "postgresql", 'needs psycopg: pip install "offhours[postgres]"'
        ) from missing
    try:
        with psycopg.connect(address, row_factory=dict_row) as connection:
            connection.read_only = True
            yield connection
    except psycopg.Error as error:
        raise StoreUnusable("postgresql", f"cannot be read: {error}") from error
