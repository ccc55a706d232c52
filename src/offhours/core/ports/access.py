"""Who may do what over the network, and what was answered."""

from __future__ import annotations

from typing import Protocol

from offhours.core.access import NewToken, Operation, Reply, Token
from offhours.core.times import Micros


class Access(Protocol):
    """Tokens, answers under an idempotency key, and operations."""

    def add_token(self, new: NewToken, now: Micros) -> int: ...
    def tokens(self) -> list[Token]: ...
    def token(self, digest: str, now: Micros) -> Token | None: ...
    def revoke_token(self, token_id: int, now: Micros) -> bool: ...

    def begin_reply(
        self, key: str, fingerprint: str, kept_since: Micros, now: Micros
    ) -> Reply | None:
        """Take the key for a request (None), or what is kept under it already."""
        ...

    def keep_reply(self, key: str, reply: Reply) -> None: ...
    def drop_reply(self, key: str) -> None: ...

    def begin_operation(
        self,
        kind: str,
        by: str,
        tenant: str | None,
        total: int,
        now: Micros,
        owner: str | None = None,
    ) -> Operation: ...
    def running_operations(self) -> list[Operation]: ...
    def advance_operation(self, operation_id: int, done: int, failed: int) -> None: ...
    def end_operation(
        self, operation_id: int, state: str, done: int, failed: int, result: str, now: Micros
    ) -> None: ...
    def operation(self, operation_id: int, tenant: str | None = None) -> Operation | None: ...
    def operations(
        self, *, tenant: str | None = None, after: int = 0, limit: int = 50
    ) -> list[Operation]: ...
