"""Sessions of the page: a cookie instead of the token, and a token against forged requests."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from hmac import compare_digest

from offhours.api.tokens import Principal
from offhours.core.clock import Clock
from offhours.core.times import HOUR, Micros

LIFE: Micros = 12 * HOUR
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has shown a token, in this process."""

    principal: Principal
    digest: str  # of the token, which is looked up again: revoking it ends this, too
    csrf: str
    until: Micros


class Sessions:
    """The sessions of one server. They end with it."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self.cookie = f"offhours_{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def open(self, principal: Principal, digest: str) -> tuple[str, Session]:
        """A new session: what goes into the cookie, and what is known of it."""
        now = self._clock.micros()
        for key in [k for k, s in self._sessions.items() if s.until <= now]:
            del self._sessions[key]
        while len(self._sessions) >= _MOST:
            del self._sessions[next(iter(self._sessions))]
        key = secrets.token_urlsafe(32)
        session = Session(principal, digest, secrets.token_urlsafe(32), now + LIFE)
        self._sessions[_digest(key)] = session
        return key, session

    def find(self, key: str) -> Session | None:
        """The session of a cookie, if it has not ended."""
        found = self._sessions.get(_digest(key))
        return found if found is not None and self._clock.micros() < found.until else None

    def close(self, key: str) -> None:
        """End it."""
        self._sessions.pop(_digest(key), None)


def is_ours(session: Session, told: str) -> bool:
    """Whether a request knows what only our own page can know."""
    return compare_digest(session.csrf.encode(), told.encode("utf-8", "replace"))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
