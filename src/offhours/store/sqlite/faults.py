"""The driver's errors, said in ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import apsw

from offhours.core.errors import (
    Busy,
    StorageFull,
    StoreClosed,
    StoreCorrupt,
    StoreError,
    StoreReadOnly,
    StoreUnusable,
)

T = TypeVar("T")
_PAUSE = 0.005


def patiently(call: Callable[[], T], seconds: float) -> T:
    """Call again for so long as SQLite is busy.

    It waits by itself for a lock, but answers at once while another process opens the file after a
    crash, or is the last to close it.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE)


def translate(error: apsw.Error, path: str) -> StoreError:
    """The error of ours that says what the driver's error means for the user."""
    match error:
        case apsw.BusyError() | apsw.LockedError():
            return Busy(f"{path}: locked by another process until the deadline; nothing was stored")
        case apsw.FullError():
            return StorageFull(f"{path}: the disk is full; nothing was stored. Free some space")
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            return StoreReadOnly(f"{path}: the database cannot be written; check its permissions")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreCorrupt(
                path,
                f"{error}; the file was left as it is. Restore a backup, or recover what is "
                "readable with the sqlite3 shell's .recover",
            )
        case apsw.CantOpenError():
            return StoreUnusable(path, "cannot be opened; check its folder and permissions")
        case apsw.ConnectionClosedError():
            return StoreClosed(f"{path}: the store was closed")
        case apsw.IOError() if "full" in str(error).lower():
            return StorageFull(f"{path}: {error}")
        case _:
            return StoreError(f"{path}: {type(error).__name__}: {error}")


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise ours instead of the driver's, with the driver's as the cause."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, path) from error
