"""Ageing: a job that has waited for long moves up, so that more urgent work cannot starve it."""

from __future__ import annotations

from offhours.core.ports import Store
from offhours.core.times import SECOND, Micros

AT_ONCE = 1_000
_SOONEST: Micros = SECOND
_LOOKS = 4  # within the time after which a job moves up


class Ageing:
    """Moves jobs up that have been ready for `age`, once: to the next priority of their class.

    Background work stays background work: a foreground lease holds it however old it is.
    """

    def __init__(self, store: Store, age: Micros) -> None:
        self._store = store
        self._age = age

    def tick(self, now: Micros) -> Micros:
        """Move up what is old enough; soon again when there was much of it."""
        moved = self._store.age(now - self._age, AT_ONCE, now)
        return now + (_SOONEST if moved >= AT_ONCE else max(_SOONEST, self._age // _LOOKS))
