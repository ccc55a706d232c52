"""Wake-ups between processes: a datagram that says "look now". Losing one costs a poll, no more.

Nothing in a datagram is believed: it can only make a worker look at the store sooner.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import uuid4

_log = logging.getLogger("offhours")
_ABSTRACT = sys.platform == "linux"


class WakeSocket:
    """Receives wake-ups at `address` and sends them to others'."""

    def __init__(self, on_wake: Callable[[str, int], None] | None = None) -> None:
        self._on_wake = on_wake
        if _ABSTRACT:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.address = f"offhours-{uuid4().hex}"
            self._socket.bind("\0" + self.address)
        else:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", 0))
            self.address = str(self._socket.getsockname()[1])
        self._closed = False
        self._sender = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        if on_wake is not None:
            threading.Thread(target=self._listen, name="offhours-wakeup", daemon=True).start()

    def send(self, addresses: Iterable[str], kind: str, number: int = 0) -> None:
        """Wake the holders of these addresses; `kind` is one letter."""
        message = f"{kind}{number}".encode()
        for address in addresses:
            # A full or vanished receiver is awake already, or gone.
            with suppress(OSError, ValueError):
                if _ABSTRACT:
                    self._sender.sendto(message, "\0" + address)
                else:
                    self._sender.sendto(message, ("127.0.0.1", int(address)))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._on_wake is not None:
            self.send([self.address], "x")
        self._sender.close()
        if self._on_wake is None:
            self._socket.close()

    def _listen(self) -> None:
        assert self._on_wake is not None
        with self._socket:
            while not self._closed:
                try:
                    message = self._socket.recv(32)
                except OSError:
                    return
                kind, number = message[:1].decode("ascii", "replace"), message[1:]
                if not self._closed and kind in "jfc" and (not number or number.isdigit()):
                    self._on_wake(kind, int(number or 0))
