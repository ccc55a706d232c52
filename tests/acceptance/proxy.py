"""A TCP proxy that cuts a conversation when the client says a certain thing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Proxy:
    """Forwards to a server. `cut` is asked about each piece that a client sends: "" lets it pass,
    "before" closes both ends instead of passing it on, "after" passes it on and keeps the answer.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut: Callable[[bytes], str] = lambda data: ""
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Cut every conversation that goes on."""
        pairs, self._pairs = self._pairs, []
        for each in pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

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
                if verdict == "after":
                    silent.set()
                if not asks and silent.is_set():
                    break  # the server has answered, and nobody will hear it
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
