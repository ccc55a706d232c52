"""May background work start now? One rule, asked by the claim and by `why`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from offhours.core.model import ForegroundLease
from offhours.core.times import Micros


class BackgroundLimits(NamedTuple):
    """`throttle` between two background starts; at most `limit` background jobs at once.

    Both hold for all processes on the store together.
    """

    throttle: Micros = 0
    limit: int | None = None


class Room(NamedTuple):
    """How many background jobs may start (None: any), what keeps out the others, and until when."""

    slots: int | None
    reason: str = ""
    until: Micros | None = None


def background_room(
    limits: BackgroundLimits,
    leases: Sequence[ForegroundLease],
    running: int,
    last_start: Micros | None,
    now: Micros,
) -> Room:
    """The room for background work. `slots` is None when nothing limits it.

    >>> background_room(BackgroundLimits(limit=1), [], running=1, last_start=None, now=0).reason
    'limit'
    """
    if leases:
        return Room(0, "workflow", max(lease.until for lease in leases))
    room: int | None = None
    if limits.limit is not None:
        room = limits.limit - running
        if room <= 0:
            return Room(0, "limit")
    if limits.throttle:
        free_at = (last_start or 0) + limits.throttle
        # A start "in the future" is a clock that was set back: it must not hold anything.
        if last_start is not None and last_start <= now < free_at:
            return Room(0, "throttled", free_at)
        room = 1
    return Room(room)
