"""One connection to a server: JSON there and back, refusals as the errors that they are."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from offhours import __version__
from offhours.cli.remote.address import Address
from offhours.cli.remote.refusals import check, not_ours, unreachable

Answer = tuple[int, Message, bytes]  # status, headers, body

_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.5  # seconds
_REPEATABLE = ("GET", "POST", "PUT", "DELETE")  # a POST has a key under which it is done once


class Wire:
    """Asks one server, over one connection that is kept."""

    def __init__(self, address: Address, patience: float = 30.0) -> None:
        self._address = address
        self._patience = patience  # seconds for one answer
        self._connection: HTTPConnection | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a question; members of `query` that are None are left out, and each of a
        list is said by itself."""
        told = self._json("GET", _with(path, query))
        if told is None:
            raise not_ours(self._address.name)
        return told

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, match: str | None = None
    ) -> Any:
        """Do something: once, also when the first answer is lost on its way."""
        headers = {} if match is None else {"If-Match": match}
        return self._json("POST", path, {} if body is None else body, headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Set something."""
        return self._json("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, Any], match: str) -> Any:
        """Change something, if it is still the version that `match` names ("*" for any)."""
        return self._json("PATCH", path, body, {"If-Match": match})

    def delete(self, path: str, match: str | None = None) -> None:
        """Take something away."""
        self._json("DELETE", path, None, {} if match is None else {"If-Match": match})

    def beside(self, path: str) -> Any:
        """The JSON of an address that is not below `api/v1`."""
        return self._read(*self._ask("GET", path, None, {}))

    def text(self, path: str) -> str:
        """The plain text of an address that is not below `api/v1`."""
        told, answer = self._ask("GET", path, None, {})
        if told.get_content_type() != "text/plain":
            raise not_ours(self._address.name)
        return answer.decode()

    def file(self, path: str, **query: Any) -> tuple[str, Message]:
        """A file that the server makes, and the headers that it came with."""
        headers, answer = self._ask("GET", f"api/v1/{_with(path, query)}", None, {})
        return answer.decode(), headers

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        return self._read(*self._ask(method, f"api/v1/{path}", body, headers or {}))

    def _read(self, told: Message, answer: bytes) -> Any:
        if not answer:
            return None
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):  # all that we answer is an object
            raise not_ours(self._address.name)
        return found

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None, more: Mapping[str, str]
    ) -> tuple[Message, bytes]:
        headers = {
            "Authorization": f"Bearer {self._address.token}",
            "Accept": "application/json",
            "User-Agent": f"offhours/{__version__}",
            **more,
        }
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        status, told, answer = self._answer(method, f"{self._address.path}{path}", data, headers)
        check(status, told.get_content_type(), answer, self._address.name)
        return told, answer

    def _answer(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """A server may have closed a connection that was idle: then a new one is asked."""
        kept = self._connection is not None
        try:
            return self._sent(method, path, data, headers)
        except (ConnectionError, HTTPException) as error:
            self.close()
            if not kept or method not in _REPEATABLE:
                raise unreachable(self._address.name, error) from error
        except (OSError, UnicodeError) as error:  # the latter: no machine can have that name
            self.close()
            raise unreachable(self._address.name, error) from error
        try:
            return self._sent(method, path, data, headers)
        except (OSError, HTTPException) as error:
            self.close()
            raise unreachable(self._address.name, error) from error

    def _sent(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request(method, path, data, dict(headers))
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()

    def _connect(self) -> HTTPConnection:
        host, port = self._address.host, self._address.port
        if self._address.secure:
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=self._patience, context=context)
        return HTTPConnection(host, port, timeout=self._patience)


def pauses() -> Iterator[float]:
    """How long to wait before each next look at what changes by itself: longer each time."""
    pause = _FIRST_LOOK
    while True:
        yield pause
        pause = min(1.5 * pause, _LONGEST_LOOK)


def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")


def _with(path: str, query: Mapping[str, Any]) -> str:
    given = {
        name: [_text(each) for each in value] if isinstance(value, list) else _text(value)
        for name, value in query.items()
        if value is not None
    }
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
