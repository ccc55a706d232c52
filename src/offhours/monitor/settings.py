"""What the monitor keeps and when it speaks up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from offhours.core.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class MonitorSettings:
    """The keys of the section `monitoring`.

    enabled: whether workers watch without being asked to
    max_history_size: how many hours of tasks are kept, an hour of one task counting as one
    alert_enabled: whether rules are looked at
    error_rate_threshold: the share of failures from which on an alert is raised
    avg_execution_time_threshold: the same for the seconds that runs take on average
    export_enabled, export_interval_seconds: write the figures to a file from time to time, and
        forget the hours that it holds
    export_folder: where these files go

    >>> MonitorSettings.of({"error_rate_threshold": 0.2}).error_rate_threshold
    0.2
    """

    enabled: bool = True
    max_history_size: int = 1_000
    alert_enabled: bool = True
    error_rate_threshold: float = 0.1
    avg_execution_time_threshold: float = 300
    export_enabled: bool = False
    export_interval_seconds: float = 3_600
    export_folder: str = "offhours-metrics"

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """From names and values; an unknown name raises `ConfigError`."""
        known = [field.name for field in fields(cls)]
        faults = [
            f"monitoring.{name}: unknown setting{did_you_mean(name, known)}"
            for name in chosen
            if name not in known
        ]
        if faults:
            raise ConfigError(faults)
        return cls(**chosen)
