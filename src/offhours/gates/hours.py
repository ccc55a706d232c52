"""Quiet hours: a part of each day in which nothing of it starts."""

from __future__ import annotations

from datetime import tzinfo

from offhours.core.gates import OPEN, Verdict
from offhours.core.hours import Hours
from offhours.core.kinds import Zone
from offhours.core.model import Claimed
from offhours.core.ports import Store
from offhours.core.times import Micros, iso_minute


class QuietHours:
    """Holds in these hours of each day, such as `08:00-18:00` or `22:00-07:00`, until their end.

    Without a timezone they are hours of the machine's own. A person may pass.

    >>> QuietHours("08:00-18:00", timezone="Europe/Berlin")
    QuietHours(08:00-18:00)
    """

    name = "quiet-hours"

    def __init__(self, hours: str, *, timezone: str | tzinfo | None = None) -> None:
        self._hours = Hours.parse(hours)
        self._zone = Zone()(timezone, "timezone")

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """Open outside of the hours."""
        over = self._hours.over_at(now, self._zone)
        if over <= now:
            return OPEN
        return Verdict(
            False, f"these are quiet hours ({self._hours}), until {iso_minute(over)}", over
        )

    def __repr__(self) -> str:
        return f"QuietHours({self._hours})"
