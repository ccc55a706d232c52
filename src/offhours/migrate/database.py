"""Tables of another scheduler, only ever read, and only columns that are plain."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offhours.core.addresses import is_server
from offhours.core.errors import StoreUnusable

_SQLITE = b"SQLite format 3\0"
_SCHEME = "sqlite:///"
_SQLITE_TABLES = "select name from sqlite_master where type = 'table'"
_POSTGRES_TABLES = (
    "select table_name as name from information_schema.tables "
    "where table_schema = any(current_schemas(false))"
)


class Database:
    """What is asked of it. Names of tables and columns are ours, never a user's."""

    def __init__(self, connection: Any, tables: str) -> None:
        self._connection = connection
        self._tables = tables

    def tables(self) -> set[str]:
        return {row["name"] for row in self._connection.execute(self._tables)}

    def rows(self, table: str, columns: Sequence[str] = ("*",)) -> list[Mapping[str, Any]]:
        found = self._connection.execute(f"select {', '.join(columns)} from {table} order by 1")
        return [dict(row) for row in found]


def is_sqlite(path: Path) -> bool:
    """Whether a file is a SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


@contextmanager
def opened(address: str) -> Iterator[Database]:
    """The database at a path, `sqlite:///path` or `postgresql://...`; it is only read."""
    if is_server(address):
        with _postgres(address) as connection:
            yield Database(connection, _POSTGRES_TABLES)
        return
    path = Path(address.removeprefix(_SCHEME)).absolute()
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        yield Database(connection, _SQLITE_TABLES)
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(str(path), f"cannot be read: {error}") from error
    finally:
        connection.close()


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
