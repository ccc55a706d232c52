"""Messages by way of Apprise, to the hundred other places that it knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from offhours.core.errors import DeliveryError
from offhours.notify.message import Message, lines, one_line
from offhours.notify.secrets import Secret


@dataclass(frozen=True)
class Apprise:
    """To an address of Apprise's, such as `tgram://token/chat` (extra `apprise`).

    url: may be `env:NAME` or `file:PATH`

    Apprise makes the connection: deadline, addresses and TLS are as it has them.
    """

    url: str | Secret = field(repr=False)
    kind: str = "apprise"
    deadline: float = 60

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", Secret(self.url))

    def __repr__(self) -> str:
        return f"Apprise({self.url!r})"

    def send(self, message: Message) -> str:
        """Hand it to Apprise. Why it could not be sent is in Apprise's own log only."""
        made = _library().Apprise()
        if not made.add(Secret(self.url).reveal()):
            raise DeliveryError("this is no address that Apprise knows")
        if not made.notify(title=one_line(message.subject), body=lines(message.text)):
            raise DeliveryError("Apprise could not send it")
        return ""


def _library() -> Any:
    try:
        import apprise
    except ImportError as error:
        raise DeliveryError("Apprise is not installed: pip install 'offhours[apprise]'") from error
    return apprise
