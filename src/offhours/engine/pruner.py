"""Retention: finished jobs and their events go after a while, a few at a time."""

from __future__ import annotations

import logging

from offhours.core.ports import Store
from offhours.core.times import MINUTE, SECOND, Micros

AT_ONCE = 1_000
PAUSE: Micros = SECOND // 20
LARGE_LOG = 64_000_000

_log = logging.getLogger("offhours")


class Pruner:
    """Keeps finished jobs for `age`, and at most `keep` of them."""

    def __init__(self, store: Store, *, age: Micros, keep: int) -> None:
        self._store = store
        self._age = age
        self._keep = keep
        self._log_was_large = False

    def tick(self, now: Micros) -> Micros:
        """Delete one small batch; soon again when it was a full one."""
        pruned = self._store.prune(now - self._age, self._keep, AT_ONCE, now)
        more = max(pruned) >= AT_ONCE
        self._watch_log(now)
        return now + (PAUSE if more else MINUTE)

    def _watch_log(self, now: Micros) -> None:
        """Say once that the write-ahead log grows: a reader without end keeps it from being cut."""
        size = self._store.log_size()
        large = size > LARGE_LOG
        if large and not self._log_was_large:
            _log.warning(
                "the write-ahead log has grown to %d MB: look for a process that reads without end",
                size // 1_000_000,
            )
            self._store.tell(now, "store.log_large", None, None, bytes=size)
        self._log_was_large = large
