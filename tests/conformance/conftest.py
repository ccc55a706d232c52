"""Every store, over which the one suite runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offhours.core.ports import Store
from offhours.store.postgres.database import PostgresDatabase
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase

STORES: dict[str, Callable[[Path], Store]] = {
    "sqlite-normal": lambda folder: SqlStore(SqliteDatabase(str(folder / "jobs.db"))),
    "sqlite-full": lambda folder: SqlStore(
        SqliteDatabase(str(folder / "jobs.db"), durability="full")
    ),
    "sqlite-rollback": lambda folder: SqlStore(
        SqliteDatabase(str(folder / "jobs.db"), journal="rollback")
    ),
    "memory": lambda folder: SqlStore(SqliteDatabase(":memory:")),
}


@pytest.fixture(params=[*sorted(STORES), "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgres":
        opened: Store = SqlStore(PostgresDatabase(request.getfixturevalue("emptied_postgres")))
    else:
        opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store of an app is: the test runs on each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "jobs.db")
    return str(request.getfixturevalue("emptied_postgres"))
