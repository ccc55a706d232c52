"""What the book lists over many schedules, and whose name is whose."""

from __future__ import annotations

import time

import pytest

from offhours.core.errors import Conflict
from offhours.core.times import iso
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    made = memory_app()  # it stands at 2026-01-01 00:00 in UTC
    made.task(name="t")(lambda: None)
    return made


def told(app: MemoryApp, start: str, end: str, limit: int = 1000) -> list[tuple[str, str]]:
    found = app.schedules.between(start, end, limit)
    return [(iso(at)[11:19], schedule.name) for at, schedule in found]


def test_a_dense_schedule_does_not_hide_the_others(app: MemoryApp) -> None:
    app.schedule("t", "every second", name="dense")
    app.schedule("t", "every minute", name="sparse")
    found = told(app, "2026-01-01T00:00Z", "2026-01-02T00:00Z", limit=200)
    assert len(found) == 200 and found == sorted(found)
    assert [at for at, name in found if name == "sparse"] == ["00:01:00", "00:02:00", "00:03:00"]


def test_an_instant_belongs_to_its_day_though_its_jitter_leads_out_of_it(app: MemoryApp) -> None:
    app.schedule("t", "every day at 23:59", name="late", jitter="10h")
    assert told(app, "2026-01-01T00:00Z", "2026-01-02T00:00Z") == [("23:59:00", "late")]


def test_a_far_day_of_a_dense_schedule_costs_nothing(app: MemoryApp) -> None:
    app.schedule("t", "every second", name="dense")
    app.schedule("t", "every second", name="many", max_runs=2**31 - 1)
    before = time.process_time()
    assert len(told(app, "2090-01-01T00:00Z", "2090-01-02T00:00Z", limit=4)) == 4
    assert time.process_time() - before < 1


def test_what_ends_before_is_not_listed(app: MemoryApp) -> None:
    app.schedule("t", "every hour", name="few", max_runs=3)
    assert len(told(app, "2026-01-01T00:00Z", "2026-01-02T00:00Z")) == 3
    assert told(app, "2026-01-01T04:00Z", "2026-01-02T00:00Z") == []


def test_fires_of_all_schedules_in_order(app: MemoryApp) -> None:
    for name in ("a", "b"):
        app.schedule("t", "every hour", name=name, catch_up="all", overlap="allow")
    app.clock.advance("2h")
    app.drain()
    found = app.schedules.fired_between("2026-01-01T00:00Z", "2026-01-01T02:00Z")
    assert [(iso(fire.instant)[11:16], fire.schedule_id) for fire in found] == [
        ("01:00", 1), ("01:00", 2),
    ]  # fmt: skip
    assert len(app.schedules.fired_between("2026-01-01T00:00Z", "2026-01-01T03:00Z", 3)) == 3


def test_what_is_missing_is_what_a_backfill_makes(app: MemoryApp) -> None:
    handle = app.schedule("t", "every day at noon", name="noon")
    span = ("2025-12-01T00:00Z", "2025-12-05T00:00Z")
    handle.backfill("2025-12-02T00:00Z", "2025-12-03T00:00Z")
    missing = handle.missing(*span)
    assert [day.day for day in missing] == [1, 3, 4]
    assert len(handle.backfill(*span)) == 3 and handle.missing(*span) == ()


def test_a_short_backfill_of_a_rare_schedule_costs_nothing(app: MemoryApp) -> None:
    handle = app.schedule("t", "29 february at noon every year", name="leap")
    before = time.process_time()
    assert handle.missing("2024-02-01T00:00Z", "2024-03-01T00:00Z")[0].year == 2024
    assert time.process_time() - before < 1


def test_a_name_belongs_to_one_schedule(app: MemoryApp) -> None:
    first = app.schedule("t", "every hour", name="first")
    second = app.schedule("t", "every hour", name="second")
    task = app.registry.get("t")
    with pytest.raises(Conflict, match="schedule update 1"):
        app.schedules.add(task, "every day", (), {}, {"name": "first"}, replace_existing=False)
    with pytest.raises(Conflict, match="that of schedule 1"):
        second.update(name="first")
    assert (first.record.text, second.name) == ("every hour", "second")
    assert app.schedules.add(
        task, "every day", (), {}, {"name": "third"}, replace_existing=False
    ).id == 3  # fmt: skip
