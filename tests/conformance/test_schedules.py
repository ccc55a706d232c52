"""What every store promises of schedules: one job an instant, in the transaction of its fire."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

from offhours.core import schedules
from offhours.core.model import JobState, WorkerInfo
from offhours.core.ports import ClaimOrder, Exchange, Store, name_list
from offhours.core.schedules import NewSchedule, Schedule, ScheduleStatus
from offhours.core.times import MINUTE, SECOND
from offhours.core.triggers import Every, Plan
from offhours.store.dialects import Dialect, statements
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase

NOW = 1_800_000_000 * SECOND
PLAN = json.dumps(Plan((Every(MINUTE, NOW),), "UTC").to_dict())


def new(name: str = "s", **changes: Any) -> NewSchedule:
    return NewSchedule(
        name=name, task="t", args="[[],{}]", priority=50, max_attempts=1, queue="default",
        timeout=None, metadata=None, on_lost="retry", plan=PLAN, text="every minute",
    )._replace(**changes)  # fmt: skip


def add(store: Store, name: str = "s", **changes: Any) -> Schedule:
    return store.schedules.add(new(name, **changes), NOW + MINUTE, NOW)[0]


def a_round(store: Store, worker: int, now: int, slots: int = 10, **rest: Any) -> Exchange:
    order = ClaimOrder(worker=worker, slots=slots, free=slots, tasks=name_list(["t"]), **rest)
    return store.exchange([], order, now)


@pytest.fixture
def worker(store: Store) -> int:
    info = WorkerInfo(0, "w", "h", 1, "1", "", '["t"]', 4, NOW, 0, NOW, 30 * SECOND)
    return store.add_worker(info, NOW)


def test_a_round_fires_what_is_due_and_claims_it_at_once(store: Store, worker: int) -> None:
    schedule = add(store)
    early = a_round(store, worker, NOW + MINUTE - 1)
    assert (early.next_fire, early.claimed, early.fired) == (NOW + MINUTE, [], ())
    fired = a_round(store, worker, NOW + MINUTE)
    [job] = fired.claimed
    assert (job.schedule_id, job.fire_at) == (schedule.id, NOW + MINUTE)
    assert fired.fired == ["t"] and fired.next_fire == NOW + 2 * MINUTE
    assert a_round(store, worker, NOW + MINUTE).claimed == []


def test_a_round_comes_for_the_schedule_that_is_due_first(store: Store, worker: int) -> None:
    add(store, "late")
    store.schedules.add(new("soon", task="u"), NOW + SECOND, NOW)
    assert a_round(store, worker, NOW).next_fire == NOW + SECOND
    fired = a_round(store, worker, NOW + SECOND)
    assert (fired.fired, fired.next_fire) == (["u"], NOW + MINUTE)


def test_a_full_worker_fires_too_and_a_draining_one_does_not(store: Store, worker: int) -> None:
    add(store)
    assert a_round(store, worker, NOW + MINUTE, slots=0, fires=False).fired == ()
    assert a_round(store, worker, NOW + MINUTE, slots=0, fires=False, sure=True).fired == []
    assert a_round(store, worker, NOW + MINUTE, slots=0).fired == ["t"]
    assert store.counts()["ready"] == 1


def test_a_name_is_stored_once(store: Store) -> None:
    first, created = store.schedules.add(new(), NOW + MINUTE, NOW)
    again, twice = store.schedules.add(new(text="other"), NOW + MINUTE, NOW)
    assert (created, twice) == (True, False) and again == first
    assert [e.kind for e in store.events()] == ["schedule.created"]


def test_a_change_holds_only_for_what_it_was_made_for(store: Store, worker: int) -> None:
    schedule = add(store)
    pause = schedules.pause(schedule, "later", NOW)
    a_round(store, worker, NOW + MINUTE)  # moves it on
    assert not store.schedules.change(pause, NOW)
    moved = store.schedules.get(schedule.id)
    assert moved is not None and moved.status is ScheduleStatus.ACTIVE
    assert store.schedules.change(schedules.pause(moved, "later", NOW), NOW)
    assert a_round(store, worker, NOW + 9 * MINUTE).next_fire is None


def test_a_fire_that_was_settled_is_not_settled_again(store: Store, worker: int) -> None:
    """Whatever sets a schedule back: a clock, a restored column."""
    schedule = add(store)
    a_round(store, worker, NOW + MINUTE)
    row = store.schedules.get(schedule.id)
    assert row is not None
    back = schedules.ScheduleMove(
        row.id, row.revision, row.next_at, "", {"next_at": NOW + MINUTE, "due_at": NOW}, {}
    )
    assert store.schedules.change(back, NOW)
    assert a_round(store, worker, NOW + MINUTE).fired == []
    assert len(store.jobs()) == 1 and len(store.schedules.fires(schedule.id)) == 1


def test_a_hundred_threads_of_rounds_make_one_job_an_instant(store: Store, worker: int) -> None:
    for n in range(5):
        add(store, f"s{n}", overlap="allow")
    start = threading.Barrier(8)

    def rounds() -> None:
        start.wait()
        for minute in range(1, 21):
            a_round(store, worker, NOW + minute * MINUTE)

    threads = [threading.Thread(target=rounds) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [(job.schedule_id, job.fire_at) for job in store.jobs(limit=1000)]
    fires = [f for s in store.schedules.page() for f in store.schedules.fires(s.id, limit=100)]
    assert len(set(made)) == len(made)
    assert len(fires) == 5 * 20 and {f.job_id is None for f in fires} <= {True, False}
    assert sum(f.job_id is not None for f in fires) == len(made)


def test_pages_and_lists(store: Store) -> None:
    made = [add(store, f"s{n}", task="t" if n % 2 else "u").id for n in range(5)]
    assert [s.id for s in store.schedules.page(limit=2)] == made[:2]
    assert [s.id for s in store.schedules.page(after=made[1], task="t")] == [made[3]]
    assert store.schedules.tasks(ScheduleStatus.ACTIVE) == ["t", "u"]
    assert store.schedules.tasks(ScheduleStatus.PAUSED) == []
    assert store.schedules.page(status=ScheduleStatus.ENDED) == []
    found = store.schedules.named("s3")
    assert found is not None and found.id == made[3]


def test_what_a_fire_records_is_pruned_and_the_schedule_stays(store: Store, worker: int) -> None:
    schedule = add(store)
    for minute in range(1, 4):
        a_round(store, worker, NOW + minute * MINUTE)
    pruned = store.prune(NOW + 3 * MINUTE, 100, 100, NOW + 4 * MINUTE)
    assert pruned.fires == 2
    assert [f.instant for f in store.schedules.fires(schedule.id)] == [NOW + 3 * MINUTE]
    assert a_round(store, worker, NOW + 3 * MINUTE).fired == ()


def test_a_deleted_schedule_releases_nothing_it_should_not(store: Store, worker: int) -> None:
    schedule = add(store, overlap="queue_all")
    first, second = store.schedules.run_now(schedule, [NOW, NOW + 1], "by_hand", NOW)
    assert store.schedules.remove(schedule, NOW)
    assert not store.schedules.remove(schedule, NOW)
    [job] = a_round(store, worker, NOW).claimed
    assert job.id == first
    held = store.job(second)
    assert held is not None and held.state is JobState.HELD


def test_many_schedules_cost_no_scan(tmp_path: Path) -> None:
    """The statements of every round find their rows by an index that fits."""
    path = str(tmp_path / "jobs.db")
    SqlStore(SqliteDatabase(path)).close()
    connection = apsw.Connection(path)
    wanted = {
        "round": "SEARCH schedules USING COVERING INDEX schedules_due",
        "next_fire": "SEARCH schedules USING COVERING INDEX schedules_due",
        "due_schedules": "SEARCH schedules USING INDEX schedules_due (due_at<?)",
        "scheduled_tasks": "SEARCH schedules USING COVERING INDEX schedules_task (status=? AND ",
        "jobs_of_schedule": "SEARCH jobs USING INDEX jobs_of_schedule (schedule_id=?)",
        "expired": "SEARCH jobs USING INDEX jobs_expiring",
    }
    for name, way in wanted.items():
        sql = f"explain query plan {statements(Dialect.SQLITE)[name]}"
        plan = [row[3] for row in connection.execute(sql, _Any())]
        assert any(step.startswith(way) for step in plan), (name, plan)
        assert not any("SCAN schedules" in step or "TEMP B-TREE" in step for step in plan)
    connection.close()


class _Any(dict[str, int]):
    """Binds 1 to every name."""

    def __missing__(self, name: str) -> int:
        return 1
