"""Jobs of one concurrency key: what every store does in a claim."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offhours.core import states
from offhours.core.model import NewJob, WorkerInfo
from offhours.core.outcomes import Done
from offhours.core.ports import ClaimOrder, Exchange, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.times import SECOND

NOW = 1_800_000_000 * SECOND


def new(key: str | None = None, most: int = 1, **changes: Any) -> NewJob:
    held = None if key is None else most
    return NewJob("t", "[[],{}]", 50, NOW, 3, concurrency_key=key, per_key=held)._replace(**changes)


@pytest.fixture
def worker(store: Store) -> int:
    tasks = json.dumps(["t", "u"])
    return store.add_worker(WorkerInfo(0, "w", "h", 1, "1", "", tasks, 4, NOW, 0, NOW, 1), NOW)


def claim(store: Store, worker: int, slots: int = 1, **rest: Any) -> Exchange:
    moves = rest.pop("moves", ())
    order = {"worker": worker, "slots": slots, "free": slots, "tasks": name_list(["t", "u"])}
    return store.exchange(moves, ClaimOrder(**(order | rest)), NOW)


def ids(answer: Exchange) -> list[int]:
    return sorted(job.id for job in answer.claimed)


def done(answer: Exchange) -> list[states.Move]:
    return [states.finish(job, Done("1"), RetryPolicy(), NOW) for job in answer.claimed]


def test_one_of_a_key_runs_at_once_and_delays_nobody_else(store: Store, worker: int) -> None:
    ann = store.submit([new("ann") for _ in range(3)], NOW)
    bob = store.submit([new("bob")], NOW)
    plain = store.submit([new(), new()], NOW)
    first = claim(store, worker, 4)
    assert ids(first) == [ann[0], bob[0], *plain]
    assert first.counted
    assert claim(store, worker, 4).claimed == []
    second = claim(store, worker, 4, moves=done(first))
    assert ids(second) == [ann[1]]
    assert ids(claim(store, worker, 4, moves=done(second))) == [ann[2]]


def test_so_many_of_a_key_as_each_of_them_says(store: Store, worker: int) -> None:
    two = store.submit([new("ann", 2) for _ in range(3)], NOW)
    store.submit([new("ann", 1)], NOW)
    first = claim(store, worker, 9)
    assert set(ids(first)) <= {*two, two[-1] + 1}
    running = len(first.claimed)
    assert running in (1, 2)  # if the modest one came first, it is alone
    assert claim(store, worker, 9).claimed == []


def test_the_tasks_and_tenants_of_a_key_do_not_matter(store: Store, worker: int) -> None:
    store.submit([new("ann"), new("ann", task="u"), new("ann", tenant="acme")], NOW)
    store.submit([new("ann", queue="mail"), new("ann", priority=10)], NOW)
    for _ in range(5):
        answer = claim(store, worker, 9)
        assert len(answer.claimed) == 1
        store.apply(done(answer), NOW)
    assert claim(store, worker, 9).claimed == []


def test_beside_a_limit_of_the_task(store: Store, worker: int) -> None:
    store.limits.set(("task", "t"), 2, None, NOW)
    store.submit([new("ann"), new("ann"), new("bob"), new("cy"), new()], NOW)
    first = claim(store, worker, 9)
    assert len(first.claimed) == 2
    assert len(claim(store, worker, 9, moves=done(first)).claimed) == 2


def test_a_key_is_free_again_when_its_job_was_deferred(store: Store, worker: int) -> None:
    ann = store.submit([new("ann"), new("ann")], NOW)
    [job] = claim(store, worker).claimed
    back = [states.hand_back(job, "the worker stopped")]
    again = claim(store, worker, 2, moves=back)
    assert ids(again) == ann[:1]


def test_thousands_that_wait_for_their_key_are_not_read(store: Store, worker: int) -> None:
    store.submit_alike(new("ann"), ["[[],{}]"] * 3000, NOW)
    last = store.submit([new("bob")], NOW)
    keys = store.submit([new(f"key {n}") for n in range(200)], NOW)
    claimed = ids(claim(store, worker, 202))
    assert len(claimed) == 202
    assert set(claimed) >= {*last, *keys}


def test_what_is_done_again_or_replaced_keeps_to_its_key(store: Store, worker: int) -> None:
    store.submit([new("ann")], NOW)
    first = claim(store, worker)
    store.apply(done(first), NOW)
    job = store.job(first.claimed[0].id)
    assert job is not None
    store.flows.do_again([job], NOW)
    store.submit([new("ann")], NOW)
    assert len(claim(store, worker, 5).claimed) == 1
