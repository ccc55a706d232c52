"""Looking at many jobs and events at once: alike on every store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from offhours import Offhours
from offhours.core.lists import JobFilter
from offhours.core.model import JobState
from offhours.core.ports import name_list
from offhours.core.times import HOUR, MINUTE, SECOND
from offhours.testing import FakeClock


@pytest.fixture
def app(place: str) -> Iterator[Offhours]:
    made = Offhours(place, clock=FakeClock(), executor="inline")

    @made.task(name="shop:work")
    def work(how: str = "", seconds: float = 0) -> str:
        made.clock.advance(seconds)  # type: ignore[attr-defined]
        if how == "fail":
            raise ValueError("no luck, " + "x" * 1_000)
        return how

    yield made
    made.close()


def ids(app: Offhours, **wanted: object) -> list[int]:
    found = app.store.lists.jobs(JobFilter(**wanted))  # type: ignore[arg-type]
    assert app.store.lists.count(JobFilter(**wanted)) == len(found)  # type: ignore[arg-type]
    return [job.id for job in found]


def test_filters(app: Offhours) -> None:
    app.submit("shop:work", args=("fail",), name="Ann's order", queue="mail")
    app.submit(
        "shop:work", name="100% sure", priority="low", tenant="acme", metadata={"k": "VaLuable"}
    )
    app.drain()
    app.clock.advance("1h")  # type: ignore[attr-defined]
    app.submit("shop:work", delay="1h", name="a_b\\c")
    now = app.clock.micros()
    assert ids(app) == [3, 2, 1]
    assert ids(app, states=["failed"]) == [1] and ids(app, states=["failed", "pending"]) == [3, 1]
    assert ids(app, states=["fail"]) == [] and ids(app, tasks=["shop:work"]) == [3, 2, 1]
    assert ids(app, queues=["mail", "x"]) == [1] and ids(app, priorities=[90]) == [2]
    assert ids(app, tenant="acme") == [2] and ids(app, since=now) == [3]
    assert ids(app, until=now) == [2, 1] and ids(app, since=now - HOUR, until=now) == [2, 1]
    assert ids(app, finished_after=now - HOUR) == [2, 1] and ids(app, finished_after=now) == []
    assert ids(app, finished_before=now) == [2, 1] and ids(app, finished_before=now - HOUR) == []
    assert ids(app, ids=[3, 1, 9]) == [3, 1] and ids(app, ids=[]) == []
    assert ids(app, ids=[3, 1], states=["failed"]) == [1]
    assert ids(app, text="ANN'S") == [1] and ids(app, text="valuab") == [2]
    assert ids(app, text="no luck") == [1] and ids(app, text="0% s") == [2]
    assert ids(app, text="a_b") == [3] and ids(app, text="a%b") == [] == ids(app, text="axb")
    assert ids(app, text="b\\c") == [3] and ids(app, text="\\") == [3]


def test_pages_either_way(app: Offhours) -> None:
    for _ in range(5):
        app.submit("shop:work")
    search = app.store.lists
    newest = search.jobs(JobFilter(), limit=2)
    assert [job.id for job in newest] == [5, 4]
    assert [job.id for job in search.jobs(JobFilter(), after=4, limit=9)] == [3, 2, 1]
    oldest = search.jobs(JobFilter(), after=2, newest_first=False, limit=2)
    assert [job.id for job in oldest] == [3, 4]


def test_rows_are_short(app: Offhours) -> None:
    app.submit("shop:work", args=("fail" * 1_000,))
    app.submit("shop:work", args=("fail",))
    app.drain()
    one, two = app.store.lists.rows([1, 2, 99])
    assert one.state is JobState.SUCCEEDED and len(one.args) == 400 and one.result is None
    assert two.error is not None and len(two.error) == 400 and two.error.endswith("xxx")


def test_depths(app: Offhours) -> None:
    for priority in ("low", "low", "critical"):
        app.submit("shop:work", priority=priority, queue="mail")
    app.submit("shop:work", delay="1h")
    found = {(d.queue, d.priority, d.stage): d for d in app.store.lists.depths()}
    assert {key: depth.jobs for key, depth in found.items()} == {
        ("mail", 90, "ready"): 2, ("mail", 0, "ready"): 1, ("default", 50, "later"): 1,
    }  # fmt: skip
    assert found["mail", 90, "ready"].oldest == app.clock.micros()


def test_backlog(app: Offhours) -> None:
    start = app.clock.micros()
    for how in ("", "fail"):  # in the slots 0 to 2, due in the first
        app.submit("shop:work", args=(how, 70), priority="low")
    app.drain()
    app.submit("shop:work")
    end = start + 140 * SECOND
    low = {row.state: row for row in app.store.lists.backlog(start, MINUTE, 10) if row.ended}
    assert low["succeeded"] == ("succeeded", 90, 0, 1, 1, start + 70 * SECOND, start + 70 * SECOND)
    assert low["failed"] == ("failed", 90, 0, 2, 1, end, end)
    [ready] = [row for row in app.store.lists.backlog(start, MINUTE, 10) if row.ended is None]
    assert ready == ("ready", 50, 2, None, 1, None, None)
    later = app.store.lists.backlog(end, MINUTE, 10)
    assert {(row.state, row.due) for row in later} == {("failed", -1), ("ready", 0)}


def test_stretches(app: Offhours) -> None:
    start = app.clock.micros()
    for how in ("", "fail"):
        app.submit("shop:work", args=(how, 60))
        app.drain()
    app.submit("shop:work", delay="1h")
    now = app.clock.micros()
    newest, oldest = app.store.lists.stretches(start, now)
    assert (newest.job_id, newest.state, newest.worker) == (2, "failed", 1)
    assert (oldest.started_at, oldest.ended_at) == (start, start + 60 * SECOND)
    assert [each.job_id for each in app.store.lists.stretches(start, now, 1)] == [2]
    assert app.store.lists.stretches(now + 1, now + 2) == []


def test_events_backwards_and_of_a_tenant(app: Offhours) -> None:
    app.submit("shop:work", tenant="acme")
    app.submit("shop:work", tenant="other")
    app.drain()
    search, last = app.store.lists, app.store.last_seq()
    assert [e.seq for e in search.events(limit=2)] == [last, last - 1]
    assert [e.seq for e in search.events(before=last, limit=1)] == [last - 1]
    kinds = name_list(["job.succeeded", "job.failed"])
    assert {e.kind for e in search.events(kinds=kinds)} == {"job.succeeded"}
    mine = search.events_of("acme")
    assert {e.job_id for e in mine} == {1} and [e.seq for e in mine] == sorted(e.seq for e in mine)
    assert search.events_of("acme", after=mine[-1].seq) == [] == search.events_of("nobody")


def test_a_page_from_the_middle(app: Offhours) -> None:
    for _ in range(9):
        app.submit("shop:work")
    lists = app.store.lists
    middle = lists.jobs(JobFilter(), after=8, skip=3, limit=2)
    assert [job.id for job in middle] == [4, 3]
    middle = lists.jobs(JobFilter(), newest_first=False, skip=3, limit=2)
    assert [job.id for job in middle] == [4, 5]
    assert lists.jobs(JobFilter(), skip=9) == []
