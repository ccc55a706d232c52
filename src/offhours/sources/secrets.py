"""Addresses and tokens as they may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
_SECRET = re.compile(r"password|secret|token|url|headers|authorization", re.IGNORECASE)
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


def without_secrets(table: Mapping[Any, Any]) -> dict[Any, Any]:
    """A table of settings in which of what may be secret only its place is shown.

    >>> without_secrets({"ops": {"url": "https://hooks/T0", "password": "env:PW", "port": 465}})
    {'ops': {'url': '***', 'password': 'env:PW', 'port': 465}}
    """

    def shown(key: Any, value: Any, secret: bool) -> Any:
        secret = secret or _SECRET.search(str(key)) is not None
        if isinstance(value, Mapping):
            return {name: shown(name, inner, secret) for name, inner in value.items()}
        refers = isinstance(value, str) and value.startswith(("env:", "file:"))
        return HIDDEN if secret and not refers else value

    return {key: shown(key, value, False) for key, value in table.items()}


def _without_password(address: str) -> str:
    scheme, mark, rest = address.partition("://")
    user, at, host = rest.rpartition("@")
    if not mark or not at or ":" not in user:
        return address
    return f"{scheme}://{user.partition(':')[0]}:{HIDDEN}@{host}"
