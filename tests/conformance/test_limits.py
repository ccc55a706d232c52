"""Limits, pauses and turns: what every store does in a claim."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from tests.nightly import NIGHTLY

from offhours.core import states
from offhours.core.limits import EVERYTHING, SLACK, Limit, Rate
from offhours.core.model import NewJob, WorkerInfo
from offhours.core.outcomes import Done
from offhours.core.ports import ClaimOrder, Exchange, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.times import SECOND

NOW = 1_800_000_000 * SECOND
TASK, QUEUE = ("task", "t"), ("queue", "mail")


def new(**changes: Any) -> NewJob:
    return NewJob("t", "[[],{}]", 50, NOW, 3)._replace(**changes)


@pytest.fixture
def worker(store: Store) -> int:
    tasks = json.dumps(["t", "u"])
    return store.add_worker(
        WorkerInfo(
            0, "w", "h", 1, "1", "", tasks, 4, NOW, 0, NOW, 30 * SECOND, '["gpu"]', "1", "r"
        ),
        NOW,
    )


def claim(store: Store, worker: int, slots: int = 1, now: int = NOW, **rest: Any) -> Exchange:
    moves = rest.pop("moves", ())
    order = {"worker": worker, "slots": slots, "free": slots, "tasks": name_list(["t", "u"])}
    return store.exchange(moves, ClaimOrder(**(order | rest)), now)


def ids(answer: Exchange) -> list[int]:
    return [job.id for job in answer.claimed]


def done(answer: Exchange) -> list[states.Move]:
    return [states.finish(job, Done("1"), RetryPolicy(), NOW) for job in answer.claimed]


def test_no_more_run_at_once_than_may(store: Store, worker: int) -> None:
    store.limits.set(TASK, 2, None, NOW)
    limited = store.submit([new() for _ in range(5)], NOW)
    others = store.submit([new(task="u") for _ in range(3)], NOW)
    first = claim(store, worker, 4)
    assert sorted(ids(first)) == [*limited[:2], *others[:2]]
    assert first.counted
    second = claim(store, worker, 4)
    assert ids(second) == [others[2]]
    third = claim(store, worker, 4, moves=done(first)[:1])
    assert len(ids(third)) == 1 and ids(third)[0] in limited
    assert claim(store, worker, 4).claimed == []
    store.limits.set(TASK, None, None, NOW)
    assert len(claim(store, worker, 4).claimed) == 2
    assert store.limits.all() == []


def test_what_runs_elsewhere_counts(store: Store, worker: int) -> None:
    store.limits.set(QUEUE, 3, None, NOW)
    store.submit([new(queue="mail") for _ in range(5)], NOW)
    assert len(claim(store, worker, 2).claimed) == 2
    other = store.add_worker(WorkerInfo(0, "v", "h", 2, "2", "", '["t"]', 4, NOW, 0, NOW, 1), NOW)
    assert len(claim(store, other, 2).claimed) == 1
    assert len(claim(store, other, 2).claimed) == 0


def test_a_limit_on_all_work(store: Store, worker: int) -> None:
    store.limits.set(EVERYTHING, 3, None, NOW)
    store.submit([new(queue=f"q{n}", task="tu"[n % 2]) for n in range(6)], NOW)
    assert len(claim(store, worker, 2).claimed) == 2
    assert len(claim(store, worker, 6).claimed) == 1


def test_a_rate_spreads_the_starts(store: Store, worker: int) -> None:
    store.limits.set(TASK, None, Rate.parse("10/s"), NOW)
    store.submit([new() for _ in range(5)], NOW)
    [other] = store.submit([new(task="u", priority=90)], NOW)
    first = claim(store, worker, 9)
    assert len(first.claimed) == 2 and other in ids(first)
    assert first.opens_at == NOW + 100_000 - SLACK
    assert claim(store, worker, 9, NOW + 40_000).claimed == []
    assert len(claim(store, worker, 9, first.opens_at).claimed) == 1
    assert len(claim(store, worker, 9, NOW + 10 * SECOND).claimed) == 1


def test_a_rate_that_is_said_again_goes_on_where_it_is(store: Store, worker: int) -> None:
    """A program that says it when it is started must not start a job each time."""
    store.limits.set(TASK, None, Rate.parse("1/d"), NOW)
    store.submit([new() for _ in range(3)], NOW)
    assert len(claim(store, worker, 9).claimed) == 1
    store.limits.set(TASK, None, Rate.parse("1/d"), NOW)
    store.limits.declare([Limit("task", "t", 5, *Rate.parse("1/d"))], NOW)
    assert claim(store, worker, 9, NOW + SECOND).claimed == []
    store.limits.set(TASK, None, Rate.parse("1/s"), NOW)
    assert len(claim(store, worker, 9, NOW + SECOND).claimed) == 1


def test_a_paused_queue_lets_nothing_start_and_stands_in_nobodys_way(
    store: Store, worker: int
) -> None:
    mail = store.submit([new(queue="mail", tenant=f"{n % 100}") for n in range(300)], NOW)
    [other] = store.submit([new()], NOW)
    assert store.limits.pause(QUEUE, "provider down", NOW)
    assert not store.limits.pause(QUEUE, "again", NOW)
    assert ids(claim(store, worker, 9)) == [other]
    [limit] = store.limits.all()
    assert (limit.paused_at, limit.reason) == (NOW, "provider down")
    assert store.limits.resume(QUEUE, NOW)
    assert not store.limits.resume(QUEUE, NOW)
    assert set(ids(claim(store, worker, 300))) == set(mail)
    kinds = [event.kind for event in store.events() if event.kind.startswith("limit.")]
    assert kinds == ["limit.paused", "limit.resumed"]


def test_all_work_paused(store: Store, worker: int) -> None:
    store.submit([new(), new(task="u", queue="mail")], NOW)
    store.limits.pause(EVERYTHING, "", NOW)
    assert claim(store, worker, 9).claimed == []
    store.limits.resume(EVERYTHING, NOW)
    assert len(claim(store, worker, 9).claimed) == 2


def test_a_limit_set_while_jobs_wait_holds_for_them(store: Store, worker: int) -> None:
    jobs = store.submit([new() for _ in range(9)], NOW)
    [behind] = store.submit([new(task="u")], NOW)
    store.limits.set(TASK, 1, None, NOW)
    assert ids(claim(store, worker, 5)) == [jobs[0], behind]


def test_what_a_limit_leaves_free_goes_to_others_and_no_more(store: Store, worker: int) -> None:
    tasks = ["t", "t", "u", "u", "u"]
    jobs = store.submit([new(task=task) for task in tasks], NOW)
    store.limits.set(TASK, 1, None, NOW)
    assert ids(claim(store, worker, 3)) == [jobs[0], jobs[2], jobs[3]]


def test_urgent_before_limited(store: Store, worker: int) -> None:
    store.limits.set(EVERYTHING, 1, None, NOW)
    store.submit([new(), new(task="u")], NOW)
    [urgent] = store.submit([new(priority=0)], NOW)
    assert ids(claim(store, worker, 5)) == [urgent]


def test_what_the_code_says_holds_until_a_person_says_otherwise(store: Store) -> None:
    said = Limit("task", "t", 3)
    store.limits.declare([said, Limit("task", "u")], NOW)
    assert [limit.concurrency for limit in store.limits.all()] == [3]
    store.limits.set(TASK, 5, None, NOW)
    store.limits.declare([said], NOW)
    assert [limit.concurrency for limit in store.limits.all()] == [5]
    store.limits.declare([Limit("task", "t", 4)], NOW)
    assert [limit.concurrency for limit in store.limits.all()] == [4]
    store.limits.pause(TASK, "", NOW)
    store.limits.declare([Limit("task", "t")], NOW)
    [limit] = store.limits.all()
    assert (limit.concurrency, limit.paused_at, limit.declared) == (None, NOW, None)
    store.limits.resume(TASK, NOW)
    assert store.limits.all() == []


def test_first_come_first_served_over_all_queues_of_nobody(store: Store, worker: int) -> None:
    wanted = store.submit([new(queue=f"q{9 - n % 10}", task="tu"[n % 2]) for n in range(40)], NOW)
    got = [ids(claim(store, worker, 7)) for _ in range(6)]
    assert [job_id for some in got for job_id in some] == wanted


def test_tenants_take_turns(store: Store, worker: int) -> None:
    store.submit_alike(new(tenant="big"), ["[[],{}]"] * 2_000, NOW)
    [small] = store.submit([new(tenant="small")], NOW)
    assert small in ids(claim(store, worker, 2))
    rounds = 0
    [small] = store.submit([new(tenant="a small one")], NOW)
    [nobodys] = store.submit([new()], NOW)
    got: list[int] = []
    while not {small, nobodys} <= set(got):
        rounds += 1
        got += ids(claim(store, worker, 1))
    assert rounds <= 3


@pytest.mark.parametrize("slots", [1, 7, 100])
def test_hundreds_of_tenants_get_their_turn(store: Store, worker: int, slots: int) -> None:
    count = 150 if NIGHTLY else 40
    tenants = [f"tenant {n}" for n in range(count)]
    store.submit([new(tenant=tenant) for _ in range(3) for tenant in tenants], NOW)
    [low] = store.submit([new(priority=90)], NOW)
    served: list[str] = []
    while len(served) < 3 * count:
        for job_id in ids(claim(store, worker, slots)):
            if job_id != low:
                job = store.job(job_id)
                assert job is not None and job.tenant is not None
                served.append(job.tenant)
        if len(served) >= 2 * count:
            assert min(Counter(served).values()) >= 1  # nobody waits for the third of another
    assert Counter(served) == dict.fromkeys(tenants, 3)
    assert low in ids(claim(store, worker, 2)) or store.job(low).state == "running"  # type: ignore[union-attr]


@pytest.mark.parametrize("in_front", [1, 63, 64])
def test_what_others_will_run_changes_nobodys_turn(
    store: Store, worker: int, in_front: int
) -> None:
    """The lines are read in pages; those of one priority take turns on whichever page they are."""
    store.submit([new(task="v", priority=0, tenant=f"{n}") for n in range(in_front)], NOW)
    tenants = [f"tenant {n:03}" for n in range(70)]
    wanted = store.submit([new(tenant=tenant) for tenant in tenants for _ in range(2)], NOW)[::2]
    got = [ids(claim(store, worker, 10)) for _ in range(7)]
    assert [job_id for some in got for job_id in some] == wanted


def test_a_tenant_with_little_leaves_its_share_to_the_others(store: Store, worker: int) -> None:
    [small] = store.submit([new(tenant="small")], NOW)
    big = store.submit([new(tenant="big") for _ in range(9)], NOW)
    assert sorted(ids(claim(store, worker, 6))) == [small, *big[:5]]


def test_the_next_turn_is_of_who_comes_after_the_last_one(store: Store, worker: int) -> None:
    jobs = {name: store.submit([new(tenant=name) for _ in range(4)], NOW) for name in "abc"}
    whose = {job_id: name for name, some in jobs.items() for job_id in some}
    got = [ids(claim(store, worker, 2)) for _ in range(6)]
    assert ["".join(whose[job_id] for job_id in some) for some in got] == ["ab", "ca", "bc"] * 2


def test_a_hundred_shut_lines_hide_nothing(store: Store, worker: int) -> None:
    store.limits.pause(TASK, "", NOW)
    store.submit([new(tenant=f"{n}") for n in range(150)], NOW)
    [low] = store.submit([new(task="u", priority=90)], NOW)
    assert ids(claim(store, worker, 2)) == [low]


def test_the_tenant_is_kept(store: Store, worker: int) -> None:
    [job_id] = store.submit([new(tenant="ann")], NOW)
    job = store.job(job_id)
    assert job is not None and job.tenant == "ann"
    [known] = store.workers()
    assert (known.labels, known.version, known.release) == ('["gpu"]', "1", "r")
