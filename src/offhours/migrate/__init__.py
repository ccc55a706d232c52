"""Schedules of Celery and APScheduler, read, compared with ours instant by instant, and stored.

Celery and APScheduler are imported by the modules that read them, and nowhere else.
"""

from __future__ import annotations

from offhours.migrate.foreign import Difference, Foreign, Refused

__all__ = ["Difference", "Foreign", "Refused"]
