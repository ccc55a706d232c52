"""Secrets: given by reference or as they are, and never shown."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from offhours.core.errors import DeliveryError

HIDDEN = "***"
_MOST = 64_000
_SHORTEST = 4  # what is shorter is no secret, and would blot out half of every text


class Secret:
    """A secret, or where it is: `env:NAME` or `file:PATH`. It is read when it is used.

    >>> Secret("env:SMTP_PASSWORD"), Secret("hunter2")
    (Secret('env:SMTP_PASSWORD'), Secret('***'))
    """

    __slots__ = ("_given",)

    def __init__(self, given: str | Secret) -> None:
        self._given: str = given._given if isinstance(given, Secret) else given

    def reveal(self) -> str:
        """The secret itself. Raises `DeliveryError` when it is not where it should be."""
        kind, _, place = self._given.partition(":")
        if kind == "env":
            found = os.environ.get(place)
            if not found:
                raise DeliveryError(f"the environment has no {place}")
            return found
        if kind == "file":
            try:
                return Path(place).read_text(encoding="utf-8")[:_MOST].strip()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise DeliveryError(f"cannot read the secret in {place}: {reason}") from None
        return self._given

    @property
    def referred(self) -> bool:
        """Whether only its place was given."""
        return self._given.startswith(("env:", "file:"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._given == self._given

    def __hash__(self) -> int:
        return hash(self._given)

    def __repr__(self) -> str:
        return f"Secret({(self._given if self.referred else HIDDEN)!r})"


def redacted(text: str, secrets: list[str]) -> str:
    """A text without these secrets, also as an address would spell them.

    >>> redacted("no user p@ss or p%40ss", ["p@ss"])
    'no user *** or ***'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            for spelling in {secret, quote(secret, safe=""), quote(secret)}:
                text = text.replace(spelling, HIDDEN)
    return text
