"""Where messages go. A channel has a `kind`, a `deadline` in seconds and `send(message)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from offhours.core.errors import InputError
from offhours.notify.message import Message

T = TypeVar("T")

TLS = ("starttls", "tls", "none")  # of mail
FORMS = ("auto", "json", "slack")  # of webhooks


class Channel(Protocol):
    """One way to send messages.

    A channel is a value: it holds what was configured, and connects anew for each message.
    """

    @property
    def kind(self) -> str:
        """A word for it, which names it unless its route has another name."""
        ...

    @property
    def deadline(self) -> float:
        """In how many seconds `send` is over, one way or the other."""
        ...

    def send(self, message: Message) -> str:
        """Send it. What is worth noting though it was sent, else "". Raises `DeliveryError`."""
        ...


def attempt(faults: list[str], key: str, check: Callable[[], T]) -> T | None:
    """What `check` returns, or None and one more fault."""
    try:
        return check()
    except InputError as error:
        faults.append(f"{key}: {error}")
        return None


def check_seconds(value: float, key: str, faults: list[str]) -> None:
    """A deadline must be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 300:
        faults.append(f"{key}: expected more than 0 and at most 300 seconds, got {value!r}")


def has_breaks(text: str) -> bool:
    """Whether a text would end a header, and begin another one."""
    return any(char in text for char in "\r\n\0")
