"""`Idempotency-Key`: who asks twice, because the first answer got lost, is answered twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhours.api.auth import route_path
from offhours.api.problems import Problem, respond
from offhours.api.tokens import Principal
from offhours.core.access import Reply
from offhours.core.clock import Clock
from offhours.core.ports import Access
from offhours.core.times import DAY, Micros

KEPT: Micros = DAY
LONGEST = 200
_KEPT_HEADERS = (b"content-type", b"location", b"etag")
_TOLD_ONCE = ("/api/v1/tokens",)  # what these answer is kept nowhere


class Idempotency:
    """Keeps the first answer to a POST for a day, and gives it again."""

    def __init__(self, app: ASGIApp, *, access: Access, clock: Clock) -> None:
        self._app = app
        self._access = access
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = dict(scope["headers"]).get(b"idempotency-key") if scope["type"] == "http" else None
        principal = scope.get("principal")
        if told is None or scope["method"] != "POST" or principal is None:
            await self._app(scope, receive, send)
            return
        key, fingerprint = _key(told, principal), _fingerprint(scope)
        now = self._clock.micros()
        known = await asyncio.to_thread(self._access.begin_reply, key, fingerprint, now - KEPT, now)
        if known is None:
            await self._first(scope, receive, send, key, fingerprint)
        else:
            await self._again(scope, send, known, fingerprint)

    async def _first(
        self, scope: Scope, receive: Receive, send: Send, key: str, fingerprint: str
    ) -> None:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        try:
            await self._app(scope, receive, keep)
        except BaseException:
            await asyncio.to_thread(self._access.drop_reply, key)
            raise
        reply = _reply(messages, fingerprint)
        if reply.status == 201 and route_path(scope) in _TOLD_ONCE:
            reply = _without_secret(scope, fingerprint)
        if reply.status is None or reply.status >= 500 or reply.status == 429:
            await asyncio.to_thread(self._access.drop_reply, key)
        else:
            await asyncio.to_thread(self._access.keep_reply, key, reply)
        for message in messages:
            await send(message)

    async def _again(self, scope: Scope, send: Send, known: Reply, fingerprint: str) -> None:
        if known.fingerprint != fingerprint:
            raise Problem(
                422, "idempotency_mismatch", "this Idempotency-Key belongs to another request",
                "take a new key for each new request",
            )  # fmt: skip
        if known.status is None:
            raise Problem(
                409, "in_flight", "the first request with this key has not ended",
                "ask again in a moment", headers={"Retry-After": "1"},
            )  # fmt: skip
        scope["audit"] = False
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in json.loads(known.headers or "[]")
        ]
        await send(
            {
                "type": "http.response.start",
                "status": known.status,
                "headers": [*headers, (b"idempotent-replayed", b"true")],
            }
        )
        await send({"type": "http.response.body", "body": (known.body or "").encode()})


def _key(told: bytes, principal: Principal) -> str:
    if not 0 < len(told) <= LONGEST:
        raise Problem(
            422, "invalid", f"Idempotency-Key: expected 1 to {LONGEST} characters",
            "a UUID is a good key",
        )  # fmt: skip
    whose = json.dumps([principal.name, principal.tenant]).encode()
    return hashlib.sha256(whose + b"\0" + told).hexdigest()


def _fingerprint(scope: Scope) -> str:
    asked: list[Any] = [scope["method"], scope["path"], scope["query_string"].decode("latin-1")]
    return hashlib.sha256(json.dumps(asked).encode() + scope.get("body", b"")).hexdigest()


def _without_secret(scope: Scope, fingerprint: str) -> Reply:
    """What whoever asks again is told, in place of a secret that was told once."""
    problem = Problem(
        409, "told_once", "it was made, and its secret was told in the first answer only",
        "revoke it, and make another one with a new key",
    )  # fmt: skip
    told = respond(problem, scope.get("request_id", ""), scope.get("root_path", ""))
    headers = json.dumps([("content-type", told.headers["content-type"])])
    return Reply(fingerprint, 409, headers, bytes(told.body).decode())


def _reply(messages: list[Message], fingerprint: str) -> Reply:
    start = next((m for m in messages if m["type"] == "http.response.start"), None)
    body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
    if start is None:
        return Reply(fingerprint, None, None, None)
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in start.get("headers", ())
        if name.lower() in _KEPT_HEADERS
    ]
    text = body.decode("utf-8", "replace")
    return Reply(fingerprint, start["status"], json.dumps(headers), text)
