"""Who asked over the network stands beside each change in the audit log, and what nobody tells."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhours.acting import acting_as
from offhours.api.auth import route_path
from offhours.core.clock import Clock
from offhours.core.errors import OffhoursError
from offhours.core.here import Via
from offhours.core.ports import Store

KIND = "api.changed"
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LOOKS = (":preview", "/session")  # they change nothing
_JOB = re.compile(r"\bjobs/([0-9]{1,18})\b")

_log = logging.getLogger("offhours.api")


class Audit:
    """Has what a request changes be done in a name. A change is told in its own transaction; what
    was asked that no change tells, such as a job that was submitted, before the answer goes out."""

    def __init__(self, app: ASGIApp, *, store: Store, clock: Clock) -> None:
        self._app = app
        self._store = store
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("principal")
        if scope["type"] != "http" or scope["method"] not in _CHANGES or principal is None:
            await self._app(scope, receive, send)
            return
        client: Any = scope.get("client")
        way = Via(
            "page" if scope.get("by_page") else "api", scope["request_id"],
            client[0] if client else None, principal.tenant,
        )  # fmt: skip

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and scope.get("audit", True):
                looked = scope["path"].endswith(_LOOKS)
                if message["status"] < 400 and not looked and not way.told:
                    await asyncio.to_thread(self._tell, scope, message)
            await send(message)

        with acting_as(principal.name, way):
            await self._app(scope, receive, note)

    def _tell(self, scope: Scope, answer: Message) -> None:
        path = route_path(scope)
        location = dict(answer.get("headers", ())).get(b"location", b"").decode("latin-1")
        job = _JOB.search(path) or _JOB.search(location)
        try:
            self._store.tell(
                self._clock.micros(), KIND, None, None, method=scope["method"], path=path[:300],
                status=answer["status"], concerns=int(job[1]) if job else None,
            )  # fmt: skip
        except OffhoursError as error:
            _log.error("request %s could not be noted: %s", scope["request_id"], error)
