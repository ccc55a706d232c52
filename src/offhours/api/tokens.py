"""Tokens: made, digested, looked up. A token itself is never kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from hmac import compare_digest

from offhours.core.access import Scope
from offhours.core.clock import Clock
from offhours.core.ports import Access

PREFIX = "oh_"
KNOWN_SECONDS = 1.0  # for how long a revoked token may still be taken
_MOST_KNOWN = 1_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what they may do. With a `tenant` they reach that tenant's jobs only."""

    name: str
    scope: Scope
    tenant: str | None = None


def new_token() -> str:
    """A fresh token of 256 random bits.

    >>> len(new_token()) > 40 and new_token() != new_token()
    True
    """
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is kept of a token. It has too many bits to be guessed, so one round is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Tokens:
    """Finds who a token belongs to: the server's own, or one that the store keeps."""

    def __init__(self, access: Access, clock: Clock, own: str) -> None:
        self._access = access
        self._clock = clock
        self._own = digest_of(own)
        self._known: dict[str, tuple[float, Principal]] = {}

    def forget(self) -> None:
        """Ask about every token again."""
        self._known.clear()

    def known(self, digest: str) -> Principal | None:
        """The holder, if that can be told without asking the store."""
        if compare_digest(digest, self._own):
            return Principal("server token", Scope.ADMIN)
        seen = self._known.get(digest)
        if seen is not None and self._clock.monotonic() - seen[0] < KNOWN_SECONDS:
            return seen[1]
        return None

    def find(self, digest: str) -> Principal | None:
        """The holder of a token that holds; None for any other."""
        found = self._access.token(digest, self._clock.micros())
        if found is None or not compare_digest(found.digest, digest):
            self._known.pop(digest, None)
            return None
        principal = Principal(found.name, Scope(found.scope), found.tenant)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = (self._clock.monotonic(), principal)
        return principal
