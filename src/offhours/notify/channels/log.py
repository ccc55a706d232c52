"""Messages as lines of the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from offhours.notify.message import Message, one_line

_LEVELS = {"low": logging.INFO, "medium": logging.WARNING}
_log = logging.getLogger("offhours.notifications")


@dataclass(frozen=True)
class Log:
    """To the logger `offhours.notifications`: INFO for low, WARNING for medium, else ERROR."""

    kind: str = "log"
    deadline: float = 10

    def send(self, message: Message) -> str:
        """Write one line."""
        level = _LEVELS.get(message.severity, logging.ERROR)
        extra = {"notification": message.key, "kind": message.kind}
        _log.log(level, "%s: %s", message.subject, one_line(message.text, 1_000), extra=extra)
        return ""
