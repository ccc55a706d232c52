"""Addresses and tokens as they may be shown."""

from __future__ import annotations

import re

HIDDEN = "***"
_NEXT = re.compile(r"[;,](?=[\w+.-]+://)")
_PARAMETER = re.compile(r"([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)[^&;,]*", re.IGNORECASE)


def masked(value: str) -> str:
    """An address, or several of them, without passwords.

    >>> masked("redis://:s3cret@cache:6379/0")
    'redis://:***@cache:6379/0'
    >>> masked("amqp://ann:p@ss@one//;amqp://ann:pass@two//")
    'amqp://ann:***@one//;amqp://ann:***@two//'
    """
    parts = _NEXT.split(value)
    marks = _NEXT.findall(value)
    shown = [_PARAMETER.sub(rf"\1{HIDDEN}", _without_password(part)) for part in parts]
    return "".join(part + mark for part, mark in zip(shown, [*marks, ""], strict=True))


def _without_password(address: str) -> str:
    scheme, mark, rest = address.partition("://")
    user, at, host = rest.rpartition("@")
    if not mark or not at or ":" not in user:
        return address
    return f"{scheme}://{user.partition(':')[0]}:{HIDDEN}@{host}"
