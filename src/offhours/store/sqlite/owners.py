"""Whose a database file is: who can write it has jobs run in the name of who opens it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from offhours.core.errors import StoreUnusable

_ROOT = 0
_FILES = ("", "-wal", "-shm")


def refuse_strangers(path: str) -> None:
    """Raise `StoreUnusable` when everybody may write the database, or somebody else may have put
    it there: its owner is neither this user nor root, and its folder does not vouch for them.

    A folder vouches that belongs to this user or to root, if not everybody may write there.
    """
    if not hasattr(os, "geteuid"):
        return
    database = Path(path).resolve()
    for file, status in _found(database):
        if status.st_mode & stat.S_IWOTH:
            raise StoreUnusable(
                path,
                f"everybody may write {file.name}, and have jobs run in your name; "
                f"look at it, then: chmod o-w {file}",
            )
        if status.st_uid not in _trusted() and not _vouches(database.parent):
            raise StoreUnusable(
                path,
                f"{file.name} belongs to user {status.st_uid}, and not to you; "
                "take a database of your own, in a folder that only you can write",
            )


def _found(database: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for ending in _FILES:
        file = Path(f"{database}{ending}")
        try:
            yield file, os.stat(file, follow_symlinks=False)
        except OSError:
            continue


def _vouches(folder: Path) -> bool:
    status = os.stat(folder)
    if status.st_mode & stat.S_IWOTH:
        return False
    return os.geteuid() == _ROOT or status.st_uid in _trusted()


def _trusted() -> tuple[int, int]:
    return _ROOT, os.geteuid()
