"""Serves the metrics over HTTP: one path, GET only, a few at a time."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from offhours.core.errors import OffhoursError, StoreClosed

PATH = "/metrics"
MOST_AT_ONCE = 8
READ_SECONDS = 5.0  # without a byte
REQUEST_SECONDS = 15.0  # in all
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
POLL_SECONDS = 0.2  # what a close may take
POLLS_A_LOOK = 25

_log = logging.getLogger("offhours")


class MetricsServer:
    """Answers `GET /metrics` until it is closed; `port` is the one that it has.

    write: gives the text; when it raises an `OffhoursError`, the answer is 503
    follow: called every few seconds, so that counting keeps up when nobody asks for long
    port: 0 takes a free one; host: whom it listens to, by default this machine only

    `OSError` when the port is taken.

    >>> from urllib.request import urlopen
    >>> with MetricsServer(lambda: "answer 42", "text/plain") as server:
    ...     urlopen(f"http://127.0.0.1:{server.port}/metrics").read()
    b'answer 42'
    """

    def __init__(
        self,
        write: Callable[[], str],
        content_type: str,
        *,
        follow: Callable[[], object] = lambda: None,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self._http = _Http(
            (host, port), _handler(write, content_type, LOOPBACK if host == "127.0.0.1" else None)
        )
        self._http.follow = follow
        self.host = host
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(POLL_SECONDS,), name="offhours-metrics",
            daemon=True,
        )  # fmt: skip
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the metrics are."""
        return f"http://{self.host}:{self.port}{PATH}"

    def close(self) -> None:
        """Answer no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.follow: Callable[[], object] = lambda: None
        self._polls = 0
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    def service_actions(self) -> None:
        self._polls += 1
        try:
            if self._polls % POLLS_A_LOOK == 0:
                self.follow()
        except StoreClosed:
            self.follow = lambda: None
        except OffhoursError as error:
            _log.warning("the metrics cannot be counted now: %s", error)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        deadline = threading.Timer(REQUEST_SECONDS, _hang_up, (request,))
        deadline.daemon = True
        deadline.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a request for the metrics failed", exc_info=True)


def _hang_up(request: socket.socket) -> None:
    with suppress(OSError):  # it has just ended
        request.shutdown(socket.SHUT_RDWR)


def _handler(
    write: Callable[[], str], content_type: str, names: frozenset[str] | None
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = READ_SECONDS
        server_version = "offhours"
        sys_version = ""

        def do_GET(self) -> None:
            if names is not None and not self._meant(names):
                self._answer(421, "text/plain", "this is another host\n")
                return
            if self.path.partition("?")[0] != PATH:
                self._answer(404, "text/plain", f"the metrics are at {PATH}\n")
                return
            try:
                text = write()
            except OffhoursError as error:
                _log.warning("the metrics cannot be told now: %s", error)
                self._answer(503, "text/plain", "the store cannot be read now\n")
            else:
                self._answer(200, content_type, text)

        def _meant(self, names: frozenset[str]) -> bool:
            """A page in a browser may know another name of this machine, and reads no answer."""
            host = self.headers.get("Host", "127.0.0.1")
            return host in names or host.rpartition(":")[0] in names

        def send_error(
            self, code: int, message: str | None = None, explain: str | None = None
        ) -> None:
            """Everything but GET ends here: without a page, and without a word of what came."""
            self._answer(405 if code == 501 else code, "text/plain", "GET only\n")

        def _answer(self, status: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            if status == 405:
                self.send_header("Allow", "GET")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A scrape every few seconds is no news."""

    return Handler
