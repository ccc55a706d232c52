"""Hours in which nobody wants to hear of it, unless it is grave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, tzinfo

from offhours.core.errors import OptionError
from offhours.core.hours import Hours
from offhours.core.kinds import Zone
from offhours.core.notices import SEVERITIES
from offhours.core.times import Micros


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until `end` of each day nothing less grave than `below` fires; what is still
    wrong fires at their end. Without a `timezone` they are hours of the machine's own.

    >>> night = QuietHours("22:00", "07:00", timezone="UTC")
    >>> night.hold("high", 3 * 3_600_000_000), night.hold("critical", 3 * 3_600_000_000)
    (True, False)
    """

    start: str
    end: str
    timezone: str | tzinfo | None = None
    below: str = "critical"

    def __post_init__(self) -> None:
        check_severity(self.below, "below")
        Zone()(self.timezone, "timezone")
        if _time(self.start, "start") == _time(self.end, "end"):
            raise OptionError("end: quiet hours that end when they start have no length")

    def hold(self, severity: str, now: Micros) -> bool:
        """Whether an alert of a severity must wait."""
        if SEVERITIES.index(severity) >= SEVERITIES.index(self.below):
            return False
        zone = Zone()(self.timezone, "timezone")
        hours = Hours(_time(self.start, "start"), _time(self.end, "end"))
        return hours.hold(now, zone)


def check_severity(value: str, name: str = "severity") -> None:
    """Refuse what is no severity."""
    if value not in SEVERITIES:
        raise OptionError(f"{name}: expected one of {', '.join(SEVERITIES)}, got {value!r}")


def _time(text: str, name: str) -> time:
    try:
        return time.fromisoformat(text)
    except (ValueError, TypeError):
        raise OptionError(f"{name}: expected a time like 22:00, got {text!r}") from None
