"""Sessions of the page: a cookie instead of the token, and a token against forged requests.

Nothing of a session is kept here: its cookie is sealed with a key that the server's own token
gives, so that all processes which share that token know it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from offhours.core.clock import Clock
from offhours.core.times import HOUR, Micros

LIFE: Micros = 12 * HOUR


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has shown a token, or for whom the program around us vouches."""

    digest: str  # of the token, which is looked up again: revoking it ends this, too
    csrf: str
    until: Micros


class Sessions:
    """The sessions of one server. `secret` makes and opens them; with another one they end."""

    def __init__(self, clock: Clock, name: str, secret: str) -> None:
        self._clock = clock
        self._secret = hashlib.sha256(f"offhours sessions {secret}".encode()).digest()
        self._ended: dict[str, Micros] = {}  # in this process: cookies that were given back
        self.cookie = f"offhours_{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def open(self, digest: str) -> tuple[str, Session]:
        """A new session: what goes into the cookie, and what is known of it."""
        until = self._clock.micros() + LIFE
        told = f"{digest}.{until}.{secrets.token_urlsafe(16)}"
        return f"{told}.{self._seal('session', told)}", self._session(told, digest, until)

    def find(self, key: str) -> Session | None:
        """The session of a cookie, if it has not ended."""
        told, _, seal = key.rpartition(".")
        if not _same(seal, self._seal("session", told)) or seal in self._ended:
            return None
        digest, until, _ = told.split(".")
        found = self._session(told, digest, int(until))
        return found if self._clock.micros() < found.until else None

    def close(self, key: str) -> None:
        """End it, here; its cookie is taken back from the browser."""
        found, now = self.find(key), self._clock.micros()
        self._ended = {seal: until for seal, until in self._ended.items() if now < until}
        if found is not None:
            self._ended[key.rpartition(".")[2]] = found.until

    def vouched(self, name: str) -> Session:
        """The session of somebody whom the program around us knows: it says when that ends."""
        return self._session(f"holder {name}", "", self._clock.micros() + LIFE)

    def _session(self, told: str, digest: str, until: Micros) -> Session:
        return Session(digest, self._seal("csrf", told), until)

    def _seal(self, purpose: str, told: str) -> str:
        text = f"{purpose} {told}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()


def is_ours(session: Session, told: str) -> bool:
    """Whether a request knows what only our own page can know."""
    return _same(told, session.csrf)


def _same(told: str, true: str) -> bool:
    return hmac.compare_digest(told.encode("utf-8", "replace"), true.encode())
