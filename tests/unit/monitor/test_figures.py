"""The fold: what is counted under which name, and what is kept how long."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.monitor.conftest import run

from offhours import context
from offhours.core.events import Event
from offhours.core.notices import JobFacts
from offhours.core.times import HOUR, MINUTE, SECOND
from offhours.monitor import figures as module
from offhours.monitor.figures import FORGOTTEN, Figures
from offhours.monitor.sketch import Ending, Sketch, bucket_of
from offhours.testing import MemoryApp

NOW = 1_800_000_000 * SECOND


def fact(job: int, task: str = "t", **changes: Any) -> JobFacts:
    return JobFacts(
        job, task, "default", None, None, NOW, 1, NOW + SECOND, NOW + 3 * SECOND
    )._replace(**changes)


def fold(figures: Figures, *jobs: JobFacts, kind: str = "job.succeeded", at: int = NOW) -> None:
    events = [Event(figures.seq + n + 1, at, kind, job.id, 1, None) for n, job in enumerate(jobs)]
    figures.fold(events, {job.id: job for job in jobs})


def test_one_run_is_counted_under_its_task_its_name_and_all(app: MemoryApp) -> None:
    run(app, "succeed", "fail", seconds=2, name="first")
    figures = app.monitor.figures
    for series in (figures.everything, figures.tasks["shop:work"], figures.names["first"]):
        total = series.total
        assert (total.succeeded, total.failed, total.executions) == (1, 1, 2)
        assert (total.took, total.longest, total.timed) == (4 * SECOND, 2 * SECOND, 2)
    assert figures.find("work") is figures.find("shop:work") is figures.tasks["shop:work"]
    assert figures.find("first") is figures.names["first"] and figures.find("nobody") is None


def test_attempts_that_are_retried_are_failures_of_the_task(app: MemoryApp) -> None:
    calls: list[int] = []

    @app.task(name="flaky", retries=3)
    def flaky() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise ValueError

    flaky.submit()
    for _ in range(3):
        app.drain()
        app.clock.advance("1h")
    metrics = app.monitor.task_metrics("flaky")
    assert (metrics["total_executions"], metrics["successful_executions"]) == (3, 1)
    assert (metrics["failed_executions"], metrics["retried_executions"]) == (2, 2)
    assert metrics["failures_in_a_row"] == 0


def test_lateness_is_from_being_due_to_starting(app: MemoryApp) -> None:
    app.submit("shop:work", delay="1m")
    app.clock.advance("1m30s")
    app.drain()
    total = app.monitor.figures.tasks["shop:work"].total
    assert (total.late, total.latest, total.started) == (30 * SECOND, 30 * SECOND, 1)


def test_a_job_that_is_gone_is_counted_all_the_same() -> None:
    figures = Figures()
    figures.fold([Event(1, NOW, "job.succeeded", 7, 1, None)], {})
    assert figures.tasks[FORGOTTEN].total.succeeded == figures.everything.total.succeeded == 1
    assert figures.seq == 1


def test_failures_in_a_row_of_a_schedule() -> None:
    figures = Figures()
    job = fact(1, schedule_id=5)
    fold(figures, job, job, kind="job.failed")
    assert figures.schedules == {5: 2}
    fold(figures, job)
    assert figures.schedules == {} and figures.tasks["t"].streak == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TASKS", 3)
    monkeypatch.setattr(module, "MOST_NAMES", 2)
    figures = Figures(history=5)
    for n in range(20):
        fold(figures, fact(n, f"t{n % 4}", name=f"n{n}"), at=NOW + n * HOUR)
    assert list(figures.tasks) == ["t1", "t2", "t3"]
    assert list(figures.names) == ["n18", "n19"]
    every = [*figures.tasks.values(), *figures.names.values()]
    assert sum(len(series.hours) for series in every) == 5
    assert figures.everything.total.executions == 20
    assert len(figures.everything.minutes) <= 60


def test_windows_to_the_minute_and_to_the_hour() -> None:
    figures = Figures()
    for n in range(180):
        fold(figures, fact(n), at=NOW + n * MINUTE)
    now = NOW + 180 * MINUTE
    for length, wanted in ((5, 5), (60, 60), (180, 180)):
        found = figures.everything.window(length * MINUTE, now).executions
        assert wanted <= found <= wanted + (1 if length <= 60 else 60)
    assert figures.tasks["t"].window(15 * MINUTE, now).executions == 15
    assert figures.tasks["t"].window(15 * MINUTE, now + HOUR).executions == 0


def test_what_is_stored_comes_back_equal() -> None:
    figures = Figures()
    fold(figures, fact(1), fact(2, "u", name="x", schedule_id=3), kind="job.failed")
    text = msgspec.json.encode(figures)
    again = msgspec.json.decode(text, type=Figures)
    assert again == figures and msgspec.json.encode(again) == text


@pytest.mark.parametrize("took", [0, 1, 2, 10, 999, 10**6, 10**12, 10**18])
def test_quantiles_are_close(took: int) -> None:
    sketch = Sketch()
    sketch.add(Ending("succeeded", took, bucket=bucket_of(took)))
    found = sketch.quantile(0.5) * 1e6
    assert 0.95 * took - 2 <= found <= took * 1.000001 or bucket_of(took) == 400


def test_attempts_that_are_retried_have_their_time(app: MemoryApp) -> None:
    @app.task(name="shop:slow", retries=2, backoff="1s")
    def slow() -> None:
        app.clock.advance(4 if context().attempt < 3 else 1)
        if context().attempt < 3:
            raise ValueError("no luck")

    app.submit("shop:slow")
    for _ in range(3):
        app.drain()
        app.clock.advance("1h")
    metrics = app.monitor.task_metrics("slow")
    assert (metrics["total_executions"], metrics["retried_executions"]) == (3, 2)
    assert metrics["average_execution_time"] == 3 and metrics["longest_execution_time"] == 4


def ended(seq: int, at: int) -> Event:
    return Event(seq, at, "job.succeeded", 1, 1, None)


def test_a_clock_that_is_set_back_leaves_no_hole() -> None:
    """After an hour in a wrong future, the windows see again what happens."""
    figures, facts = Figures(), {1: fact(1)}
    figures.fold([ended(n, NOW + 24 * HOUR) for n in range(10)], facts)
    assert figures.everything.window(5 * MINUTE, NOW).executions == 0  # that is not yet
    figures.not_after(NOW)
    figures.fold([ended(10 + n, NOW + n * SECOND) for n in range(200)], facts)
    now = NOW + 200 * SECOND
    assert figures.everything.window(5 * MINUTE, now).executions == 200
    assert figures.tasks["t"].window(2 * HOUR, now).executions == 200
    assert figures.everything.total.executions == 210


def test_clocks_that_differ_a_little_lose_nothing() -> None:
    figures, facts = Figures(), {1: fact(1)}
    for n in range(500):
        figures.fold([ended(n, NOW + n * SECOND + (MINUTE * 5 if n % 2 else 0))], facts)
        figures.not_after(NOW + n * SECOND)
    assert figures.everything.window(HOUR, NOW + 800 * SECOND).executions == 500
