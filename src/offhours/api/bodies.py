"""Bodies of requests: read whole before anything else, bounded in size, time and depth."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from contextlib import suppress
from itertools import accumulate
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhours.api.limits import Limits
from offhours.api.problems import Problem

STRANGER = 4_000  # bytes: more than a token takes, which is all that a stranger may send

# One that does not end goes to the end of the body: nothing is ever looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = [(byte in b"[{") - (byte in b"]}") for byte in range(256)]


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
        most = self._limits.body if "principal" in scope else min(STRANGER, self._limits.body)
        try:
            self._check_length(headers, most)
            body = await asyncio.wait_for(self._read(receive, most), self._limits.body_seconds)
        except TimeoutError:
            raise Problem(
                408, "body_too_slow", "the body did not come in time",
                headers={"Connection": "close"},
            ) from None  # fmt: skip
        if body:
            self._check_type(headers)
            self._check_depth(body)
            with suppress(ValueError):  # whoever wants it will say what is wrong with it
                json.loads(body, object_pairs_hook=_each_once)
        scope["body"] = body
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _check_length(self, headers: dict[bytes, bytes], most: int) -> None:
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told[:20]) > most:
            raise self._too_large(most)

    async def _read(self, receive: Receive, most: int) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "bad_request", "the body broke off")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise self._too_large(most)
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_large(self, most: int) -> Problem:
        return Problem(
            413, "body_too_large", f"a body may have {most:,} bytes",
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
        if b"\0" in body:
            raise Problem(400, "bad_request", "the body must be JSON in UTF-8")
        if body.count(b"[") + body.count(b"{") <= self._limits.depth:
            return
        if depth(body) > self._limits.depth:
            raise Problem(
                422, "invalid", f"the body is nested deeper than {self._limits.depth} levels"
            )


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; the last of two members of one name would win, in silence."""
    found = dict(members)
    if len(found) < len(members):
        [(twice, _)] = Counter(name for name, _ in members).most_common(1)
        raise Problem(422, "invalid", f"an object has {twice[:100]!a} twice", "say each name once")
    return found


def depth(body: bytes) -> int:
    """How deep JSON is nested, without reading it: that takes much longer, and memory.

    >>> depth(b'{"a": [[], "]]", "[[[[ \\\\\\"["]}')
    3
    """
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)
