"""Retention: finished jobs and their events go after a while, a few at a time."""

from __future__ import annotations

from offhours.core.ports import Store
from offhours.core.times import MINUTE, SECOND, Micros

AT_ONCE = 1_000
PAUSE: Micros = SECOND // 20


class Pruner:
    """Keeps finished jobs for `age`, and at most `keep` of them."""

    def __init__(self, store: Store, *, age: Micros, keep: int) -> None:
        self._store = store
        self._age = age
        self._keep = keep

    def tick(self, now: Micros) -> Micros:
        """Delete one small batch; soon again when it was a full one."""
        pruned = self._store.prune(now - self._age, self._keep, AT_ONCE, now)
        more = max(pruned) >= AT_ONCE
        return now + (PAUSE if more else MINUTE)
