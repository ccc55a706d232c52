"""Messages that stay in the store, for the page."""

from __future__ import annotations

from dataclasses import dataclass

from offhours.notify.message import Message


@dataclass(frozen=True)
class Memory:
    """Kept in the store, where `notifications.recent()` and the page find them."""

    kind: str = "memory"
    deadline: float = 10

    def send(self, message: Message) -> str:
        """It is there already."""
        return ""
