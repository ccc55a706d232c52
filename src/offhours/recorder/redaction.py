"""Keeps secrets out of dumps: by the name of what they belong to, and by their value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from offhours.core.errors import OptionError

HIDDEN = "[redacted]"
SHORTEST = 4

# What is repeated is never given back (`++`): the time grows with the text and not with its square.
_SECRET = re.compile(
    r"authorization|password|passwd|passphrase|secret|token|credential|cookie"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|signature|\A(?:pwd|key)\Z",
    re.IGNORECASE,
)
_NAME = re.compile(r"""(["']?)(?<![\w.-])([\w.-]++)\1\s*+[=:]\s*+""")
_VALUE = re.compile(
    r"""
    "(?:[^"\\]|\\.)*+"?+ | '(?:[^'\\]|\\.)*+'?+
    | (?:(?:bearer|basic|digest)\s++)? [^\s,;&"'}\])]++
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_SCHEME = re.compile(r"\b(bearer|basic)\s++[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_USERINFO = re.compile(r"(://)[^/\s@]++@")


class Redactor:
    """Hides secrets in text and in plain data.

    >>> redactor = Redactor()
    >>> redactor.register("hunter2")
    >>> redactor.text("user=ann password=swordfish, said hunter2 to https://ann:x@host/")
    'user=ann password=[redacted], said [redacted] to https://[redacted]@host/'
    >>> redactor.data({"rows": 3, "api_key": "k-123"})
    {'rows': 3, 'api_key': '[redacted]'}
    """

    def __init__(self) -> None:
        self._values: tuple[str, ...] = ()

    def register(self, value: str) -> None:
        """Hide this value wherever it turns up. It must have four characters at least."""
        if len(value) < SHORTEST:
            raise OptionError(f"a secret of under {SHORTEST} characters would hide ordinary text")
        # The longest first: one secret may contain another.
        self._values = tuple(sorted({*self._values, value}, key=len, reverse=True))

    def text(self, text: str) -> str:
        """A text without its secrets."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        text = _without_values(text)
        text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
        return _USERINFO.sub(rf"\1{HIDDEN}@", text)

    def data(self, value: Any, depth: int = 8) -> Any:
        """Plain data without its secrets, whatever depth they are at."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping) and depth:
            return {
                self.text(str(key)): HIDDEN if _SECRET.search(str(key)) else self.data(v, depth - 1)
                for key, v in value.items()
            }
        if isinstance(value, list | tuple) and depth:
            return [self.data(item, depth - 1) for item in value]
        return value if value is None or isinstance(value, bool | int | float) else str(type(value))


def _without_values(text: str) -> str:
    """A text in which no value stands behind the name of a secret."""
    told, at = [], 0
    for found in _NAME.finditer(text):
        if found.end() < at or not _SECRET.search(found[2]):
            continue
        value = _VALUE.match(text, found.end())
        if value is not None:
            told += [text[at : found.end()], HIDDEN]
            at = value.end()
    return "".join([*told, text[at:]]) if told else text
