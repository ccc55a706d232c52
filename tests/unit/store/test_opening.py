"""Opening a database: what is refused, and that it is left untouched."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from offhours import Offhours
from offhours.core.errors import (
    Busy,
    ForeignDatabase,
    NetworkFileSystem,
    NewerSchema,
    StoreCorrupt,
    StoreReadOnly,
    StoreUnusable,
    UnsafeSQLite,
)
from offhours.store.migrate import scripts
from offhours.store.sql import SqlStore
from offhours.store.sqlite import files
from offhours.store.sqlite.connecting import PAGE_SIZE
from offhours.store.sqlite.database import SqliteDatabase
from offhours.store.sqlite.files import file_system


def make(path: Path, script: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(script).fetchall()
    connection.close()


def refused(path: Path, kind: type[Exception], words: str) -> None:
    """Opening fails with this error and leaves every byte as it was."""
    before = path.read_bytes()
    names = sorted(path.parent.iterdir())
    with pytest.raises(kind, match=words) as caught:
        SqliteDatabase(str(path))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == names


def test_a_new_file_is_private(tmp_path: Path) -> None:
    SqliteDatabase(str(tmp_path / "jobs.db")).close()
    assert stat.S_IMODE((tmp_path / "jobs.db").stat().st_mode) == 0o600


def test_another_programs_database(tmp_path: Path) -> None:
    make(tmp_path / "x.db", "create table customers (id)")
    refused(tmp_path / "x.db", ForeignDatabase, "another program")


def test_another_programs_empty_database(tmp_path: Path) -> None:
    make(tmp_path / "x.db", "pragma application_id = 7; create table t (a); drop table t")
    refused(tmp_path / "x.db", ForeignDatabase, "another program")


def test_a_newer_schema(tmp_path: Path) -> None:
    SqliteDatabase(str(tmp_path / "jobs.db")).close()
    make(tmp_path / "jobs.db", f"pragma user_version = {max(scripts()) + 1}")
    refused(tmp_path / "jobs.db", NewerSchema, "Upgrade Offhours")


def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database at all, just notes\n" * 100)
    refused(tmp_path / "notes.txt", StoreCorrupt, "not a database")


def test_a_damaged_page(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    app = Offhours(path)
    app.task(name="t")(print).submit_many([("x" * 50,)] * 500)
    app.close()
    raw = bytearray(path.read_bytes())
    raw[20_480:24_576] = os.urandom(4096)
    path.write_bytes(raw)
    refused(path, StoreCorrupt, "left as it is")


def test_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    app = Offhours(path)
    app.task(name="t")(print).submit_many([("x" * 50,)] * 500)
    app.close()
    path.write_bytes(path.read_bytes()[:30_000])
    refused(path, StoreCorrupt, "left as it is")


def test_a_directory_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="is a directory"):
        SqliteDatabase(str(tmp_path))
    with pytest.raises(StoreUnusable, match="does not exist"):
        SqliteDatabase(str(tmp_path / "no" / "jobs.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "jobs.db"
    SqliteDatabase(str(path)).close()
    # For root no mode is read-only: open it so by flag.
    connect = apsw.Connection
    monkeypatch.setattr(
        apsw, "Connection",
        lambda name, flags, **rest: connect(name, flags=apsw.SQLITE_OPEN_READONLY, **rest),
    )  # fmt: skip
    with pytest.raises(StoreReadOnly, match="permissions"):
        SqliteDatabase(str(path))


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.50.6", "3.44.5", "3.7.0"])
def test_a_library_that_loses_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    with pytest.raises(UnsafeSQLite, match=version):
        SqliteDatabase(str(tmp_path / "jobs.db"))
    assert list(tmp_path.iterdir()) == []
    SqliteDatabase(str(tmp_path / "jobs.db"), journal="rollback").close()


@pytest.mark.parametrize("version", ["3.51.3", "3.50.7", "3.44.6", "3.54.1", "4.0.0"])
def test_a_library_that_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    SqliteDatabase(str(tmp_path / "jobs.db")).close()


def test_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "file_system", lambda folder: "nfs4")
    with pytest.raises(NetworkFileSystem, match="nfs4"):
        SqliteDatabase(str(tmp_path / "jobs.db"))
    assert list(tmp_path.iterdir()) == []


def test_the_file_system_is_found() -> None:
    assert file_system(Path("/proc")) == "proc"


def test_a_lock_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    path = str(tmp_path / "jobs.db")
    store = SqlStore(SqliteDatabase(path, lock_timeout=200_000))
    other = apsw.Connection(path)
    other.execute("begin exclusive")
    with pytest.raises(Busy, match="deadline; nothing was stored"):
        store.remove_worker(1, 0)
    other.execute("rollback")
    store.remove_worker(1, 0)
    other.close()
    store.close()


def test_wal_and_page_size_are_set(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    database = SqliteDatabase(str(path), durability="full")
    assert database.read("pragma journal_mode") == [("wal",)]
    assert database.read("pragma page_size") == [(PAGE_SIZE,)]
    database.close()
