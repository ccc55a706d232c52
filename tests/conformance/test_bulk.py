"""Many jobs at once: counted, steered a little at a time, alike on every store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from offhours import Flow, Offhours
from offhours.bulk import room
from offhours.core.access import Operation
from offhours.core.errors import (
    FilterError,
    IllegalMove,
    OperationNotFound,
    PreviewChanged,
    QuotaExceeded,
)
from offhours.core.events import fold
from offhours.core.ports import Step
from offhours.testing import FakeClock


@pytest.fixture
def app(place: str) -> Iterator[Offhours]:
    made = Offhours(place, clock=FakeClock(), executor="inline")

    @made.task(name="shop:work", retries=0)
    def work(how: str = "", number: int = 0) -> str:
        if how == "fail":
            raise ValueError("no luck")
        return how

    yield made
    assert fold(made.events()) == {job.id: job.state for job in made.jobs(limit=10_000)}
    made.close()


def states(app: Offhours) -> dict[int, str]:
    return {job.id: job.state.value for job in app.jobs(limit=1_000)}


def step(app: Offhours, operation: Operation, size: int) -> Step:
    page = app.store.bulk.next_jobs(operation, size)
    return app.store.bulk.step(operation, page, app.clock.micros())


def test_a_preview_counts_and_touches_nothing(app: Offhours) -> None:
    app.submit("shop:work", args=("fail",))
    app.drain()
    for _ in range(7):
        app.submit("shop:work", delay="1h")
    app.submit(len, args=("four",), queue="mail")
    last = app.store.last_seq()
    seen = app.bulk.preview("cancel", queue=["default", "mail"])
    assert (seen.count, dict(seen.tasks), dict(seen.states)) == (
        8, {"shop:work": 7, "builtins:len": 1}, {"pending": 8},
    )  # fmt: skip
    assert [job.id for job in seen.examples] == [9, 8, 7, 6, 5]
    assert app.bulk.preview("retry", state="failed").count == 1
    assert app.bulk.preview("retry", state="pending").count == 0
    assert app.bulk.preview("resume").count == 0
    assert app.store.last_seq() == last


def test_the_filter_has_tags_flows_and_numbers(app: Offhours) -> None:
    app.submit("shop:work", metadata={"tags": ["night", "bücher"]})
    app.submit("shop:work", metadata={"tags": "night"})  # a text is one tag, or none
    app.submit("shop:work", metadata={"who": "tags"})
    flow = Flow("two")
    flow.step("one", "shop:work")
    flow.step("two", "shop:work", after=["one"])
    run = app.submit_flow(flow)
    app.submit("shop:work")

    def ids(**where: object) -> list[int]:
        found = app.bulk.preview("cancel", **where)  # type: ignore[arg-type]
        assert found.count == len(found.examples)
        return sorted(job.id for job in found.examples)

    assert ids(tag="bücher") == [1] and ids(tag=["x", "bücher"]) == [1] and ids(tag="nigh") == []
    assert 1 in ids(tag="night") and 3 not in ids(tag="night")
    assert ids(flow=run.id) == [4, 5] and ids(ids=[6, 1, 99]) == [1, 6]
    assert ids(flow=run.id, state="pending") == [4] and ids(ids=[4, 6], flow=run.id) == [4]


def test_cancel_goes_through_all_in_small_steps(
    app: Offhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "AT_ONCE", 3)
    for n in range(10):
        app.submit("shop:work", kwargs={"number": n}, delay="1h" if n % 2 else 0)
    other = app.submit("shop:work", queue="mail")
    seqs = app.store.last_seq()
    with app.acting_as("ann"):
        done = app.bulk.cancel(queue="default", reason="wrong list")
    assert (done.total, done.done, done.failed, done.asked_to_stop) == (10, 10, 0, 0)
    assert other.status == "pending" and set(states(app).values()) == {"pending", "cancelled"}
    told = [event for event in app.events(seqs) if event.kind == "job.cancelled"]
    assert [event.job_id for event in told] != sorted(event.job_id or 0 for event in told)
    assert {event.job_id for event in told} == set(range(1, 11))
    assert app.record(3).reason == "wrong list"
    rows = [row for row in app.audit(limit=100) if row.action == "job.cancelled"]
    assert len(rows) == 10 and {row.actor for row in rows} == {"ann"}
    assert json.loads(rows[0].was or "") == {"state": "pending"}
    kinds = [event.kind for event in app.events(seqs)]
    assert (kinds[0], kinds[-1]) == ("operation.started", "operation.ended")
    assert app.store.access.operation(done.operation).state == "succeeded"  # type: ignore[union-attr]
    assert app.bulk.cancel(queue="default").done == 0


def test_what_waits_for_others_falls_with_them(app: Offhours) -> None:
    first = app.submit("shop:work")
    app.submit("shop:work", after=[first])
    done = app.bulk.cancel(task="shop:work", reason="all of it")
    assert done.done == 2 and {job.reason for job in app.jobs()} == {"all of it"}


def test_what_runs_is_asked_once(app: Offhours) -> None:
    said = []

    def cancel_us() -> None:
        said.append(app.bulk.cancel(q="cancel_us"))
        said.append(app.bulk.cancel(q="cancel_us"))

    app.submit(cancel_us, durable=False)
    app.drain()
    assert [(each.done, each.asked_to_stop) for each in said] == [(1, 1), (0, 0)]
    assert app.record(1).cancel_at is not None


def test_retry_makes_each_anew_once(app: Offhours) -> None:
    for n in range(4):
        app.submit("shop:work", args=("fail" if n else "",))
    app.drain()
    done = app.bulk.retry(state="failed")
    assert done.done == 3 and [app.record(n).retry_of for n in (5, 6, 7)] == [2, 3, 4]
    assert app.bulk.retry(state="failed").done == 0  # they are under way
    app.drain()
    assert app.bulk.preview("retry", state="failed").count == 3  # the retries, which failed, too
    assert [job.id for job in app.bulk.preview("retry", state="failed").examples] == [7, 6, 5]


def test_a_flow_is_retried_as_one(app: Offhours) -> None:
    flow = Flow("two")
    flow.step("one", "shop:work", args=("fail",))
    flow.step("two", "shop:work", after=["one"])
    run = app.submit_flow(flow)
    app.drain()
    assert app.bulk.retry(flow=run.id).done == 2
    assert states(app) == {1: "failed", 2: "cancelled", 3: "pending", 4: "held"}
    assert [edge.upstream for edge in app.store.flows.upstream(4)] == [3]


def test_one_that_is_refused_stops_none_of_the_others(app: Offhours) -> None:
    for n in range(6):
        app.submit("shop:work", args=("fail",), tenant="acme" if n % 2 else None)
    app.drain()
    app.quota("acme", active=2)
    for _ in range(2):
        app.submit("shop:work", tenant="acme")
    with pytest.raises(QuotaExceeded):
        app.submit("shop:work", tenant="acme")
    done = app.bulk.retry(state="failed")
    assert (done.total, done.done, done.failed) == (6, 3, 3)
    assert [each["item"] for each in done.refused] == [2, 4, 6]
    assert {each["code"] for each in done.refused} == {"quota_exceeded"}


def test_who_is_refused_is_named_though_it_is_meant_no_more(
    app: Offhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the refusal and its note somebody else may do it: no other job is passed for it."""
    for tenant in ("acme", None):
        app.submit("shop:work", args=("fail",), tenant=tenant)
    app.drain()
    app.quota("acme", active=1)
    in_the_way = app.submit("shop:work", tenant="acme")
    take = app.store.bulk.step
    refusals: list[str] = []

    def taken(operation: Operation, *rest: Any) -> Step:
        try:
            return take(operation, *rest)
        except QuotaExceeded as error:
            refusals.append(str(error))
            if len(refusals) == 2:  # the first was of both jobs together
                in_the_way.cancel()
                app.retry(1)
            raise

    monkeypatch.setattr(app.store.bulk, "step", taken)
    done = app.bulk.retry(state="failed")
    assert (done.total, done.done) == (2, 1)
    assert app.record(5).retry_of == 2


def test_pause_and_resume(app: Offhours) -> None:
    for n in range(3):
        app.submit("shop:work", kwargs={"number": n})
    app.submit("shop:work", delay="2h", name="later")
    assert app.bulk.pause(task="shop:work", reason="the till is open").done == 4
    assert set(states(app).values()) == {"held"}
    because = app.why(2)
    assert because.code == "paused" and "the till is open; let it go on with" in because.sentence
    assert app.drain() == 0
    app.submit("shop:work")  # what comes later is not paused
    assert app.drain() == 1
    app.clock.advance("1h")  # type: ignore[attr-defined]
    assert app.bulk.resume(task="shop:work").done == 4
    assert app.drain() == 3 and app.record(4).state == "pending"
    assert app.why(4).code == "not_due"
    app.clock.advance("1h")  # type: ignore[attr-defined]
    assert app.drain() == 1


def test_only_what_was_paused_is_resumed(app: Offhours) -> None:
    first = app.submit("shop:work", delay="1h")
    app.submit("shop:work", after=[first])
    assert app.bulk.pause(task="shop:work").done == 1  # the other one waits already
    assert app.bulk.resume(task="shop:work").done == 1
    assert states(app) == {1: "pending", 2: "held"}


def test_a_token_holds_for_what_was_looked_at(app: Offhours) -> None:
    for _ in range(3):
        app.submit("shop:work", delay="1h")
    seen = app.bulk.preview("cancel", state="pending")
    app.submit("shop:work", delay="1h")
    with pytest.raises(PreviewChanged, match="another verb or filter"):
        app.bulk.cancel(state="held", expect=seen.token)
    with pytest.raises(PreviewChanged, match="another verb or filter"):
        app.bulk.pause(state="pending", expect=seen.token)
    with pytest.raises(PreviewChanged, match="not the token"):
        app.bulk.cancel(state="pending", expect="12")
    for far in ("1-1-1-" + "f" * 20 + "-0", "f" * 20 + "-1-1-1-0"):
        with pytest.raises(PreviewChanged, match="not the token"):
            app.bulk.cancel(state="pending", since="1h", expect=far)
    app.cancel(2)
    done = app.bulk.cancel(state="pending", expect=seen.token)
    assert (done.total, done.done) == (2, 2)
    assert states(app) == {1: "cancelled", 2: "cancelled", 3: "cancelled", 4: "pending"}


def test_what_came_in_by_another_state_is_not_touched_unseen(app: Offhours) -> None:
    app.submit("shop:work", args=("fail",))
    app.submit("shop:work", args=("fail",), delay="1m")
    app.drain()
    seen = app.bulk.preview("retry", state="failed")
    app.clock.advance("1m")  # type: ignore[attr-defined]
    app.drain()
    with pytest.raises(PreviewChanged, match="2 jobs are meant now, not those 1"):
        app.bulk.retry(state="failed", expect=seen.token)
    assert app.counts()["ready"] == 0


def test_an_ago_is_that_of_the_preview(app: Offhours) -> None:
    app.submit("shop:work", delay="9h")
    app.clock.advance("2h")  # type: ignore[attr-defined]
    app.submit("shop:work", delay="9h")
    seen = app.bulk.preview("cancel", until="1h")
    assert seen.count == 1
    app.clock.advance("2h")  # type: ignore[attr-defined]
    assert app.bulk.cancel(until="1h", expect=seen.token).done == 1
    assert states(app) == {1: "cancelled", 2: "pending"}


def test_all_jobs_are_meant_only_by_token(app: Offhours) -> None:
    app.submit("shop:work")
    with pytest.raises(FilterError, match="say which jobs"):
        app.bulk.cancel()
    assert app.bulk.cancel(expect=app.bulk.preview("cancel").token).done == 1


def test_an_operation_that_stopped_goes_on_where_it_was(
    app: Offhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "AT_ONCE", 2)
    for _ in range(5):
        app.submit("shop:work", args=("fail",))
    app.drain()
    with app.acting_as("ann"):
        begun = app.bulk.begin("retry", state="failed")
    step(app, begun, 2)
    assert [each.id for each in app.bulk.unfinished()] == [begun.id]
    late = step(app, begun, 2)  # from where somebody else was before
    assert late.jobs == () and late.operation.done == 2
    done = app.bulk.go_on(begun.id)
    assert (done.total, done.done) == (5, 5) and app.counts()["ready"] == 5
    assert app.bulk.go_on(begun.id) == done and app.bulk.unfinished() == []
    actors = {row.actor for row in app.audit(limit=100) if row.action == "job.done_again"}
    assert actors == {"ann"}
    with pytest.raises(OperationNotFound, match="no bulk operation 99"):
        app.bulk.go_on(99)


def test_whoever_comes_last_to_the_end_changes_nothing(app: Offhours) -> None:
    for _ in range(3):
        app.submit("shop:work")
    begun = app.bulk.begin("cancel", task="shop:work")
    stale = begun._replace(place=1)  # as if there was nothing left
    app.bulk.go_on(begun.id)
    late = step(app, stale, 5)
    assert (late.operation.state, late.operation.done) == ("succeeded", 3)


def test_one_that_was_begun_by_mistake_is_stopped(
    app: Offhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "AT_ONCE", 2)
    for _ in range(5):
        app.submit("shop:work")
    begun = app.bulk.begin("cancel", task="shop:work")
    going = step(app, begun, 2).operation
    assert app.bulk.stop(begun.id).done == 2
    late = step(app, going, 2)  # who goes on with it finds out
    assert (late.jobs, late.operation.state) == ((), "failed")
    assert app.bulk.go_on(begun.id).done == 2 and app.bulk.unfinished() == []
    assert app.counts()["ready"] == 3
    with pytest.raises(IllegalMove, match="has ended already"):
        app.bulk.stop(begun.id)
