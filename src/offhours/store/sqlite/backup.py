"""A copy of a SQLite database that is in use: one moment of it, whole and checked."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkstemp

import apsw

from offhours.core.errors import StoreCorrupt, StoreUnusable
from offhours.store.sqlite.faults import translated
from offhours.store.sqlite.schema import check

PATIENCE_MS = 10_000


def back_up(source: str, target: str, *, replace: bool = False) -> int:
    """Copy what is committed in `source` to a file; its size in bytes.

    Workers may go on. The copy is one file, readable by its owner only; until it is whole, checked
    and on the disk it has another name, and what `target` held before is left as it was.
    """
    place = Path(target)
    if place.exists() and not replace:
        raise StoreUnusable(target, "is there already; name a new file")
    if place.exists() and place.samefile(source):
        raise StoreUnusable(target, "is the database itself; name another file")
    try:
        made, name = mkstemp(".partial", f"{place.name}.", place.parent)
        os.close(made)
    except OSError as error:
        raise StoreUnusable(target, f"cannot be created: {error.strerror}") from error
    partial = Path(name)
    try:
        _copy(source, str(partial))
        size = partial.stat().st_size
        _to_disk(partial)
        os.replace(partial, place)
        _to_disk(place.absolute().parent)
        return size
    finally:
        for left in (partial, Path(f"{partial}-journal"), Path(f"{partial}-wal")):
            with suppress(FileNotFoundError):
                left.unlink()


def _copy(source: str, target: str) -> None:
    with translated(source), closing(_open(source, apsw.SQLITE_OPEN_READONLY)) as reader:
        check(reader, source)
        with translated(target), closing(_open(target, apsw.SQLITE_OPEN_READWRITE)) as writer:
            with writer.backup("main", reader, "main") as copying:
                copying.step(-1)  # all of it in one read transaction: writers do not disturb it
            # The source's WAL mode would want two more files beside the copy.
            writer.execute("pragma journal_mode = delete").fetchall()
            verdict = writer.execute("pragma quick_check(1)").get
    if verdict != "ok":
        raise StoreCorrupt(source, f"{verdict}; no copy was kept")


def _open(path: str, flags: int) -> apsw.Connection:
    connection = apsw.Connection(path, flags=flags)
    connection.set_busy_timeout(PATIENCE_MS)
    return connection


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
