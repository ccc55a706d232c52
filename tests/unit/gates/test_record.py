"""Gates on the clock, the data and what the store remembers."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offhours.app import Offhours
from offhours.core.errors import ConfigError, InputError, OptionError
from offhours.core.gates import OPEN
from offhours.core.model import Claimed, WorkerInfo
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.times import HOUR, MINUTE, SECOND, to_datetime
from offhours.gates import DataAmount, FailureCooldown, Gate, QuietHours, TimeBudget
from offhours.gates.budget import Span, free_at
from offhours.testing import FakeClock, MemoryApp, memory_app


def at(hour: int, minute: int = 0) -> int:
    return int(datetime(2026, 6, 1, hour, minute, tzinfo=UTC).timestamp()) * SECOND


def test_quiet_hours_hold_until_their_end(job: Claimed) -> None:
    store = memory_app().store
    gate = QuietHours("22:00-07:00", timezone="UTC")
    assert gate.look(job, at(12), store) == OPEN
    assert gate.look(job, at(7), store) == OPEN
    shut = gate.look(job, at(23), store)
    assert not shut.open and shut.forceable
    assert shut.again_at == at(23) + 8 * HOUR
    assert shut.reason == "these are quiet hours (22:00-07:00), until 2026-06-02T07:00Z"
    assert gate.look(job, at(6, 59), store).again_at == at(7)


def test_quiet_hours_go_by_their_timezone(job: Claimed) -> None:
    gate = QuietHours("08:00-18:00", timezone="Europe/Berlin")
    shut = gate.look(job, at(6, 30), memory_app().store)  # 08:30 there
    assert to_datetime(shut.again_at).hour == 16
    with pytest.raises(InputError):
        QuietHours("late", timezone="UTC")
    with pytest.raises(InputError):
        QuietHours("22:00-07:00", timezone="Mars/Olympus")


def test_data_wants_enough_and_not_too_much(job: Claimed) -> None:
    found, store = 0, memory_app().store
    gate = DataAmount(lambda job: found, least=100, most=200)
    for found, holds in ((99, True), (100, False), (200, False), (201, True)):
        verdict = gate.look(job, 0, store)
        assert verdict.open is not holds
        if holds:
            assert verdict.figure == found and not verdict.forceable
            assert str(found) in verdict.reason
    with pytest.raises(ConfigError) as wrong:
        DataAmount(lambda job: 1, least=-1, most=-2)
    assert len(wrong.value.faults) == 2


def failing(app: Offhours, *outcomes: bool) -> None:
    """Jobs of the task `t` that ended so, a minute apart."""
    now = iter(outcomes)

    def work() -> None:
        if not next(now):
            raise ValueError

    app.registry.remove("t")
    app.task(name="t")(work)
    for _ in outcomes:
        app.submit("t")
        app.drain()
        app.clock.advance("1m")  # type: ignore[attr-defined]


def test_a_cool_down_begins_after_failures_in_a_row(job: Claimed) -> None:
    app = memory_app()
    gate = FailureCooldown(after=3, pause="6h")
    assert gate.look(job, app.clock.micros(), app.store) == OPEN
    failing(app, False, False, True, False, False)
    assert gate.look(job, app.clock.micros(), app.store) == OPEN
    failing(app, False)
    last = app.clock.micros() - MINUTE
    shut = gate.look(job, app.clock.micros(), app.store)
    assert (shut.figure, shut.limit, shut.again_at) == (3, 3, last + 6 * HOUR)
    assert shut.reason.startswith("3 failed in a row (the pause begins at 3); a pause of 6 h")
    app.clock.advance("6h")
    assert gate.look(job, app.clock.micros(), app.store) == OPEN  # one may try


def test_a_trial_that_fails_begins_the_pause_anew(job: Claimed) -> None:
    app = memory_app()
    gate = FailureCooldown(after=2, pause="1h")
    failing(app, False, False)
    app.clock.advance("1h")
    failing(app, False)
    shut = gate.look(job, app.clock.micros(), app.store)
    assert not shut.open and shut.figure == 3
    app.clock.advance("1h")
    failing(app, True)
    assert gate.look(job, app.clock.micros(), app.store) == OPEN


def test_of_two_that_are_claimed_at_once_one_tries(job: Claimed) -> None:
    app = memory_app()
    gate = FailureCooldown(after=1, pause="1h")
    failing(app, False)
    app.clock.advance("2h")
    app.registry.remove("t")
    app.task(name="t")(lambda: None)
    ids = [app.submit("t").id for _ in range(2)]
    names, now = name_list(["t"]), app.clock.micros()
    worker = app.store.add_worker(
        WorkerInfo(0, "w", "h", 1, "", "", '["t"]', 2, now, 0, now, HOUR), now
    )
    claimed = app.store.exchange([], ClaimOrder(worker, 2, 2, names), now).claimed
    assert [each.id for each in claimed] == ids
    assert [gate.look(each, now, app.store).open for each in claimed] == [True, False]
    shut = gate.look(claimed[1], now, app.store)
    assert "another one is being tried" in shut.reason and shut.again_at > now


def test_a_cool_down_outlives_its_process(tmp_path: Path, job: Claimed) -> None:
    clock = FakeClock()
    for _ in range(2):
        app = Offhours(tmp_path / "jobs.db", clock=clock, executor="inline")
        failing(app, False)
        app.close()
    other = Offhours(tmp_path / "jobs.db", clock=clock, executor="inline")
    assert not FailureCooldown(after=2).look(job, clock.micros(), other.store).open
    other.close()
    with pytest.raises(OptionError):
        FailureCooldown(after=0)


def running(app: MemoryApp, *minutes: int) -> None:
    """Jobs of the task `t` that take so long."""
    left = iter(minutes)
    app.registry.remove("t")
    app.task(name="t", timeout=None)(lambda: app.clock.advance(f"{next(left)}m"))
    for _ in minutes:
        app.submit("t")
        app.drain()


def test_a_budget_of_time_is_used_up_and_comes_back(job: Claimed) -> None:
    app = memory_app()
    gate = TimeBudget("2h", per="1d")
    running(app, 60, 50)
    assert gate.look(job, app.clock.micros(), app.store) == OPEN
    running(app, 30)
    now = app.clock.micros()
    shut = gate.look(job, now, app.store)
    assert (shut.figure, shut.limit) == (140 * 60, 120 * 60)
    assert "2 h 20 min of the last 1 d were used (the budget is 2 h)" in shut.reason
    assert not gate.look(job, shut.again_at - SECOND, app.store).open
    assert gate.look(job, shut.again_at, app.store) == OPEN


def test_a_budget_sees_what_ran_behind_all_that_waits(job: Claimed) -> None:
    app = memory_app()
    running(app, 130)
    app.registry.remove("t")
    app.task(name="t")(lambda: None).submit_many([()] * 2_300)
    assert not TimeBudget("2h").look(job, app.clock.micros(), app.store).open


def test_a_budget_counts_each_attempt(job: Claimed) -> None:
    app = memory_app()

    def work() -> None:
        app.clock.advance("40m")
        raise ValueError

    app.task(name="t", retries=2, backoff="1s", timeout=None)(work)
    app.submit("t")
    for _ in range(3):
        app.drain()
        app.clock.advance("10m")
    shut = TimeBudget("2h").look(job, app.clock.micros(), app.store)
    assert shut.figure == 120 * 60
    with pytest.raises(OptionError):
        TimeBudget("2d", per="1d")


def test_a_budget_tells_the_first_moment_at_which_it_opens() -> None:
    chance = random.Random(5)
    for _ in range(200):
        start, spans = 0, []
        for _ in range(chance.randint(1, 6)):
            start += chance.randint(0, 50)
            end = start + chance.randint(1, 50)
            spans.append(Span(start, end))
            start = end
        now, per = start, start + 10
        used = sum(end - begin for begin, end in spans)
        most = chance.randint(1, used)

        def left(moment: int, spans=spans, per=per) -> int:
            return sum(max(0, end - max(begin, moment - per)) for begin, end in spans)

        first = next(m for m in range(now, now + 2 * per) if left(m) < most)
        assert free_at(spans, used - most, per) == first


def test_each_of_them_is_a_gate() -> None:
    for gate in (QuietHours("1:00-2:00"), DataAmount(lambda job: 1), FailureCooldown(),
                 TimeBudget("1h")):  # fmt: skip
        assert isinstance(gate, Gate)
