"""What the work has come to: figures folded from the events, and alerts when they go wrong.

Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.monitor.monitor import Monitor as Monitor
    from offhours.monitor.quiet import QuietHours as QuietHours
    from offhours.monitor.rule import Rule as Rule
    from offhours.monitor.rules import AverageTime as AverageTime
    from offhours.monitor.rules import DeferralStorm as DeferralStorm
    from offhours.monitor.rules import ErrorRate as ErrorRate
    from offhours.monitor.rules import FailuresInARow as FailuresInARow
    from offhours.monitor.rules import Lateness as Lateness
    from offhours.monitor.rules import QueueAge as QueueAge
    from offhours.monitor.rules import Silence as Silence
    from offhours.monitor.settings import MonitorSettings as MonitorSettings

_HOME = {
    "AverageTime": "rules",
    "DeferralStorm": "rules",
    "ErrorRate": "rules",
    "FailuresInARow": "rules",
    "Lateness": "rules",
    "Monitor": "monitor",
    "MonitorSettings": "settings",
    "QueueAge": "rules",
    "QuietHours": "quiet",
    "Rule": "rule",
    "Silence": "rules",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'offhours.monitor' has no attribute {name!r}")
    return getattr(import_module(f"offhours.monitor.{home}"), name)
