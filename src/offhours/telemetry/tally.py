"""Counts events: what happened so far, in a shape that can be stored and taken up again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import msgspec

from offhours.core.events import KINDS, Event
from offhours.core.notices import JobFacts
from offhours.core.times import SECOND, Micros
from offhours.telemetry.names import (
    BUCKETS,
    JOB_COUNTERS,
    LOCAL,
    MOST_SERIES,
    OTHER,
    TOTALS,
    UNKNOWN,
)

VERSION = 1
MOST_OPEN = 100_000
_BOUNDS: tuple[Micros, ...] = tuple(round(bound * SECOND) for bound in BUCKETS)

# How an attempt ends that was a run: it has a length.
_RAN = frozenset({"job.succeeded", "job.failed", "job.retried", "job.deferred"})
# Events after which a job may start at once.
_AT_ONCE = frozenset({"job.returned", "job.rescued", "job.crashed", "job.released"})
_NEXT = {"job.retried": "run_at", "job.deferred": "until"}
_COUNTED = {f"job.{name}": name for name in JOB_COUNTERS} | {"job.rescued": "crashed"}


class Histogram(msgspec.Struct):
    """How many fell into which bucket (one more than there are bounds), and their sum in µs."""

    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    sum: int = 0

    def observe(self, length: Micros) -> None:
        """Add one length of time.

        >>> seen = Histogram()
        >>> seen.observe(2_000)
        >>> seen.buckets[:3], seen.sum
        ([0, 1, 0], 2000)
        """
        self.buckets[bisect_left(_BOUNDS, length)] += 1
        self.sum += length


class Series(msgspec.Struct):
    """What is known of the jobs of one task in one queue."""

    task: str
    queue: str
    counts: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(JOB_COUNTERS, 0))
    run: Histogram = msgspec.field(default_factory=Histogram)
    wait: Histogram = msgspec.field(default_factory=Histogram)


class State(msgspec.Struct):
    """All that is counted, as it is stored."""

    version: int = VERSION
    series: list[Series] = msgspec.field(default_factory=list)
    totals: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(TOTALS, 0))


class _Open:
    """An unfinished job: since when it could start, and since when it runs, as far as known."""

    __slots__ = ("due", "series", "started")

    def __init__(self, series: Series, due: Micros | None, started: Micros | None) -> None:
        self.series = series
        self.due = due
        self.started = started


class Tally:
    """Folds events into counts.

    >>> tally = Tally()
    >>> job = JobFacts(7, "app:send", "default", None, None, 0, 1, 0, None)
    >>> tally.fold([Event(1, 0, "job.submitted", 7, 0, None)], {7: job})
    >>> [(one.task, one.counts["submitted"]) for one in tally.state.series]
    [('app:send', 1)]
    """

    def __init__(self, stored: str | None = None) -> None:
        self.state = State() if stored is None else _read(stored)
        self._series = {(one.task, one.queue): one for one in self.state.series}
        self._open: dict[int, _Open] = {}

    def stored(self) -> str:
        """The counts as text, for `Tally(text)`."""
        return msgspec.json.encode(self.state).decode()

    def unknown(self, events: Iterable[Event]) -> list[int]:
        """The jobs of these events of which `fold` has to be told."""
        ids = {event.job_id for event in events if event.job_id is not None}
        return sorted(ids.difference(self._open))

    def miss(self, events: int) -> None:
        """Say that so many events went by uncounted. What was known of open jobs is stale."""
        self.state.totals["missed"] += events
        self._open.clear()

    def fold(self, events: Iterable[Event], facts: Mapping[int, JobFacts]) -> None:
        """Count the next events. `facts`: of the jobs that `unknown` named, if not pruned."""
        for event in events:
            if event.kind in TOTALS:
                self.state.totals[event.kind] += 1
            if event.job_id is not None:
                self._count(event, event.job_id, facts.get(event.job_id))
        while len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]

    def _count(self, event: Event, job_id: int, facts: JobFacts | None) -> None:
        job = self._open.get(job_id)
        if job is None:
            job = self._open[job_id] = self._met(event, facts)
        name = _COUNTED.get(event.kind)
        if name is not None:
            job.series.counts[name] += 1
        if event.kind == "job.started":
            # A later time than this start is that of a later attempt.
            if job.due is not None and job.due <= event.at:
                job.series.wait.observe(event.at - job.due)
            job.started, job.due = event.at, None
            return
        if event.kind in _RAN and job.started is not None:
            job.series.run.observe(max(0, event.at - job.started))
        state = KINDS.get(event.kind)
        if state is None:
            return
        job.started = None
        told = event.told if event.kind in _NEXT or event.kind == "job.failed" else {}
        if event.kind == "job.failed" and "crashes" in told:
            job.series.counts["crashed"] += 1
        if state.final:
            del self._open[job_id]
        elif event.kind in _NEXT:
            job.due = told.get(_NEXT[event.kind])
        elif event.kind in _AT_ONCE:
            job.due = event.at

    def _met(self, event: Event, facts: JobFacts | None) -> _Open:
        """A job of which we have seen nothing yet: what its row tells of this moment."""
        if facts is None:
            return _Open(self._series_of(UNKNOWN, UNKNOWN), None, None)
        started = facts.started_at if facts.attempt == event.attempt else None
        return _Open(self._series_of(facts.task, facts.queue), facts.run_at, started)

    def _series_of(self, task: str, queue: str) -> Series:
        if task.startswith("local:"):
            task = LOCAL  # each such name is used once
        found = self._series.get((task, queue))
        if found is None and len(self._series) >= MOST_SERIES:
            task = queue = OTHER
            found = self._series.get((task, queue))
        if found is None:
            found = self._series[task, queue] = Series(task, queue)
            self.state.series.append(found)
        return found


def _read(stored: str) -> State:
    """What another release stored in another shape is left aside: counting begins anew."""
    try:
        state = msgspec.json.decode(stored, type=State)
    except msgspec.MsgspecError:
        return State()
    lengths = {len(h.buckets) for one in state.series for h in (one.run, one.wait)}
    if state.version != VERSION or lengths - {len(BUCKETS) + 1}:
        return State()
    state.totals = dict.fromkeys(TOTALS, 0) | state.totals
    for one in state.series:
        one.counts = dict.fromkeys(JOB_COUNTERS, 0) | one.counts
    return state
