"""Wake-ups by LISTEN and NOTIFY, on one connection and one thread of their own."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg

from offhours.core.clock import Signal

_PAUSE = 1.0
_PROBE_LIMIT = 2.0
_WORK = "w"


class PostgresWakeUps:
    """Implements `core.ports.WakeUps`. A notification is `letter sender`, and nothing else.

    A pooler in transaction mode swallows notifications: then polls serve. What is put is sent by
    the thread, so that a submit does not wait for it, and many that are put at once are one.
    """

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._channel = f"offhours_{schema}"
        self._me = uuid4().hex[:12]
        self._lock = threading.Lock()
        self._to_send: set[str] = set()
        self._listeners: list[tuple[Sequence[Signal], Callable[[], None]]] = []
        self._on_told: Callable[[str], None] | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._closed = False
        self._ends: tuple[int, int] = (-1, -1)

    def put(self) -> None:
        self._send(_WORK)

    def tell(self, kind: str) -> None:
        self._send(kind)

    def listen(self, hungry: Sequence[Signal], wake: Callable[[], None]) -> Callable[[], None]:
        entry = (hungry, wake)
        with self._lock:
            self._listeners.append(entry)
        self._ring()

        def stop() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(entry)

        return stop

    def hear(self, on_told: Callable[[str], None]) -> str:
        self._on_told = on_told
        self._ring()
        return ""

    def unhear(self) -> None:
        self._on_told = None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            thread = self._thread if self._process == os.getpid() else None
        if thread is not None:
            self._ring()
            thread.join(2)

    def _send(self, kind: str) -> None:
        if kind not in self._to_send:
            self._to_send.add(kind)
            self._ring()

    def _ring(self) -> None:
        """Make the thread look; it is begun when there is first something to do."""
        with self._lock:
            if self._process != os.getpid():  # forked: the thread is the parent's
                self._process, self._thread = os.getpid(), None
            if self._thread is None and not self._closed:
                self._ends = os.pipe()
                os.set_blocking(self._ends[0], False)
                os.set_blocking(self._ends[1], False)
                self._thread = threading.Thread(
                    target=self._run, name="offhours-notify", daemon=True
                )
                self._thread.start()
            with suppress(OSError):
                os.write(self._ends[1], b"!")

    def _run(self) -> None:
        while not self._closed:
            try:
                with psycopg.connect(
                    self._url, autocommit=True, prepare_threshold=None, application_name="offhours"
                ) as connection:
                    self._serve(connection)
            except psycopg.Error:
                _wait([self._ends[0]], _PAUSE if not self._closed else 0)
        with self._lock:
            ends, self._ends = self._ends, (-1, -1)  # who rings now must not reach another file
        for end in ends:
            os.close(end)

    def _serve(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute(f'listen "{self._channel}"'.encode())
        # What was told while we were away did not reach us.
        self._wake_one()
        while not self._closed:
            while self._to_send:
                kind = self._to_send.pop()
                try:
                    told = (self._channel, f"{kind} {self._me}")
                    connection.execute("select pg_notify(%s, %s)", told)
                except psycopg.Error:
                    self._to_send.add(kind)
                    raise
            _wait([connection.fileno(), self._ends[0]], None)
            with suppress(BlockingIOError):
                os.read(self._ends[0], 4096)
            for notice in connection.notifies(timeout=0):
                self._received(notice.payload)

    def _received(self, payload: str) -> None:
        kind, _, sender = payload.partition(" ")
        if sender == self._me:
            return
        if kind == _WORK:
            self._wake_one()
        elif self._on_told is not None:
            self._on_told(kind)

    def _wake_one(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for hungry, wake in listeners:
            if all(signal.is_set() for signal in hungry):
                for signal in hungry:
                    signal.clear()
                wake()
                return


def _wait(descriptors: Sequence[int], seconds: float | None) -> None:
    """Until one can be read. Not by `select`, which refuses numbers above 1023."""
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        selector.select(seconds)


def probe(url: str, schema: str) -> bool:
    """Whether what one connection tells arrives at another one.

    (What a connection tells itself arrives through a pooler, too: with the statement's answer.)
    """
    channel = f"offhours_{schema}_probe_{uuid4().hex[:8]}"
    options: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}
    with psycopg.connect(url, **options) as listener, psycopg.connect(url, **options) as teller:
        listener.execute(f'listen "{channel}"'.encode())
        teller.execute("select pg_notify(%s, '')", (channel,))
        arrived = any(listener.notifies(timeout=_PROBE_LIMIT, stop_after=1))
        listener.execute(f'unlisten "{channel}"'.encode())
    return arrived
