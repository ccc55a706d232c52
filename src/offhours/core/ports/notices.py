"""What is to be told to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from offhours.core.notices import (
    Alert,
    AlertState,
    Delivery,
    DeliveryState,
    DumpHead,
    NewAlert,
    NewDelivery,
    Reading,
    StoredDump,
)
from offhours.core.times import Micros


class Notices(Protocol):
    """What rooms keep in the store: how far they have read, messages, alerts, dumps."""

    def reading(self, name: str) -> Reading | None: ...
    def read_on(
        self, before: Reading | None, after: Reading, deliveries: Sequence[NewDelivery], now: Micros
    ) -> bool:
        """Move a reader of the events, with the messages that follow, in one transaction.

        False when it does not stand at `before` any more, in its state too.
        """
        ...

    def deliver(self, deliveries: Sequence[NewDelivery], now: Micros) -> None: ...
    def take_due(
        self, until: Micros, limit: int, now: Micros, target: str | None = None
    ) -> list[Delivery]:
        """The messages to be sent now, to one target or all, which nobody else gets before
        `until`."""
        ...

    def settle(
        self,
        delivery: Delivery,
        state: DeliveryState,
        now: Micros,
        next_at: Micros = 0,
        error: str | None = None,
    ) -> bool: ...
    def deliveries(self, state: DeliveryState | None = None, limit: int = 50) -> list[Delivery]: ...

    def fire(self, alert: NewAlert, now: Micros) -> tuple[int, bool]:
        """Raise an alert; its number, and whether it is a new one."""
        ...

    def acknowledge(self, alert_id: int, by: str, now: Micros) -> bool: ...
    def resolve(self, rule: str, subject: str, now: Micros) -> bool: ...
    def alerts(self, state: AlertState | None = None, limit: int = 50) -> list[Alert]: ...

    def keep_dump(self, dump: StoredDump, keep: int) -> None: ...
    def dumps(self, before: Micros | None = None, limit: int = 50) -> list[DumpHead]: ...
    def dump(self, dump_id: str) -> StoredDump | None: ...
