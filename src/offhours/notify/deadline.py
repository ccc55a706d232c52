"""One deadline for a whole conversation, however slowly the other side drips."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from offhours.core.errors import DeliveryError

CONNECT_SECONDS = 10.0


class Deadline:
    """Shuts the connections that it watches when the time is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    @property
    def connect_seconds(self) -> float:
        return min(self.seconds, CONNECT_SECONDS)

    def check(self) -> None:
        """Raise `DeliveryError` when the time is over."""
        if self.over:
            raise DeliveryError("the time is over")

    def watch(self, connection: socket.socket) -> None:
        """Shut this connection too. TLS may be put on it later: we hold a handle of our own."""
        with self._lock:
            self._watched.append(connection.dup())
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        with self._lock:
            for connection in self._watched:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._watched:
                connection.close()
            self._watched.clear()


@contextmanager
def deadline(seconds: float, place: str) -> Iterator[Deadline]:
    """A deadline for the block; what fails in it because of that says so.

    >>> with deadline(5, "example.com") as until:
    ...     until.over
    False
    """
    until = Deadline(seconds)
    try:
        yield until
    except Exception as error:
        if until.over:
            raise DeliveryError(f"{place} did not finish within {seconds:g} s") from error
        raise
    finally:
        until.close()
