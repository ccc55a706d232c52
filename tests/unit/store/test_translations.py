"""Which error of ours a driver's error becomes: programs tell them apart, and people read them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import apsw
import psycopg
import pytest
from psycopg import errors

from offhours.core.errors import (
    Busy,
    OptionError,
    StorageFull,
    StoreClosed,
    StoreCorrupt,
    StoreError,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnusable,
)
from offhours.store.opening import open_store
from offhours.store.postgres import faults as postgres
from offhours.store.postgres.joined import driver_connection
from offhours.store.sqlite import faults

OPEN: dict[str, Any] = {"durability": "normal", "journal": "wal", "lock_timeout": 0}


@pytest.mark.parametrize(
    ("error", "ours", "said"),
    [
        (apsw.BusyError("database is locked"), Busy, "locked by another process"),
        (apsw.LockedError("table is locked"), Busy, "nothing was stored"),
        (apsw.FullError("database or disk is full"), StorageFull, "Free some space"),
        (apsw.IOError("disk full at write"), StorageFull, "disk full"),
        (apsw.IOError("disk I/O error"), StoreError, "IOError: disk I/O error"),
        (apsw.ReadOnlyError("readonly database"), StoreReadOnly, "its permissions"),
        (apsw.PermissionsError("access denied"), StoreReadOnly, "cannot be written"),
        (apsw.CorruptError("malformed"), StoreCorrupt, "malformed; the file was left as it is"),
        (apsw.NotADBError("not a database"), StoreCorrupt, "Restore a backup"),
        (apsw.CantOpenError("unable to open"), StoreUnusable, "its folder and permissions"),
        (apsw.ConnectionClosedError("closed"), StoreClosed, "the store was closed"),
    ],
)
def test_what_sqlite_says(error: apsw.Error, ours: type[StoreError], said: str) -> None:
    found = faults.translate(error, "a.db")
    assert type(found) is ours
    assert str(found).startswith("a.db: ") and said in str(found)


@pytest.mark.parametrize(
    ("error", "ours", "said"),
    [
        (errors.LockNotAvailable("lock timeout"), Busy, "locked by another process"),
        (errors.QueryCanceled("statement timeout"), Busy, "took longer than it may"),
        (errors.DeadlockDetected("a  deadlock\nwas found"), Busy, "(a deadlock was found)"),
        (errors.SerializationFailure("could not"), Busy, "collided with another transaction"),
        (errors.DiskFull("no space left"), StorageFull, "Free some space"),
        (errors.ReadOnlySqlTransaction("read-only"), StoreReadOnly, "a standby?"),
        (errors.InsufficientPrivilege("denied for schema"), StoreUnusable, "as its owner"),
        (errors.InvalidPassword("wrong password"), StoreUnusable, "wrong password"),
        (errors.InvalidCatalogName("no such database"), StoreUnusable, "no such database"),
        (errors.InvalidAuthorizationSpecification("no such role"), StoreUnusable, "no such role"),
        (psycopg.OperationalError("no pg_hba.conf entry"), StoreUnusable, "no pg_hba.conf"),
        (errors.IdleInTransactionSessionTimeout("idle"), StoreUnavailable, "stopped in its turn"),
        (errors.AdminShutdown("terminating"), StoreUnavailable, "cannot be reached (terminating)"),
        (psycopg.InterfaceError("closed"), StoreUnavailable, "cannot be reached (closed)"),
        (errors.UndefinedTable("no table"), StoreError, "UndefinedTable: no table"),
        (errors.UniqueViolation("a key twice"), StoreError, "UniqueViolation: a key twice"),
    ],
)
def test_what_postgresql_says(error: psycopg.Error, ours: type[StoreError], said: str) -> None:
    found = postgres.translate(error, "a server")
    assert type(found) is ours
    assert str(found).startswith("a server: ") and said in str(found)
    assert not getattr(found, "unknown", False)


def test_a_kind_of_server_that_we_do_not_know_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match='an address of "mysql"'):
        open_store("mysql://localhost/jobs", **OPEN)


def test_a_server_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "offhours.store.postgres.database")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreUnusable, match=r'pip install "offhours\[postgres\]"'):
        open_store("postgresql://localhost/jobs", **OPEN)


def test_a_fault_of_the_driver_is_not_taken_for_its_absence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "offhours.store.postgres.database", None)
    with pytest.raises(ImportError, match=r"offhours\.store\.postgres"):
        open_store("postgresql://localhost/jobs", **OPEN)


def wrap(connection: psycopg.Connection[Any], kind: str) -> object:
    """As SQLAlchemy's session, SQLAlchemy's connection and Django have it inside of theirs."""
    raw = SimpleNamespace(driver_connection=connection)
    inside: dict[str, Callable[[], object]] = {
        "itself": lambda: connection,
        "django": lambda: SimpleNamespace(connection=connection),
        "sqlalchemy": lambda: SimpleNamespace(connection=raw),
        "session": lambda: SimpleNamespace(connection=lambda: SimpleNamespace(connection=raw)),
    }
    return inside[kind]()


@pytest.mark.parametrize("kind", ["itself", "django", "sqlalchemy", "session"])
def test_whose_ever_connection_it_is_the_drivers_is_found(kind: str) -> None:
    connection: psycopg.Connection[Any] = psycopg.Connection.__new__(psycopg.Connection)
    assert driver_connection(wrap(connection, kind)) is connection


@pytest.mark.parametrize("given", [7, SimpleNamespace(connection=None)])
def test_what_is_no_connection_is_named(given: object) -> None:
    with pytest.raises(OptionError, match=f"got {type(given).__module__}"):
        driver_connection(given)
