"""Run as a script by the tests: what races in a write-ahead log, for a number of seconds.

hammer.py write DB LEDGER SECONDS         submit; the number of each job acknowledged, 8 bytes each
hammer.py checkpoint DB LEDGER SECONDS    checkpoint without a pause
"""

from __future__ import annotations

import os
import struct
import sys
import time
from contextlib import suppress

import apsw

from offhours import Offhours


def write(database: str, ledger: str, until: float) -> None:
    app = Offhours(database, lock_timeout="30s")
    app.store._db._connections[0].wal_autocheckpoint(4)
    file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    while time.monotonic() < until:
        os.write(file, struct.pack("q", app.submit_by_name("t", args=("x" * 100,)).id))
    app.close()


def checkpoint(database: str, until: float) -> None:
    connection = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READWRITE)
    while time.monotonic() < until:
        with suppress(apsw.BusyError, apsw.LockedError):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    connection.close()


def main() -> None:
    verb, database, ledger, seconds = sys.argv[1:5]
    until = time.monotonic() + float(seconds)
    if verb == "write":
        write(database, ledger, until)
    else:
        checkpoint(database, until)


if __name__ == "__main__":
    main()
