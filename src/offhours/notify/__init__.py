"""Notifications: what happens is told by log, mail, webhook or Apprise, grouped and at least once.

Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.notify.channels import Channel as Channel
    from offhours.notify.channels.apprise import Apprise as Apprise
    from offhours.notify.channels.log import Log as Log
    from offhours.notify.channels.mail import Mail as Mail
    from offhours.notify.channels.memory import Memory as Memory
    from offhours.notify.channels.webhook import Webhook as Webhook
    from offhours.notify.message import Message as Message
    from offhours.notify.notifications import Notifications as Notifications
    from offhours.notify.notifier import Notifier as Notifier
    from offhours.notify.notifier import Trial as Trial
    from offhours.notify.route import Route as Route
    from offhours.notify.rules import Rule as Rule
    from offhours.notify.secrets import Secret as Secret
    from offhours.notify.signing import verify as verify

_HOME = {
    "Apprise": "channels.apprise",
    "Channel": "channels",
    "Log": "channels.log",
    "Mail": "channels.mail",
    "Memory": "channels.memory",
    "Message": "message",
    "Notifications": "notifications",
    "Notifier": "notifier",
    "Route": "route",
    "Rule": "rules",
    "Secret": "secrets",
    "Trial": "notifier",
    "Webhook": "channels.webhook",
    "verify": "signing",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'offhours.notify' has no attribute {name!r}")
    return getattr(import_module(f"offhours.notify.{home}"), name)
