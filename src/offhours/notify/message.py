"""What a channel sends."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from offhours.core.errors import InputError
from offhours.core.notices import Delivery, NewDelivery
from offhours.core.times import Micros, iso

TEST = "notification.test"
_LONGEST_LINE = 200
_LONGEST_TEXT = 8_000
_OURS = frozenset(
    ("id", "kind", "severity", "subject", "text", "at", "count", "counts", "groups", "events")
)
_LARGEST_DATA = 16_000


@dataclass(frozen=True)
class Message:
    """A message. `key` is the same each time that it is sent, so that who gets it can tell.

    at: when it was made, in microseconds
    data: what a program reads: the number of events of each kind, and some of them
    """

    key: str
    kind: str
    subject: str
    text: str
    at: Micros
    severity: str = "medium"
    data: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, delivery: Delivery) -> Message:
        """The message that a row of the store holds."""
        told: dict[str, Any] = json.loads(delivery.body)
        text, severity = told.pop("text"), told.pop("severity")
        return cls(
            delivery.key, delivery.kind, delivery.subject, text, delivery.created_at, severity, told
        )

    def to(self, target: str) -> NewDelivery:
        """The row to be stored, for one target."""
        body = json.dumps({"text": self.text, "severity": self.severity, **self.data})
        return NewDelivery(self.key, target, self.kind, self.subject, body, self.at)

    def as_json(self) -> dict[str, Any]:
        """What the body of a webhook says."""
        return {
            "id": self.key,
            "kind": self.kind,
            "severity": self.severity,
            "subject": self.subject,
            "text": self.text,
            "at": iso(self.at),
            **self.data,
        }


def check_data(data: Mapping[str, Any]) -> None:
    """What goes with a message must be data, and have names of its own. Raises `InputError`."""
    if taken := sorted(_OURS.intersection(map(str, data))):
        raise InputError(f"{', '.join(taken)} is a part of every message; call it otherwise")
    try:
        size = len(json.dumps(dict(data)))
    except (TypeError, ValueError) as error:
        raise InputError(f"expected what JSON can hold: {error}") from error
    if size > _LARGEST_DATA:
        raise InputError(f"expected up to {_LARGEST_DATA:,} characters of JSON, got {size:,}")


def one_line(text: str, longest: int = _LONGEST_LINE) -> str:
    """A text that is safe as a header or a line of a log: no control character is left.

    >>> one_line("failed\\r\\nBcc: all")
    'failed Bcc: all'
    """
    clean = "".join(" " if _breaks(char) else char for char in text[: 4 * longest])
    short = " ".join(clean.split())
    return short if len(short) <= longest else f"{short[: longest - 1]}…"


def lines(text: str) -> str:
    """A text of lines that is safe to show: no control character but the end of a line."""
    return "\n".join(one_line(line, 500) for line in text[:_LONGEST_TEXT].splitlines())


def _breaks(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
