"""What a dump says of a result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from offhours.recorder.records import SIZED
from offhours.recorder.redaction import Redactor

Summarize = Callable[[Any], Any]
LONGEST = 500
_READ = 20_000

_log = logging.getLogger("offhours.recorder")


class Summarizer:
    """Class and length of a result, or what a function of yours says: a text, or plain data.

    What it says is freed of secrets, and cut to 500 characters. Should it fail, the class and
    length are told.

    >>> Summarizer(None, Redactor()).of(["a", "b"])
    (<class 'list'>, 2)
    >>> Summarizer(lambda r: {"rows": len(r), "token": "t-1"}, Redactor()).of(["a", "b"])
    ('{"rows":2,"token":"[redacted]"}', None)
    """

    def __init__(self, summarize: Summarize | None, redactor: Redactor) -> None:
        self._summarize = summarize
        self._redactor = redactor

    def of(self, result: Any) -> tuple[type | str, int | None]:
        """What a record keeps of a result: never the result itself."""
        kind = type(result)
        if self._summarize is not None:
            try:
                return self._text(self._summarize(result)), None
            except Exception:
                _log.exception("the summary of a %s failed", kind.__name__)
        return kind, len(result) if kind in SIZED else None

    def _text(self, said: Any) -> str:
        if not isinstance(said, str):
            return msgspec.json.encode(self._redactor.data(said)).decode()[:LONGEST]
        # Secrets first: half a secret would not be recognized.
        return self._redactor.text(said[:_READ])[:LONGEST]
