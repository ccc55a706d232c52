"""The outermost layer: whom a request was meant for, headers of every answer, the last net."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhours.api.places import LOOPBACK
from offhours.api.problems import Problem, tell

ANY_HOST = "*"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]@/,\s]+)(?::[0-9]*)?")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """Refuses what was meant for another host, and lets no error out without its form."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope["request_id"] = request_id
        started = False

        async def mark(message: Message) -> None:
            nonlocal started
            started = started or message["type"] not in ("http.response.body", "websocket.send")
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()), *_HEADERS, *_uncached(message),
                    (b"x-request-id", request_id.encode()),
                ]  # fmt: skip
            await send(message)

        try:
            self._check_host(scope)
            _check_length(scope)
            await self._app(scope, receive, mark)
        except Exception as error:
            response = tell(error, request_id, scope.get("root_path", ""))
            if scope["type"] == "http" and not started:
                await response(scope, receive, mark)
            elif scope["type"] == "websocket" and not started:
                await send({"type": "websocket.close", "code": 1008})

    def _check_host(self, scope: Scope) -> None:
        """A page of somebody else's may have a name that leads here: its requests name it."""
        told = [value for name, value in scope["headers"] if name == b"host"]
        if len(told) != 1:
            raise Problem(400, "unmeant_host", "the request must name one host")
        host = told[0].decode("latin-1").lower()
        if ANY_HOST in self._hosts or host_name(host) in self._hosts:
            return
        raise Problem(
            421, "unmeant_host", "the request was meant for another host",
            "the server can be told its names: --allow-host NAME",
        )  # fmt: skip


def _check_length(scope: Scope) -> None:
    """A proxy before us may believe the other one, and take the rest for another's request."""
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        raise Problem(
            400, "bad_request", "the request has both Content-Length and Transfer-Encoding",
            "send one of them", headers={"Connection": "close"},
        )  # fmt: skip


def host_name(host: str) -> str:
    """The name of a Host header, without its port; what is no host is left as it is.

    >>> host_name("localhost:8787"), host_name("[::1]:80"), host_name("localhost:80@evil.example")
    ('localhost', '[::1]', 'localhost:80@evil.example')
    """
    found = _HOST.fullmatch(host)
    return host if found is None else found[1]


def _uncached(message: Message) -> list[tuple[bytes, bytes]]:
    told = any(name.lower() == b"cache-control" for name, _ in message.get("headers", ()))
    return [] if told else [(b"cache-control", b"no-store")]
