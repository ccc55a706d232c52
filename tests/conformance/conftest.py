"""Every store, over which the one suite runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offhours.core.ports import Store
from offhours.store.sql import SqlStore
from offhours.store.sqlite import Database

STORES: dict[str, Callable[[Path], Store]] = {
    "sqlite-normal": lambda folder: SqlStore(Database(str(folder / "jobs.db"))),
    "sqlite-full": lambda folder: SqlStore(Database(str(folder / "jobs.db"), durability="full")),
    "sqlite-rollback": lambda folder: SqlStore(
        Database(str(folder / "jobs.db"), journal="rollback")
    ),
    "memory": lambda folder: SqlStore(Database(":memory:")),
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()
