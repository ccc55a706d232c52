"""Every change that came over the network is told as an event: who, when, what, from where."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhours.acting import acting_as
from offhours.api.auth import route_path
from offhours.api.tokens import Principal
from offhours.core.clock import Clock
from offhours.core.errors import OffhoursError
from offhours.core.ports import Store

KIND = "api.changed"
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LOOKS = (":preview", "/session")  # they change nothing
_JOB = re.compile(r"/api/v1/jobs/([0-9]{1,18})/")

_log = logging.getLogger("offhours.api")


class Audit:
    """Stores what was done before the answer says that it was."""

    def __init__(self, app: ASGIApp, *, store: Store, clock: Clock) -> None:
        self._app = app
        self._store = store
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("principal")
        if scope["type"] != "http" or scope["method"] not in _CHANGES or principal is None:
            await self._app(scope, receive, send)
            return

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and scope.get("audit", True):
                status = message["status"]
                if status < 400 and not scope["path"].endswith(_LOOKS):
                    await asyncio.to_thread(self._tell, scope, principal, status)
            await send(message)

        with acting_as(principal.name):
            await self._app(scope, receive, note)

    def _tell(self, scope: Scope, principal: Principal, status: int) -> None:
        path = route_path(scope)
        job = _JOB.match(path)
        client: Any = scope.get("client")
        try:
            self._store.tell(
                self._clock.micros(), KIND, int(job[1]) if job else None, None,
                by=principal.name, tenant=principal.tenant, method=scope["method"],
                path=path[:300], status=status, address=client[0] if client else None,
                face="page" if scope.get("by_page") else "api", request=scope["request_id"],
            )  # fmt: skip
        except OffhoursError as error:
            _log.error("request %s could not be noted: %s", scope["request_id"], error)
