"""When something fires: pure rules from one moment to the next, and the plan a schedule stores.

A trigger answers one question, `next_after(moment, zone)`: the first fire strictly later than
`moment`, as microseconds since 1970 in UTC, or None when there is none. A `Plan` puts triggers
together with a timezone and bounds. Nothing here asks for the time or touches a file.

>>> from offhours.core.times import iso, to_micros
>>> from datetime import UTC, datetime
>>> plan = Plan((Cron("30 2 * * *"),), "Europe/Berlin")
>>> [iso(fire)[:16] for fire in plan.fires(to_micros(datetime(2026, 3, 27, 12, tzinfo=UTC)), 3)]
['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']
"""

from __future__ import annotations

from offhours.core.triggers.cron import Cron
from offhours.core.triggers.intervals import At, Calendar, Every
from offhours.core.triggers.notes import dst_notes, warnings
from offhours.core.triggers.plan import Plan, Trigger, Window, from_dict

__all__ = [
    "At",
    "Calendar",
    "Cron",
    "Every",
    "Plan",
    "Trigger",
    "Window",
    "dst_notes",
    "from_dict",
    "warnings",
]
