"""Follows the event stream for the metrics, from where any process left off."""

from __future__ import annotations

from offhours.core.clock import Clock
from offhours.core.notices import Reading
from offhours.core.ports import Store
from offhours.telemetry.tally import State, Tally

READER = "metrics"
PAGE = 1_000
MOST_PAGES = 100


class MetricsReader:
    """Counts what the store tells. Position and counts are stored together, before they are shown.

    So every process shows the same counts, they go on after a restart, and no event is in them
    twice. For one thread at a time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tally = Tally()
        self._read: Reading | None = None

    def catch_up(self) -> tuple[State, int]:
        """The counts up to now, and how many events are still uncounted (after a long silence
        it takes several calls). Errors of the store are raised; nothing is counted then."""
        while not self._read_on():
            pass  # another process has read on in our name
        seq = 0 if self._read is None else self._read.seq
        return self._tally.state, max(0, self._store.last_seq() - seq)

    def _read_on(self) -> bool:
        before = self._store.notices.reading(READER)
        if before is None or before != self._read:
            self._tally = Tally(None if before is None else before.state)
        self._read = None  # if it fails half way, what is stored holds
        after = self._fold(0 if before is None else before.seq)
        if before is not None and after == before.seq:
            self._read = before
            return True
        now = Reading(READER, after, self._tally.stored())
        if not self._store.notices.read_on(before, now, (), self._clock.micros()):
            return False
        self._read = now
        return True

    def _fold(self, seq: int) -> int:
        for _ in range(MOST_PAGES):
            # The last one that we know comes again, unless it was pruned, and more after it.
            page = self._store.events(max(0, seq - 1), PAGE)
            if page and page[0].seq == seq:
                page = page[1:]
            elif page and seq:
                self._tally.miss(page[0].seq - seq - 1)
            if not page:
                break
            ids = self._tally.unknown(page)
            facts = {job.id: job for job in self._store.facts(ids)} if ids else {}
            self._tally.fold(page, facts)
            seq = page[-1].seq
        return seq
