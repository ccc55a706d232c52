"""Schedules as the user holds them: `app.schedule(...)` and `app.schedules`."""

from __future__ import annotations

from offhours.schedules.book import ScheduleBook
from offhours.schedules.handle import ScheduleHandle
from offhours.schedules.options import ScheduleOptions, When
from offhours.schedules.views import delays_dict, fire_dict, schedule_dict

__all__ = [
    "ScheduleBook",
    "ScheduleHandle",
    "ScheduleOptions",
    "When",
    "delays_dict",
    "fire_dict",
    "schedule_dict",
]
