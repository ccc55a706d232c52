"""A connection to a file: its patience, its settings, and whether the file is sound and ours."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from offhours.core.errors import StoreCorrupt, StoreReadOnly
from offhours.core.times import SECOND, Micros
from offhours.store.sqlite.schema import check

# A commit copies each page that it changed: with the small rows of a queue, half the usual page
# makes a submit a quarter faster (docs/performance.md).
PAGE_SIZE = 2048
CHECKPOINT_PAGES = 4096
CHECKED_WHOLE = 8_000_000


def connect(path: str, lock_timeout: Micros) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=256)
    connection.set_busy_handler(_patience(lock_timeout / SECOND))
    return connection


def _patience(limit: float) -> Callable[[int], bool]:
    """Wait for the lock in short, uneven steps; SQLite's own handler sleeps up to 100 ms."""
    started = 0.0

    def wait(tries: int) -> bool:
        nonlocal started
        now = time.monotonic()
        if tries == 0:
            started = now
        if now - started >= limit:
            return False
        time.sleep(min(0.0002 * 2 ** min(tries, 5), 0.005) * random.uniform(0.5, 1.0))
        return True

    return wait


def check_contents(connection: apsw.Connection, path: str) -> None:
    """Refuse what is damaged or not ours before anything is written to it."""
    if path == ":memory:":
        return
    if connection.readonly("main"):
        raise StoreReadOnly(f"{path}: the database cannot be written; check its permissions")
    check(connection, path)
    size = Path(path).stat().st_size
    if 0 < size <= CHECKED_WHOLE:
        verdict = connection.execute("pragma quick_check(1)").get
        if verdict != "ok":
            raise StoreCorrupt(
                path, f"{verdict}; the file was left as it is. Restore a backup or use .recover"
            )


def configure(connection: apsw.Connection, durability: str, journal: str) -> None:
    mode = {"wal": "wal", "rollback": "delete", "memory": "memory"}[journal]
    for pragma in (
        f"page_size = {PAGE_SIZE}",
        f"journal_mode = {mode}",
        f"synchronous = {durability}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        "journal_size_limit = 67108864",
        "cache_size = -16000",
        "temp_store = memory",
    ):
        connection.execute(f"pragma {pragma}").fetchall()
