"""Bodies of requests: read whole before anything else, bounded in size, time and depth."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhours.api.limits import Limits
from offhours.api.problems import Problem


class Bodies:
    """Gives the next layer a body that can be trusted to end, or refuses it."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        self._check_length(headers)
        try:
            body = await asyncio.wait_for(self._read(receive), self._limits.body_seconds)
        except TimeoutError:
            raise Problem(
                408, "body_too_slow", "the body did not come in time",
                headers={"Connection": "close"},
            ) from None  # fmt: skip
        if body:
            self._check_type(headers)
            self._check_depth(body)
        scope["body"] = body
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _check_length(self, headers: dict[bytes, bytes]) -> None:
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told[:20]) > self._limits.body:
            raise self._too_large()

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "bad_request", "the body broke off")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.body:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_large(self) -> Problem:
        return Problem(
            413, "body_too_large", f"a body may have {self._limits.body:,} bytes",
            "store large data elsewhere and pass its path or key", headers={"Connection": "close"},
        )  # fmt: skip

    def _check_type(self, headers: dict[bytes, bytes]) -> None:
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json" and not kind.endswith(b"+json"):
            raise Problem(
                415, "unsupported_type", "the body must be JSON",
                "send it with Content-Type: application/json",
            )  # fmt: skip

    def _check_depth(self, body: bytes) -> None:
        if body.count(b"[") + body.count(b"{") <= self._limits.depth:
            return
        try:
            deep = _deeper(json.loads(body), self._limits.depth)
        except RecursionError:
            deep = True
        except ValueError:
            return  # no JSON at all: who reads it says where it is wrong
        if deep:
            raise Problem(
                422, "invalid", f"the body is nested deeper than {self._limits.depth} levels"
            )


def _deeper(value: Any, most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)
