"""Stopping processes (SIGSTOP) where they hold up nobody but themselves."""

from __future__ import annotations

import signal
import time
from contextlib import closing, suppress

import apsw
import psycopg

from offhours.core.addresses import is_server, server_and_schema


def send(processes, number: int) -> None:
    for process in processes:
        process.send_signal(number)


def stop_all(processes, database: str) -> int:
    """Stop them, none of them inside a commit: nobody else could write until it wakes."""
    locked = 0
    while True:
        send(processes, signal.SIGSTOP)
        if can_write(database):
            return locked
        locked += 1
        send(processes, signal.SIGCONT)
        time.sleep(0.01)


def can_write(database: str) -> bool:
    if is_server(database):
        server, schema = server_and_schema(database)
        turn = "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
        with psycopg.connect(server) as other:
            return other.execute(turn, [f"offhours.{schema}"]).fetchone() == (True,)
    with closing(apsw.Connection(database)) as connection:
        connection.set_busy_timeout(100)
        with suppress(apsw.BusyError):
            connection.execute("begin immediate; rollback")
            return True
    return False
