"""Whose the database is: what somebody else may have written is not opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offhours import Offhours
from offhours.core.errors import StoreUnusable
from offhours.store.sqlite import owners

SOMEBODY = 4_711


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """One of ours, in use, so that its log is there."""
    app = Offhours(tmp_path / "jobs.db")
    app.submit_by_name("shop:work")
    yield tmp_path / "jobs.db"
    tmp_path.chmod(0o700)
    app.close()


def whose(monkeypatch: pytest.MonkeyPatch, path: Path, owner: int) -> None:
    """Let a file, or a folder, belong to somebody."""
    true, look = os.lstat(path).st_ino, os.stat

    def seen(*args: Any, **options: Any) -> os.stat_result:
        found = look(*args, **options)
        if found.st_ino != true:
            return found
        return os.stat_result((*found[:4], owner, *found[5:10]))

    monkeypatch.setattr(os, "stat", seen)


def refused(database: Path, words: str) -> None:
    with pytest.raises(StoreUnusable, match=words):
        Offhours(database)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_database_that_everybody_may_write_is_refused(database: Path, ending: str) -> None:
    file = Path(f"{database}{ending}")
    file.chmod(0o666)
    refused(database, f"everybody may write {file.name}.*chmod o-w")
    file.chmod(0o640)
    Offhours(database).close()


def test_a_link_does_not_hide_whose_it_is(database: Path, tmp_path: Path) -> None:
    database.chmod(0o602)
    (tmp_path / "link.db").symlink_to(database)
    refused(tmp_path / "link.db", "everybody may write jobs.db")


@pytest.mark.parametrize("ending", ["", "-wal"])
@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_what_somebody_has_put_where_everybody_may_write_is_refused(
    database: Path, monkeypatch: pytest.MonkeyPatch, ending: str, mode: int
) -> None:
    database.parent.chmod(mode)
    Offhours(database).close()  # a container's folder is often so; the file is ours
    whose(monkeypatch, Path(f"{database}{ending}"), SOMEBODY)
    refused(database, "belongs to user 4711, and not to you")


def test_a_folder_of_ours_or_of_root_vouches(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    for owner in (0, 1_000):
        with monkeypatch.context() as patched:
            whose(patched, database, SOMEBODY)
            whose(patched, database.parent, owner)
            owners.refuse_strangers(str(database))
    with monkeypatch.context() as patched:
        whose(patched, database, SOMEBODY)
        whose(patched, database.parent, SOMEBODY)
        with pytest.raises(StoreUnusable, match="belongs to user 4711"):
            owners.refuse_strangers(str(database))
        patched.setattr(os, "geteuid", lambda: 0)  # root may look at everybody's
        owners.refuse_strangers(str(database))


def test_all_that_is_beside_a_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Offhours(tmp_path / "jobs.db") as app:
            app.task(name="shop:work")(lambda: None)
            app.submit_by_name("shop:work").result(timeout=30)
            found = {file.name: file.lstat().st_mode for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"jobs.db", "jobs.db-wal", "jobs.db-shm"} <= set(found)
    assert {name: oct(stat.S_IMODE(mode)) for name, mode in found.items()} == dict.fromkeys(
        found, "0o600"
    )
