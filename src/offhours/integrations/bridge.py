"""The page and the REST API for hosts that wait for each answer: WSGI, and Django's views.

A request goes to the ASGI application whole, and its answer comes back whole. What has no end (an
event stream, a socket) cannot come this way; the page then asks every two seconds.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from offhours.api.auth import VOUCHED
from offhours.api.factory import make_app
from offhours.api.problems import Problem, tell
from offhours.api.tokens import Principal
from offhours.integrations.processes import PerProcess

if TYPE_CHECKING:
    from offhours.app import Offhours

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_STREAM = "text/event-stream"
# They are between a server and its neighbour; what stands inside of one must not set them.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as the host has it.

    path: below the prefix, which is `root`, without its slash at the end
    holder: who asks, when the host knows them; None for whoever shows a token
    """

    method: str
    root: str
    path: str
    query: bytes
    headers: Iterable[tuple[str, str]]
    body: bytes = b""
    scheme: str = "http"
    client: str = ""
    holder: Principal | None = None

    def scope(self) -> dict[str, Any]:
        """The same for ASGI."""
        path = f"{self.root}/{self.path}"
        found: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": path.encode(),
            "root_path": self.root,
            "query_string": self.query,
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
                for name, value in self.headers
            ],
            "client": (self.client, 0) if self.client else None,
            "server": None,
            "state": {},
        }
        if self.holder is not None:
            found[VOUCHED] = self.holder
        return found


class Bridge:
    """Answers requests for an app, on a loop that each process has for itself.

    `options` are those of `offhours.api.make_app`; the token must be one that all processes share.

    >>> from offhours.testing import memory_app
    >>> bridge = Bridge(memory_app(), token="oh_secret", hosts=["example.org"])
    >>> asked = Asked("GET", "/ops", "healthz", b"", [("Host", "example.org")])
    >>> bridge.ask(asked).body
    b'{"status":"ok"}'
    >>> bridge.close()
    """

    def __init__(self, app: Offhours, **options: Any) -> None:
        self._mine = PerProcess(lambda: _Home(make_app(app, **options)))

    def ask(self, asked: Asked) -> Answer:
        """The answer, when it is whole."""
        if any(_STREAM in value for name, value in asked.headers if name.lower() == "accept"):
            return _no_streams(asked.root)
        return self._mine.get().ask(asked)

    def close(self) -> None:
        """End the loop of this process; who asks again begins another one."""
        home = self._mine.made
        self._mine.forget()
        if home is not None:
            home.close()


class _Home:
    """An ASGI application and the loop on which it lives."""

    def __init__(self, made: Any) -> None:
        self._made = made
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="offhours-bridge", daemon=True)
        self._thread.start()

    def ask(self, asked: Asked) -> Answer:
        answer = _answer(self._made, asked.scope(), asked.body)
        return asyncio.run_coroutine_threadsafe(answer, self._loop).result()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._made.state.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _answer(made: Callable[..., Any], scope: dict[str, Any], body: bytes) -> Answer:
    start: Mapping[str, Any] = {}
    parts: list[bytes] = []
    given = False

    async def receive() -> Mapping[str, Any]:
        nonlocal given
        if given:
            await asyncio.Event().wait()  # whoever asks is there until the answer is
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        else:
            parts.append(message.get("body", b""))

    await made(scope, receive, send)
    headers = [(name.decode("latin-1"), told.decode("latin-1")) for name, told in start["headers"]]
    kept = [(name, told) for name, told in headers if name.lower() not in _HOP_BY_HOP]
    return Answer(start["status"], kept, b"".join(parts))


def _no_streams(root: str) -> Answer:
    refused = Problem(
        406, "not_acceptable", "this host gives whole answers, and a stream has no end",
        "ask GET api/v1/changes?cursor= again and again, or follow at `offhours up`",
    )  # fmt: skip
    told = tell(refused, secrets.token_hex(8), root)
    return Answer(told.status_code, list(told.headers.items()), bytes(told.body))
