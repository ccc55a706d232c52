"""Claims under any limits, tenants and queues: what they bring, and what they leave behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import NIGHTLY
from tests.servers import empty

from offhours.core.limits import EVERYTHING, Limit, Rate, subjects_of
from offhours.core.model import NewJob, WorkerInfo
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.times import SECOND
from offhours.store.postgres.database import PostgresDatabase
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase

NOW = 1_800_000_000 * SECOND
TASKS, QUEUES, TENANTS = ["t", "u", "v"], ["default", "mail"], [None, None, "a", "b", "c"]
SUBJECTS = [EVERYTHING, *(("queue", q) for q in QUEUES), *(("task", t) for t in TASKS)]

jobs = st.lists(
    st.tuples(
        st.sampled_from(TASKS),
        st.sampled_from([0, 50, 50, 50, 90]),
        st.sampled_from(QUEUES),
        st.sampled_from(TENANTS),
    ).map(lambda of: NewJob(of[0], "[[],{}]", of[1], NOW, 1, queue=of[2], tenant=of[3])),
    max_size=25,
)
limits = st.dictionaries(
    st.sampled_from(SUBJECTS),
    st.one_of(
        st.tuples(st.just("concurrency"), st.integers(1, 6)),
        st.tuples(st.just("rate"), st.sampled_from([Rate(1, SECOND), Rate(100, SECOND)])),
        st.tuples(st.just("pause"), st.none()),
    ),
    max_size=3,
)
orders = st.lists(
    st.tuples(
        st.integers(1, 8),
        st.sampled_from([TASKS, ["t", "u"]]),
        st.sampled_from([None, ["mail"], QUEUES]),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


Order = tuple[int, list[str], list[str] | None]


def room_of(found: list[Limit], running: Counter[Any]) -> Callable[[NewJob], int]:
    """How many jobs like this one may still start, said in the plainest way."""

    def room(job: NewJob) -> int:
        left = 1_000
        for limit in found:
            if limit.subject in subjects_of(job.task, job.queue):
                if limit.paused_at is not None:
                    left = 0
                if limit.concurrency is not None:
                    left = min(left, limit.concurrency - running[limit.subject])
                if limit.rate is not None and limit.next_at > NOW + 50_000:
                    left = 0
        return left

    return room


any_claims = given(first=jobs, wanted=limits, more=jobs, orders=orders)


@settings(max_examples=300 if NIGHTLY else 150)
@any_claims
def test_a_claim_takes_all_that_may_start_and_nothing_else(
    first: list[NewJob], wanted: dict[Any, Any], more: list[NewJob], orders: list[Order]
) -> None:
    with closing(SqlStore(SqliteDatabase(":memory:"))) as store:
        takes_all_that_may_start(store, first, wanted, more, orders)


@settings(max_examples=30 if NIGHTLY else 10)
@any_claims
def test_so_it_does_on_postgres(
    schema_made_once: str, first: list[NewJob], wanted: dict[Any, Any], more: list[NewJob],
    orders: list[Order],
) -> None:  # fmt: skip
    empty(schema_made_once)
    with closing(SqlStore(PostgresDatabase(schema_made_once))) as store:
        takes_all_that_may_start(store, first, wanted, more, orders)


def takes_all_that_may_start(
    store: SqlStore,
    first: list[NewJob],
    wanted: dict[Any, Any],
    more: list[NewJob],
    orders: list[Order],
) -> None:
    worker = store.add_worker(WorkerInfo(0, "w", "h", 1, "1", "", "[]", 9, NOW, 0, NOW, 1), NOW)
    waiting = dict(zip(store.submit(first, NOW), first, strict=True))
    older = set(waiting)
    for subject, (kind, value) in wanted.items():
        if kind == "pause":
            store.limits.pause(subject, "", NOW)
        else:
            store.limits.set(subject, *((value, None) if kind == "concurrency" else (None, value)),
                             NOW)  # fmt: skip
    waiting |= dict(zip(store.submit(more, NOW), more, strict=True))
    running: Counter[Any] = Counter()
    for slots, tasks, queues in orders:
        before = store.limits.all()
        order = ClaimOrder(worker, slots, slots, name_list(tasks),
                           queues=None if queues is None else name_list(queues))  # fmt: skip
        answer = store.exchange([], order, NOW)
        assert len(answer.claimed) <= slots
        taken = [(found.id, waiting.pop(found.id)) for found in answer.claimed]
        started: Counter[Any] = Counter()
        for _, job in taken:
            assert job.task in tasks and (queues is None or job.queue in queues)
            started.update(subjects_of(job.task, job.queue))
        running.update(started)
        for limit in before:
            if started[limit.subject]:
                assert limit.paused_at is None
                assert limit.concurrency is None or running[limit.subject] <= limit.concurrency
                assert limit.rate is None or started[limit.subject] <= 50_000 // limit.rate.each + 1

        room = room_of(store.limits.all(), running)
        left = {
            number: job
            for number, job in waiting.items()
            if job.task in tasks and (queues is None or job.queue in queues) and room(job) > 0
        }
        if len(taken) < slots:
            assert not left
        for number, job in left.items():
            # With room still left for it, nothing less urgent may have been taken in its stead,
            # and nothing younger of the same line (a limit opens one for those that come after).
            assert all(other.priority <= job.priority for _, other in taken)
            assert all(
                other_number < number
                for other_number, other in taken
                if (other.priority, other.tenant, other.task, other.queue, other_number in older)
                == (job.priority, job.tenant, job.task, job.queue, number in older)
            )
