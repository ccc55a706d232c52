"""A budget of time: how long the jobs of a task may run in all, in so long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from offhours.core.errors import OptionError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed, Job, JobState
from offhours.core.ports import Store
from offhours.core.times import Duration, Micros, iso_minute, parse_duration, spoken

_PAGE, _MOST = 200, 2_000  # jobs of a state
_OVER = (JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
_BEGINS, _ENDS = "job.started", frozenset(
    ("job.succeeded", "job.failed", "job.retried", "job.deferred", "job.returned",
     "job.rescued", "job.crashed", "job.cancelled")
)  # fmt: skip


class Span(NamedTuple):
    """From when to when something ran."""

    start: Micros
    end: Micros


class TimeBudget:
    """Holds when the jobs of a task have run for `most` within the last `per`, until enough of
    that is long ago. A person may pass.

    spans: gives what ran since a moment; by default the attempts of the jobs of the same task

    >>> TimeBudget("2h", per="1d").name
    'budget'
    """

    name = "budget"

    def __init__(
        self,
        most: Duration,
        *,
        per: Duration = "1d",
        spans: Callable[[Claimed, Store, Micros, Micros], Sequence[Span]] | None = None,
    ) -> None:
        self._most, self._per = parse_duration(most, "most"), parse_duration(per, "per")
        if not 0 < self._most <= self._per:
            raise OptionError("most: expected more than 0, and not more than `per`")
        self._spans = spans or spans_of_task

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """Open while something of the budget is left."""
        since = now - self._per
        spans = [Span(max(start, since), end) for start, end in self._spans(job, store, since, now)
                 if end > since]  # fmt: skip
        used = sum(end - start for start, end in spans)
        if used < self._most:
            return OPEN
        again = free_at(spans, used - self._most, self._per)
        return Verdict(
            False,
            f"{spoken(used)} of the last {spoken(self._per)} were used (the budget is "
            f"{spoken(self._most)}); some of it is free again at {iso_minute(again)}",
            again,
            used / 1e6,
            self._most / 1e6,
        )


def free_at(spans: Sequence[Span], over: Micros, per: Micros) -> Micros:
    """When so much more than the budget, and a little, will be longer ago than `per`."""
    for start, end in sorted(spans):
        if end - start > over:
            return start + over + per + 1
        over -= end - start
    return max(end for _, end in spans) + per


def spans_of_task(job: Claimed, store: Store, since: Micros, now: Micros) -> list[Span]:
    """The attempts of all jobs of a job's task that went on since a moment."""
    return [span for each in _recent(job, store, since) for span in _attempts(each, store, now)]


def _recent(job: Claimed, store: Store, since: Micros) -> Iterator[Job]:
    """The jobs of a task that ran since a moment. Those that wait may be very many, and of them
    the oldest were tried before."""
    found = [each for state in _OVER for each in _newest(job.task, state, store, since)]
    for state in (JobState.PENDING, JobState.HELD):
        found += store.jobs(state=state, task=job.task, newest_first=False, limit=_PAGE)
    return (each for each in found if each.id != job.id and each.attempt)


def _newest(task: str, state: JobState, store: Store, since: Micros) -> Iterator[Job]:
    after, seen = 0, 0
    while page := store.jobs(state=state, task=task, after=after, limit=_PAGE):
        late = [each for each in page if (each.finished_at or since) >= since]
        yield from late
        after, seen = page[-1].id, seen + len(page)
        if not late or len(page) < _PAGE or seen >= _MOST:
            return


def _attempts(job: Job, store: Store, now: Micros) -> Iterator[Span]:
    if job.attempt == 1 and job.started_at is not None:
        running = job.state is JobState.RUNNING
        yield Span(job.started_at, now if running else job.finished_at or job.started_at)
        return
    start: Micros | None = None
    for event in store.history(job.id):
        if event.kind == _BEGINS:
            start = event.at
        elif start is not None and event.kind in _ENDS:
            yield Span(start, event.at)
            start = None
    if start is not None:
        yield Span(start, now)
