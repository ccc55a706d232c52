"""Who may do what over the network, and what is kept of their requests."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from offhours.core.times import Micros


class Scope(StrEnum):
    """What a token allows; each one includes those before it.

    read: look at everything; submit: store jobs and retry them; operate: cancel, defer, pause,
    acknowledge, run a schedule now; admin: change schedules, limits and tokens
    """

    READ = "read"
    SUBMIT = "submit"
    OPERATE = "operate"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether who has this may do what `other` allows.

        >>> Scope.OPERATE.includes(Scope.READ), Scope.READ.includes(Scope.SUBMIT)
        (True, False)
        """
        order = list(Scope)
        return order.index(self) >= order.index(other)


class NewToken(NamedTuple):
    """A token to be kept. Of itself only a digest is stored."""

    digest: str
    name: str
    scope: str
    tenant: str | None = None
    expires_at: Micros | None = None


class Token(NamedTuple):
    """A token that was given out. With a `tenant` it reaches that tenant's jobs only."""

    id: int
    digest: str
    name: str
    scope: str
    tenant: str | None
    created_at: Micros
    expires_at: Micros | None
    revoked_at: Micros | None


class Reply(NamedTuple):
    """The first answer to a request that was made under an idempotency key.

    Without a `status` it is still on its way. `fingerprint` tells the same request from another.
    """

    fingerprint: str
    status: int | None
    headers: str | None
    body: str | None


class Operation(NamedTuple):
    """A long action: how far it is, and what came of it. `result` is JSON.

    One that can go on after a crash keeps its `request` (an `Order` as JSON) and its `place`: the
    number of the last job that it came to. One that cannot has an `owner`: the process that does
    it, as it tells itself.
    """

    id: int
    kind: str
    state: str
    made_by: str
    tenant: str | None
    total: int
    done: int
    failed: int
    created_at: Micros
    finished_at: Micros | None
    result: str | None
    request: str | None = None
    place: int = 0
    owner: str | None = None
