"""Servers that misbehave as they are told to, and a certificate authority of our own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from offhours.notify import Message, Webhook

LOCAL = ("127.0.0.0/8",)
NOW = 1_800_000_000_000_000
MESSAGE = Message("key-1", "job.failed", "job 7 failed", "job 7 failed: no disk", NOW)

Behave = Callable[[socket.socket, "WebServer"], None]


class Request(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes


class WebServer:
    """Hands each connection, its request read, to a function."""

    def __init__(
        self, behave: Behave, tls: ssl.SSLContext | None = None, listens: bool = True
    ) -> None:
        self.listens = listens
        self.requests: list[Request] = []
        self.stopped = threading.Event()
        self._behave = behave
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                if self.listens:
                    self.requests.append(_read(connection))
                self._behave(connection, self)

    def close(self) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # who waits in accept() gives up
        self._socket.close()

    def webhook(self, **changes: Any) -> Webhook:
        scheme = "http" if self._tls is None else "https"
        given: dict[str, Any] = {
            "http": True, "ports": [self.port], "networks": LOCAL, "deadline": 5,
            "resolve": lambda host, port: ["127.0.0.1"], **changes,
        }  # fmt: skip
        return Webhook(f"{scheme}://hooks.example.com:{self.port}/hook/secret-token-1", **given)


def _read(connection: socket.socket) -> Request:
    file = connection.makefile("rb")
    line = file.readline().decode().strip()
    headers = {}
    while field := file.readline().decode("latin-1").strip():
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, file.read(int(headers.get("content-length", 0))))


def answer(status: str, *headers: str, body: bytes = b"ok") -> Behave:
    """Answer at once."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers))
    length = (
        ""
        if any(h.lower().startswith("transfer") for h in headers)
        else (f"Content-Length: {len(body)}\r\n")
    )
    text = f"{head}{length}\r\n".encode() + body
    return lambda connection, server: connection.sendall(text)


def drip(first: bytes, then: bytes) -> Behave:
    """Send something, then bytes without end, one at a time, each well before a timeout."""

    def behave(connection: socket.socket, server: WebServer) -> None:
        connection.sendall(first)
        while not server.stopped.wait(0.02):
            connection.sendall(then)

    return behave


def flood(first: bytes) -> Behave:
    """Send without end, as fast as it is read; `server.sent` counts."""

    def behave(connection: socket.socket, server: WebServer) -> None:
        connection.sendall(first)
        while not server.stopped.is_set():
            connection.sendall(b"x" * 65_536)
            server.sent = getattr(server, "sent", 0) + 65_536  # type: ignore[attr-defined]

    return behave


@contextlib.contextmanager
def web(
    behave: Behave, tls: ssl.SSLContext | None = None, listens: bool = True
) -> Iterator[WebServer]:
    server = WebServer(behave, tls, listens)
    try:
        yield server
    finally:
        server.close()


class Authority:
    """A certificate authority that nobody trusts but who is given `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.ca_file)

    def context(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context


class Inbox:
    """What a mail server got: the letters, and the logins."""

    def __init__(self, refuse: tuple[str, ...] = (), password: bytes = b"right-password-1") -> None:
        self.letters: list[Any] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.refuse = refuse
        self.password = password
        self.reply = "250 kept"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refuse:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.letters.append(envelope)
        return self.reply

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == self.password, handled=False)


class _AnyPort(Controller):  # type: ignore[misc]
    """On a port that is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def mail_server(inbox: Inbox, tls: ssl.SSLContext | None) -> Iterator[int]:
    """An SMTP server; with `tls` it offers STARTTLS and demands a login after it."""
    login: dict[str, Any] = {} if tls is None else {
        "tls_context": tls, "require_starttls": True,
        "authenticator": inbox.authenticate, "auth_required": True,
    }  # fmt: skip
    controller = _AnyPort(inbox, hostname="127.0.0.1", port=0, **login)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
