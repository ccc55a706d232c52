"""What each event adds to which count."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from offhours.core.events import Event
from offhours.core.notices import JobFacts
from offhours.core.times import SECOND
from offhours.telemetry.names import MOST_SERIES
from offhours.telemetry.tally import Series, Tally

_seq = count(1)


def told(kind: str, at: float = 0, job: int = 1, attempt: int = 1, **data: Any) -> Event:
    text = json.dumps(data) if data else None
    return Event(next(_seq), round(at * SECOND), f"job.{kind}", job, attempt, text)


def brief(job: int = 1, task: str = "t", **changes: Any) -> JobFacts:
    return JobFacts(job, task, "default", None, None, 0, 1, None, None)._replace(**changes)


def only(tally: Tally) -> Series:
    [series] = tally.state.series
    return series


def fold(*events: Event, row: JobFacts | None = None) -> Tally:
    tally = Tally()
    tally.fold(events, {1: row or brief()})
    return tally


def seconds(series: Series) -> tuple[list[float], list[float]]:
    """Count and sum of waits, then of runs."""
    wait, run = series.wait, series.run
    return [sum(wait.buckets), wait.sum / SECOND], [sum(run.buckets), run.sum / SECOND]


def test_a_plain_life() -> None:
    series = only(fold(told("submitted"), told("started", 2), told("succeeded", 5)))
    assert {name for name, n in series.counts.items() if n} == {"submitted", "started", "succeeded"}
    assert seconds(series) == ([1, 2.0], [1, 3.0])


def test_each_attempt_waits_and_runs_for_itself() -> None:
    series = only(
        fold(
            told("submitted"),
            told("started", 1),
            told("retried", 2, run_at=12 * SECOND),
            told("started", 15, attempt=2),
            told("deferred", 16, attempt=2, until=20 * SECOND),
            told("started", 20, attempt=3),
            told("failed", 24, attempt=3, error="no"),
            row=brief(run_at=20 * SECOND, attempt=3),  # read after all that has happened
        )
    )
    assert series.counts["retried"] == series.counts["deferred"] == series.counts["failed"] == 1
    # How long it waited first nobody can say any more; then 3 s and none.
    assert seconds(series) == ([2, 3.0], [3, 6.0])


def test_a_crash_is_counted_however_it_is_told_and_is_no_run() -> None:
    series = only(
        fold(
            told("started", 0),
            told("rescued", 10, crashes=1),
            told("started", 11, attempt=2),
            told("crashed", 12, attempt=2, crashes=2),
            told("started", 13, attempt=3),
            told("failed", 14, attempt=3, crashes=3, code="quarantined"),
        )
    )
    assert (series.counts["crashed"], series.counts["failed"]) == (3, 1)
    waits, _ = seconds(series)
    assert waits == [3, 2.0]


def test_what_came_before_us_is_read_from_the_row() -> None:
    tally = fold(told("succeeded", 9, attempt=2), row=brief(attempt=2, started_at=4 * SECOND))
    assert seconds(only(tally))[1] == [1, 5.0]
    other = fold(told("retried", 9), row=brief(attempt=2, started_at=99 * SECOND))
    assert seconds(only(other))[1] == [0, 0.0]  # that start is another attempt's


def test_a_pruned_job_is_counted_as_unknown() -> None:
    tally = Tally()
    event = told("succeeded", job=5)
    assert tally.unknown([event]) == [5]
    tally.fold([event], {})
    assert only(tally).task == "unknown"


def test_a_hundred_thousand_names_end_in_other() -> None:
    tally, names = Tally(), 100_000
    for first in range(0, names, 1000):
        jobs = range(first, first + 1000)
        events = [told(kind, job=job) for job in jobs for kind in ("submitted", "cancelled")]
        tally.fold(events, {job: brief(job, f"task-{job}") for job in jobs})
    assert len(tally.state.series) == MOST_SERIES + 1
    assert sum(series.counts["submitted"] for series in tally.state.series) == names
    last = tally.state.series[-1]
    assert (last.task, last.queue) == ("other", "other")
    assert last.counts["submitted"] == names - MOST_SERIES


def test_jobs_of_one_process_share_a_name() -> None:
    tally = Tally()
    rows = {n: brief(n, f"local:{n:012x}:<lambda>") for n in (1, 2)}
    tally.fold([told("submitted", job=1), told("submitted", job=2)], rows)
    assert only(tally).task == "local"


def test_counts_are_taken_up_again() -> None:
    first = fold(told("submitted"), told("started", 1))
    second = Tally(first.stored())
    second.fold([told("succeeded", 4)], {1: brief(started_at=SECOND)})
    series = only(second)
    assert series.counts["started"] == series.counts["succeeded"] == 1
    assert seconds(series) == ([1, 1.0], [1, 3.0])
    assert Tally(second.stored()).state == second.state


def test_what_cannot_be_understood_begins_anew() -> None:
    stored = json.loads(fold(told("submitted")).stored())
    assert Tally(json.dumps({**stored, "version": 99})).state.series == []
    assert Tally("not JSON").state.series == []
    del stored["series"][0]["counts"]["deferred"]  # a counter that a later release has added
    assert only(Tally(json.dumps(stored))).counts["deferred"] == 0


def test_open_jobs_do_not_pile_up(monkeypatch: Any) -> None:
    monkeypatch.setattr("offhours.telemetry.tally.MOST_OPEN", 10)
    tally = Tally()
    tally.fold([told("submitted", job=n) for n in range(100)], {})
    assert len(tally.unknown([told("started", job=n) for n in range(100)])) == 90
