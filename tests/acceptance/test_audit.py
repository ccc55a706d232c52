"""Who did what: the audit log, and the switch that stops everything."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from offhours import Cancelled, Context, JobState, Offhours
from offhours.testing import memory_app


def rows(app: Offhours) -> list[tuple[str, str]]:
    return [(row.actor, row.action) for row in reversed(app.audit(limit=1000))]


def test_what_people_do_is_written_with_how_it_was_and_how_it_became() -> None:
    app = memory_app()
    task = app.task(name="t")(lambda: 1)
    job = task.options(delay="1h").submit()
    schedule = app.schedule(task, "every day at noon", name="daily")
    with app.acting_as("ann"):
        app.defer(job.id, "2h", "not now")
        app.limit(queue="mail", concurrency=3)
        app.pause(queue="mail", reason="the server moves")
        schedule.pause("holidays")
    job.cancel("no more")
    app.task(name="meddles")(lambda: app.resume(queue="mail")).submit()
    app.drain()
    assert rows(app) == [
        ("ann", "job.deferred"),
        ("ann", "limit.set"),
        ("ann", "limit.paused"),
        ("ann", "schedule.paused"),
        ("code", "job.cancelled"),
        ("job 2", "limit.resumed"),
    ]
    first = app.audit(limit=1000)[-1]
    assert first.job_id == job.id and json.loads(first.was or "") == {"state": "pending"}
    became = json.loads(first.became or "")
    assert became["state"] == "pending" and became["reason"] == "not now"
    paused = app.audit(actor="ann")[0]
    assert json.loads(paused.was or "")["status"] == "active"
    assert [row.id for row in app.audit(before=3)] == [2, 1]


def test_what_is_done_again_is_in_it() -> None:
    app = memory_app()
    job = app.task(name="t")(lambda: 1).submit()
    app.drain()
    with app.acting_as("ann"):
        again = job.retry()
    assert [(r.actor, r.action, r.job_id) for r in app.audit()] == [
        ("ann", "job.done_again", again.id)
    ]


def test_what_runs_by_itself_is_not_in_it() -> None:
    app = memory_app()
    app.task(name="t")(lambda: 1).submit()
    app.drain()
    assert rows(app) == []


def test_events_may_be_pruned_and_the_log_stays() -> None:
    app = memory_app()
    app.pause(queue="mail")
    app.clock.advance("400d")
    app.store.prune(app.clock.micros(), 0, 1000, app.clock.micros())
    assert rows(app) == [("code", "limit.paused")]


def test_many_at_once_keep_their_names(tmp_path: Path) -> None:
    """Who leads a shared commit does not sign for the others."""
    app = Offhours(tmp_path / "jobs.db")
    ready = threading.Barrier(16)

    def steer(number: int) -> None:
        ready.wait()
        for turn in range(20):
            if number % 2:
                app.submit_by_name("t")
            else:
                with app.acting_as(f"person {number}"):
                    app.pause(queue=f"q{number}-{turn}")

    threads = [threading.Thread(target=steer, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = app.audit(limit=1000)
    assert len(found) == 8 * 20
    for row in found:
        assert json.loads(row.became or "")["name"].startswith(f"q{row.actor[7:]}-")
    app.close()


def test_a_name_is_needed() -> None:
    with pytest.raises(ValueError, match="name: expected text"):
        memory_app().acting_as("")


def test_the_kill_switch_stops_what_runs_and_lets_nothing_start(tmp_path: Path) -> None:
    began, ended = threading.Event(), threading.Event()
    with Offhours(tmp_path / "jobs.db", threads=1) as app:

        @app.task(name="endless")
        def endless(ctx: Context) -> None:
            began.set()
            try:
                while True:
                    ctx.checkpoint()
                    time.sleep(0.005)
            except Cancelled:
                ended.set()
                raise

        first, second = endless.submit(), endless.submit()
        assert began.wait(10)
        with app.acting_as("ann"):
            assert app.stop_all("a runaway") == 1
        assert ended.wait(10) and first.wait(10) is JobState.CANCELLED
        assert second.status is JobState.PENDING and "all work is paused" in str(second.why())
        second.cancel()
        app.resume()
    assert rows(app)[0] == ("ann", "limit.paused")
    app.close()
