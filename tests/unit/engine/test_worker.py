"""A worker that stops while the database refuses to write, and one that is told otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhours import Offhours
from offhours.core.errors import Busy
from offhours.testing import memory_app


def test_what_ran_unrecorded_when_a_worker_stopped_is_not_handed_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = memory_app(lease="30s")
    runs: list[int] = []
    app.task(name="once", on_lost="fail")(lambda: runs.append(1))
    job = app.submit("once")
    app.start()
    assert app._work.worker is not None and app._work._places.inline is not None
    app._work.worker.step(app.clock.micros(), 1)
    app._work._places.inline.run_next()

    def refuse(*args: object) -> None:
        raise Busy("locked by another process until the deadline")

    with monkeypatch.context() as patch:
        patch.setattr(app.store, "exchange", refuse)
        app.stop()
    assert job.status == "running"  # nobody knows better

    app.drain()
    app.clock.advance("31s")
    app.drain()
    assert (job.status, job.record.code, runs) == ("failed", "lost", [1])


def test_what_is_set_later_holds_from_the_next_start() -> None:
    app = Offhours(":memory:", threads=4)
    app.settings = replace(app.settings, threads=1)
    worker = app._work.make_worker("")
    assert worker._stations[0].executor.slots == 1


def test_a_worker_that_is_declared_dead_begins_anew_once() -> None:
    """Two of its loops may notice."""
    app = memory_app()
    app.start()
    worker = app._work.worker
    assert worker is not None
    first = worker.id
    worker._start_over(first)
    second = worker.id
    worker._start_over(first)
    assert worker.id == second != first
    app.stop()
