"""What the work has come to: figures folded from the events, and alerts when they go wrong."""

from offhours.monitor.monitor import Monitor
from offhours.monitor.quiet import QuietHours
from offhours.monitor.rules import (
    AverageTime,
    DeferralStorm,
    ErrorRate,
    FailuresInARow,
    Lateness,
    QueueAge,
    Rule,
    Silence,
)
from offhours.monitor.settings import MonitorSettings

__all__ = [
    "AverageTime",
    "DeferralStorm",
    "ErrorRate",
    "FailuresInARow",
    "Lateness",
    "Monitor",
    "MonitorSettings",
    "QueueAge",
    "QuietHours",
    "Rule",
    "Silence",
]
