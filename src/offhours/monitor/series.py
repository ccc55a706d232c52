"""The runs of one task over time: all of them, by the minute, and by the hour."""

from __future__ import annotations

import msgspec

from offhours.core.times import DAY, HOUR, MINUTE, Micros
from offhours.monitor.sketch import Ending, Sketch

KEPT_HOURS: Micros = 7 * DAY
SKEW: Micros = HOUR  # what is later than that was told by a clock that was wrong

Slots = dict[int, Sketch]


class Series(msgspec.Struct, omit_defaults=True):
    """`minutes` and `hours` are keyed by their beginning; minutes are kept for `kept` of them.

    >>> series = Series(kept=15)
    >>> for minute in range(100):
    ...     _ = series.add(Ending("succeeded"), minute * MINUTE)
    >>> series.total.executions, len(series.minutes), len(series.hours)
    (100, 15, 2)
    >>> series.window(5 * MINUTE, 100 * MINUTE).executions
    5
    """

    kept: int
    total: Sketch = msgspec.field(default_factory=Sketch)
    minutes: Slots = msgspec.field(default_factory=dict)
    hours: Slots = msgspec.field(default_factory=dict)
    streak: int = 0
    newest: Micros = 0

    def add(self, ending: Ending, at: Micros) -> bool:
        """Count a run that ended then. True when an hour began with it."""
        if at > self.newest:
            self.newest = at
        self.total.add(ending)
        if ending.how == "succeeded":
            self.streak = 0
        elif ending.how == "failed":
            self.streak += 1
        self._into(self.minutes, MINUTE, self.kept * MINUTE, ending, at)
        return self._into(self.hours, HOUR, KEPT_HOURS, ending, at)

    def not_after(self, now: Micros) -> None:
        """Forget a future that was told by a clock which has been set back since: beside it, what
        happens now would be too old to be counted."""
        if self.newest > now + SKEW:
            self.newest = now
            for slots in (self.minutes, self.hours):
                for start in [start for start in slots if start > now]:
                    del slots[start]

    def _into(self, slots: Slots, width: Micros, kept: Micros, ending: Ending, at: Micros) -> bool:
        """Count it in its slot, unless that is too old; true when the slot is new."""
        start = at - at % width
        slot = slots.get(start)
        if slot is not None:
            slot.add(ending)
            return False
        oldest = self.newest - self.newest % width - kept + width
        for gone in [other for other in slots if other < oldest]:
            del slots[gone]
        if start < oldest:
            return False
        slots[start] = Sketch()
        slots[start].add(ending)
        return True

    def window(self, length: Micros, now: Micros) -> Sketch:
        """The last `length` of it: to the minute where minutes are kept, else to the hour."""
        fine = length <= self.kept * MINUTE
        slots, width = (self.minutes, MINUTE) if fine else (self.hours, HOUR)
        found = Sketch()
        for start, sketch in slots.items():
            if now - length - width < start <= now + width:
                found.merge(sketch)
        return found
