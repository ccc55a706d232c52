"""Keeps secrets out of dumps: by the name of what they belong to, and by their value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from offhours.core.errors import OptionError

HIDDEN = "[redacted]"
SHORTEST = 4

_NAMES = (
    r"[\w.-]*(?:authorization|password|passwd|passphrase|secret|token|credential|cookie"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|signature)[\w.-]*|pwd|key"
)
_KEY = re.compile(rf"(?:{_NAMES})", re.IGNORECASE)
_VALUE = (
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?:bearer|basic|digest)\s+)?[^\s,;&"'}\])]+)"""
)
_PAIR = re.compile(rf"""(["']?)\b({_NAMES})\1(\s*[=:]\s*){_VALUE}""", re.IGNORECASE)
_SCHEME = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_USERINFO = re.compile(r"(://)[^/\s@]+@")


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
        text = _PAIR.sub(rf"\1\2\1\3{HIDDEN}", text)
        text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
        return _USERINFO.sub(rf"\1{HIDDEN}@", text)

    def data(self, value: Any, depth: int = 8) -> Any:
        """Plain data without its secrets, whatever depth they are at."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping) and depth:
            return {
                self.text(str(key)): HIDDEN if _KEY.fullmatch(str(key)) else self.data(v, depth - 1)
                for key, v in value.items()
            }
        if isinstance(value, list | tuple) and depth:
            return [self.data(item, depth - 1) for item in value]
        return value if value is None or isinstance(value, bool | int | float) else str(type(value))
