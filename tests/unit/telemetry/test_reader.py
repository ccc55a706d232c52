"""Counts go on, whoever reads: over restarts, beside others, past what was pruned."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhours.core.errors import Busy
from offhours.telemetry.reader import MetricsReader
from offhours.telemetry.tally import State
from offhours.testing import MemoryApp, memory_app


def work(app: MemoryApp, jobs: int) -> None:
    for _ in range(jobs):
        app.submit(len, args=("four",))
    app.drain()


def succeeded(state: State) -> int:
    return sum(series.counts["succeeded"] for series in state.series)


def reader(app: MemoryApp) -> MetricsReader:
    return MetricsReader(app.store, app.clock)


def test_the_next_process_goes_on_where_the_last_one_was() -> None:
    app = memory_app()
    work(app, 2)
    assert succeeded(reader(app).catch_up()[0]) == 2
    work(app, 3)
    state, lag = reader(app).catch_up()
    assert (succeeded(state), lag) == (5, 0)


def test_readers_side_by_side_count_each_event_once() -> None:
    app = memory_app()
    one, other = reader(app), reader(app)
    for n in range(1, 5):
        work(app, 1)
        first, second = (one, other) if n % 2 else (other, one)
        assert succeeded(first.catch_up()[0]) == n
        assert succeeded(second.catch_up()[0]) == n


def test_who_comes_too_late_to_store_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    app = memory_app()
    slow, quick = reader(app), reader(app)
    work(app, 3)
    slow.catch_up()
    work(app, 1)
    facts = app.store.facts

    def overtaken(ids: list[int]) -> object:
        monkeypatch.setattr(app.store, "facts", facts)
        work(app, 1)
        quick.catch_up()
        return facts(ids)

    monkeypatch.setattr(app.store, "facts", overtaken)
    assert succeeded(slow.catch_up()[0]) == 5


def test_nothing_is_shown_that_was_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    app = memory_app()
    mine = reader(app)
    work(app, 1)
    mine.catch_up()
    work(app, 1)

    def busy(*_: object) -> bool:
        raise Busy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(app.store.notices, "read_on", busy)
        with pytest.raises(Busy):
            mine.catch_up()
    assert succeeded(mine.catch_up()[0]) == 2


def test_what_was_pruned_uncounted_is_said() -> None:
    app = memory_app()
    work(app, 1)
    mine = reader(app)
    mine.catch_up()
    before = app.store.last_seq()
    work(app, 10)
    app.store.prune(0, 1, 1000, app.clock.micros())
    gone = app.store.events()[0].seq - 1
    state, lag = mine.catch_up()
    assert gone > before
    assert (state.totals["missed"], lag) == (gone - before, 0)


def test_a_quiet_store_is_not_written_to(tmp_path: Path) -> None:
    app = memory_app()
    work(app, 1)
    mine = reader(app)
    mine.catch_up()
    before = app.store.changed()
    mine.catch_up()
    assert app.store.changed() == before


def test_a_long_silence_is_caught_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhours.telemetry.reader.PAGE", 4)
    monkeypatch.setattr("offhours.telemetry.reader.MOST_PAGES", 2)
    app = memory_app()
    work(app, 6)
    mine = reader(app)
    lags = [mine.catch_up()[1] for _ in range(4)]
    assert lags[0] > lags[1] >= 0 == lags[-1]
    assert succeeded(mine.catch_up()[0]) == 6
