"""A TCP proxy that cuts a conversation when the client says a certain thing, or falls silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest


class Proxy:
    """Forwards to a server. `cut` is asked about each piece that a client sends: "" lets it pass,
    "before" closes both ends instead of passing it on, "after" passes it on and keeps the answer,
    "swallow" does nothing, for ever.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut: Callable[[bytes], str] = lambda data: ""
        self._pairs: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.drop()
        self.heal()

    def drop(self) -> None:
        """Cut every conversation that goes on."""
        pairs, self._pairs = self._pairs, []
        for each in pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def stall(self) -> None:
        """Pass nothing on, in either direction, and leave every conversation open."""
        self._flows.clear()

    def heal(self) -> None:
        """What was held back arrives, as on a network that came back."""
        self._flows.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:  # it is away
                client.close()
                continue
            self._pairs += [client, server]
            silent = threading.Event()
            for one, other, asks in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._forward, args=(one, other, asks, silent), daemon=True
                ).start()

    def _forward(
        self, one: socket.socket, other: socket.socket, asks: bool, silent: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                verdict = self.cut(data) if asks else ""
                if verdict == "before":
                    break
                if verdict == "swallow":
                    continue
                if verdict == "after":
                    silent.set()
                self._flows.wait()
                if not asks and silent.is_set():
                    break  # the server has answered, and nobody will hear it
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def proxy(postgres: str) -> Iterator[Proxy]:
    """Before the server of the tests."""
    parts = urlsplit(postgres)
    made = Proxy(parts.hostname or "", parts.port or 5432)
    yield made
    made.close()


def through(proxy: Proxy, url: str) -> str:
    """The address that leads to the same place by the proxy."""
    return url.replace(urlsplit(url).netloc.rpartition("@")[2], f"127.0.0.1:{proxy.port}")
