"""What every store promises: order, guards, events in the move's transaction, retention."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from offhours.core import states
from offhours.core.admission import BackgroundLimits
from offhours.core.errors import InputError, QueueFull, StoreClosed
from offhours.core.events import fold
from offhours.core.model import JobState, NewJob, WorkerInfo
from offhours.core.outcomes import Deferred, Done, Failed
from offhours.core.ports import ClaimOrder, Exchange, QueueBound, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.terms import Terms
from offhours.core.times import DAY, SECOND

NOW = 1_800_000_000 * SECOND
TASKS = json.dumps(["t"])


def new(**changes: Any) -> NewJob:
    return NewJob(task="t", args="[[],{}]", priority=50, run_at=NOW, max_attempts=3)._replace(
        **changes
    )


def add_worker(store: Store, slots: int = 4) -> int:
    info = WorkerInfo(0, "w", "h", 1, "1", "", TASKS, slots, NOW, 0, NOW, 30 * SECOND)
    return store.add_worker(info, NOW)


def claim(store: Store, worker: int, slots: int = 1, now: int = NOW, **rest: Any) -> Exchange:
    moves = rest.pop("moves", ())
    values = {"worker": worker, "slots": slots, "free": slots, "tasks": name_list(["t"])} | rest
    return store.exchange(moves, ClaimOrder(**values), now)


def test_submit_and_read_back(store: Store) -> None:
    wanted = new(
        args='[[1],{"a":"ä"}]', priority=10, queue="q", timeout=5, name="n", metadata='{"k":1}',
        on_lost="fail", max_attempts=7,
    )  # fmt: skip
    [job_id] = store.submit([wanted], NOW)
    job = store.job(job_id)
    assert job is not None
    assert {name: getattr(job, name) for name in NewJob._fields} == wanted._asdict()
    assert (job.state, job.attempt, job.created_at) == (JobState.PENDING, 0, NOW)
    assert store.job(job_id + 1) is None


def test_half_a_character_is_refused_and_hurts_nobody(store: Store) -> None:
    with pytest.raises(InputError, match=r"'.ud800' is half a character"):
        store.submit([new(name="a\ud800")], NOW)
    with pytest.raises(InputError, match="is half a character"):
        store.jobs(task="\ud800")
    assert store.submit([new()], NOW) == [1] and len(store.jobs()) == 1


def test_bulk_submit_numbers_in_order(store: Store) -> None:
    first = store.submit([new()], NOW)
    pattern = new(priority=10, name="ä", metadata='{"k":1}', timeout=5, run_at=NOW + 1)
    arguments = [f'[["{n} \\"ä\\u0001"],{{}}]' for n in range(2_500)]
    ids = store.submit_alike(pattern, arguments, NOW)
    assert ids == list(range(first[0] + 1, first[0] + 2_501))
    for number in (0, 999, 1_000, 2_499):
        job = store.job(ids[number])
        assert job is not None
        wanted = pattern._replace(args=arguments[number])
        assert {name: getattr(job, name) for name in NewJob._fields} == wanted._asdict()
    assert len(store.events(limit=10_000)) == 2_501
    assert store.submit_alike(pattern, [], NOW) == []
    assert store.submit([], NOW) == []


def test_claims_by_priority_then_age(store: Store) -> None:
    priorities = [50, 100, 0, 90, 50, 10, 0]
    ids = store.submit([new(priority=p) for p in priorities], NOW)
    worker = add_worker(store)
    order = [claim(store, worker).claimed[0].id for _ in priorities]
    assert order == [ids[n] for n in (2, 6, 5, 0, 4, 3, 1)]
    assert claim(store, worker).claimed == []


def test_a_claim_gives_attempt_and_worker(store: Store) -> None:
    [job_id] = store.submit([new()], NOW)
    worker = add_worker(store)
    [job] = claim(store, worker).claimed
    assert (job.id, job.attempt, job.args) == (job_id, 1, "[[],{}]")
    row = store.job(job_id)
    assert row is not None
    assert (row.state, row.worker, row.begun, row.started_at) == ("running", worker, 1, NOW)


def test_only_what_starts_at_once_has_begun(store: Store) -> None:
    ids = store.submit([new() for _ in range(3)], NOW)
    worker = add_worker(store)
    claim(store, worker, slots=3, free=1)
    assert [store.job(i).begun for i in ids] == [1, 0, 0]
    claim(store, worker, slots=0, begun=[ids[2]])
    assert [store.job(i).begun for i in ids] == [1, 0, 1]


def test_what_has_begun_is_counted_over_all_priorities(store: Store) -> None:
    """Counted for each anew, a crash would be held against jobs that never ran."""
    ids = store.submit([new(priority=p) for p in (10, 50, 50, 90, 90)], NOW)
    worker = add_worker(store)
    assert [job.id for job in claim(store, worker, slots=4, free=2).claimed] == ids[:4]
    assert [store.job(i).begun for i in ids] == [1, 1, 0, 0, 0]


def test_future_jobs_wait_until_due(store: Store) -> None:
    [late, soon] = store.submit([new(run_at=NOW + 9), new(run_at=NOW + 5)], NOW)
    worker = add_worker(store)
    answer = claim(store, worker, slots=5)
    assert (answer.claimed, answer.next_due) == ([], NOW + 5)
    assert [job.id for job in claim(store, worker, slots=5, now=NOW + 5).claimed] == [soon]
    assert [job.id for job in claim(store, worker, slots=5, now=NOW + 9).claimed] == [late]


def test_unknown_tasks_and_other_queues_are_left_alone(store: Store) -> None:
    store.submit([new(task="strange"), new(queue="mail")], NOW)
    worker = add_worker(store)
    assert claim(store, worker, 9, queues=name_list(["default"])).claimed == []
    assert [job.task for job in store.strangers(TASKS)] == ["strange"]
    assert len(claim(store, worker, 9, queues=name_list(["mail", "default"])).claimed) == 1


def test_the_background_class_waits_for_the_foreground(store: Store) -> None:
    ids = store.submit([new(priority=p) for p in (100, 90, 50)], NOW)
    worker = add_worker(store)
    lease = store.enter_foreground("wf", "me", 10 * SECOND, NOW)
    answer = claim(store, worker, 9)
    assert [job.id for job in answer.claimed] == [ids[2]]
    assert (answer.room.reason, answer.room.until) == ("workflow", NOW + 10 * SECOND)
    store.leave_foreground([lease], NOW)
    assert [job.id for job in claim(store, worker, 9).claimed] == [ids[1], ids[0]]


def test_a_foreground_lease_ends_by_itself_and_can_be_renewed(store: Store) -> None:
    lease = store.enter_foreground("wf", "me", 10 * SECOND, NOW)
    store.renew_foreground(lease, "wf", "me", 10 * SECOND, NOW + 8 * SECOND)
    assert [held.workflow for held in store.foreground(NOW + 17 * SECOND)] == ["wf"]
    assert store.foreground(NOW + 18 * SECOND) == []


def test_a_forgotten_lease_is_there_again_when_renewed(store: Store) -> None:
    """Its holder was suspended; meanwhile somebody else entered and swept it away."""
    lease = store.enter_foreground("wf", "me", SECOND, NOW)
    later = NOW + 60 * SECOND
    store.leave_foreground([store.enter_foreground("other", "you", SECOND, later)], later)
    assert store.foreground(later) == []
    store.renew_foreground(lease, "wf", "me", SECOND, later)
    assert [held.id for held in store.foreground(later)] == [lease]


def test_a_lease_is_seen_by_a_reader_whose_clock_reading_is_a_little_older(store: Store) -> None:
    store.enter_foreground("wf", "me", 10 * SECOND, NOW)
    assert len(store.foreground(NOW - 1)) == 1


def test_a_lease_from_the_future_holds_nothing(store: Store) -> None:
    """The clock was set back by an hour after the holder died."""
    store.enter_foreground("wf", "me", 10 * SECOND, NOW + 3600 * SECOND)
    assert store.foreground(NOW) == []


def test_at_most_so_many_background_jobs(store: Store) -> None:
    store.submit([new(priority=100) for _ in range(5)] + [new()], NOW)
    worker = add_worker(store)
    limits = BackgroundLimits(limit=2)
    answer = claim(store, worker, 9, limits=limits)
    assert [job.priority for job in answer.claimed] == [50, 100, 100]
    assert claim(store, worker, 9, limits=limits).claimed == []
    done = states.finish(answer.claimed[1], Done("1"), RetryPolicy(), NOW)
    assert len(claim(store, worker, 9, limits=limits, moves=[done]).claimed) == 1


def test_low_work_is_background_work_too(store: Store) -> None:
    store.submit([new(priority=p) for p in (90, 90, 100, 100)], NOW)
    worker = add_worker(store)
    throttled = BackgroundLimits(throttle=SECOND, limit=3)
    assert [job.priority for job in claim(store, worker, 9, limits=throttled).claimed] == [90]
    assert claim(store, worker, 9, limits=throttled).room.reason == "throttled"
    limits = BackgroundLimits(limit=3)
    assert [job.priority for job in claim(store, worker, 9, limits=limits).claimed] == [90, 100]
    assert claim(store, worker, 9, limits=limits).room.reason == "limit"


def test_background_starts_keep_their_distance(store: Store) -> None:
    store.submit([new(priority=100) for _ in range(3)], NOW)
    worker = add_worker(store)
    limits = BackgroundLimits(throttle=SECOND)
    assert len(claim(store, worker, 9, limits=limits).claimed) == 1
    held = claim(store, worker, 9, limits=limits)
    assert (held.claimed, held.room.reason, held.room.until) == ([], "throttled", NOW + SECOND)
    assert len(claim(store, worker, 9, now=NOW + SECOND, limits=limits).claimed) == 1


def test_urgent_starts_neither_hide_a_background_start_nor_count_as_one(store: Store) -> None:
    urgent, *background = store.submit([new(priority=p) for p in (0, 100, 100, 100)], NOW)
    worker = add_worker(store)
    limits = BackgroundLimits(throttle=SECOND)
    first = claim(store, worker, 9, limits=limits).claimed
    assert [job.id for job in first] == [urgent, background[0]]
    half = NOW + SECOND // 2
    store.submit([new(priority=0, run_at=half)], half)
    assert [job.priority for job in claim(store, worker, 9, now=half, limits=limits).claimed] == [0]
    second = claim(store, worker, 9, now=NOW + SECOND, limits=limits).claimed
    assert [job.id for job in second] == background[1:2]
    assert claim(store, worker, 9, now=half + SECOND, limits=limits).claimed == []


def test_a_stale_result_is_refused_and_told(store: Store) -> None:
    store.submit([new() for _ in range(3)], NOW)
    first, second = add_worker(store), add_worker(store)
    jobs = claim(store, first, 3).claimed
    [old] = [w for w in store.workers() if w.id == first]
    decide = lambda held: states.rescue(held, 4, NOW, "gone")
    assert store.bury(old, decide, NOW, "gone")
    again = claim(store, second, 3).claimed
    assert [job.attempt for job in again] == [2, 2, 2]
    stale = [states.finish(job, Done("1"), RetryPolicy(), NOW) for job in jobs]
    fresh = states.finish(again[1], Done("2"), RetryPolicy(), NOW)
    assert store.apply([stale[0], fresh, stale[2]], NOW) == [stale[0], stale[2]]
    assert [store.job(job.id).state for job in jobs] == ["running", "succeeded", "running"]
    refused = [e for e in store.events(limit=1000) if e.kind == "job.result_refused"]
    assert [e.job_id for e in refused] == [jobs[0].id, jobs[2].id]


def test_a_dead_worker_claims_nothing(store: Store) -> None:
    store.submit([new()], NOW)
    worker = add_worker(store)
    store.remove_worker(worker, NOW)
    answer = claim(store, worker)
    assert (answer.alive, answer.claimed) == (False, [])
    assert not store.beat(worker, NOW, TASKS)


def test_a_sign_of_life_stops_the_burial(store: Store) -> None:
    worker = add_worker(store)
    [seen] = store.workers()
    assert store.beat(worker, NOW, TASKS)
    assert not store.bury(seen, lambda jobs: [], NOW, "silence")
    assert [w.id for w in store.workers()] == [worker]


def test_worker_numbers_are_never_given_again(store: Store) -> None:
    first = add_worker(store)
    store.remove_worker(first, NOW)
    assert add_worker(store) > first


def test_outcomes_and_claims_share_a_transaction(store: Store) -> None:
    [one, two] = store.submit([new(), new()], NOW)
    worker = add_worker(store)
    [job] = claim(store, worker).claimed
    done = states.finish(job, Done('"yes"'), RetryPolicy(), NOW)
    assert [job.id for job in claim(store, worker, moves=[done]).claimed] == [two]
    row = store.job(one)
    assert row is not None
    assert (row.state, row.result, row.worker, row.finished_at) == (
        "succeeded", '"yes"', None, NOW,
    )  # fmt: skip


def test_retry_and_deferral_come_back(store: Store) -> None:
    store.submit([new(), new()], NOW)
    worker = add_worker(store)
    one, two = claim(store, worker, 2).claimed
    moves = [
        states.finish(one, Failed("error", "boom\nline", after=SECOND), RetryPolicy(), NOW),
        states.finish(two, Deferred(NOW + 2 * SECOND, "later"), RetryPolicy(), NOW),
    ]
    assert claim(store, worker, 2, moves=moves).next_due == NOW + SECOND
    again = claim(store, worker, 2, now=NOW + 2 * SECOND).claimed
    assert [(job.id, job.attempt, job.spent) for job in again] == [(one.id, 2, 2), (two.id, 2, 1)]
    assert store.job(one.id).error == "boom\nline"


def test_cancel_marks_outlive_the_worker(store: Store) -> None:
    [job_id] = store.submit([new()], NOW)
    worker = add_worker(store)
    claim(store, worker)
    assert store.ask_cancel(job_id, 1, NOW, "enough")
    assert not store.ask_cancel(job_id, 1, NOW, "again")
    assert store.cancel_marks(worker) == [job_id]
    [info] = store.workers()
    store.bury(info, lambda jobs: states.rescue(jobs, 4, NOW, "gone"), NOW, "gone")
    assert store.job(job_id).state is JobState.CANCELLED


def test_progress_belongs_to_the_attempt(store: Store) -> None:
    [job_id] = store.submit([new()], NOW)
    worker = add_worker(store)
    claim(store, worker)
    assert store.save_progress(job_id, 1, '{"fraction":0.5}', NOW)
    assert not store.save_progress(job_id, 2, '{"fraction":0.6}', NOW)
    assert store.job(job_id).progress == '{"fraction":0.5}'


def test_unique_keys_hold_while_unfinished(store: Store) -> None:
    [first] = store.submit([new(unique_key="k")], NOW)
    assert store.submit([new(unique_key="k"), new(unique_key="other")], NOW)[0] == first
    worker = add_worker(store)
    job = claim(store, worker).claimed[0]
    assert store.submit([new(unique_key="k")], NOW) == [first]
    store.apply([states.finish(job, Done("1"), RetryPolicy(), NOW)], NOW)
    assert store.submit([new(unique_key="k")], NOW)[0] > first


def test_a_bounded_queue_refuses_all_or_none(store: Store) -> None:
    bound = QueueBound(3, "refuse")
    store.submit([new(), new(run_at=NOW + DAY)], NOW, bound)
    with pytest.raises(QueueFull, match="3 jobs"):
        store.submit([new(), new()], NOW, bound)
    assert len(store.jobs()) == 2
    assert len(store.events()) == 2


def test_a_full_queue_sheds_the_least_urgent(store: Store) -> None:
    bound = QueueBound(2, "shed")
    low, lowest = store.submit([new(priority=90), new(priority=100)], NOW)
    [urgent] = store.submit([new(priority=0)], NOW, bound)
    assert store.job(lowest).state is JobState.CANCELLED
    assert "shed" in store.job(lowest).reason
    with pytest.raises(QueueFull):
        store.submit([new(priority=90)], NOW, bound)
    assert [j.id for j in store.jobs(state=JobState.PENDING)] == [urgent, low]


def test_parked_and_released(store: Store) -> None:
    [job_id] = store.submit([new(task="strange")], NOW)
    [stranger] = store.strangers(TASKS)
    assert store.apply([states.park(stranger)], NOW) == []
    assert store.job(job_id).state is JobState.HELD
    assert store.parked(TASKS) == []
    [job] = store.parked('["strange"]')
    store.apply([states.release(job, NOW)], NOW)
    worker = add_worker(store)
    assert [j.id for j in claim(store, worker, tasks=name_list(["strange"])).claimed] == [job_id]


def test_events_are_read_by_cursor_and_fold_into_the_table(store: Store) -> None:
    store.submit([new() for _ in range(30)], NOW)
    worker = add_worker(store)
    jobs = claim(store, worker, 20).claimed
    store.apply([states.finish(job, Done("1"), RetryPolicy(), NOW) for job in jobs[:10]], NOW)
    seen, after = [], 0
    while page := store.events(after, limit=7):
        seen += page
        after = page[-1].seq
    assert [e.seq for e in seen] == sorted({e.seq for e in seen})
    assert store.last_seq() == after
    assert fold(seen) == {job.id: job.state for job in store.jobs(limit=100)}
    counts = store.counts()
    assert (counts["ready"], counts["running"], counts["succeeded"]) == (10, 10, 10)
    assert [e.kind for e in store.history(jobs[0].id)] == ["job.started", "job.succeeded"]


def test_pruning_is_bounded_and_spares_what_is_active(store: Store) -> None:
    store.submit([new() for _ in range(20)], NOW)
    worker = add_worker(store)
    jobs = claim(store, worker, 15).claimed
    store.apply([states.finish(job, Done("1"), RetryPolicy(), NOW) for job in jobs[:12]], NOW)
    assert store.prune(NOW, 1000, 5, NOW).jobs == 0
    assert store.prune(NOW + 1, 1000, 5, NOW).jobs == 5
    assert store.prune(NOW + 1, 1000, 100, NOW).jobs == 7
    assert store.counts() | {"succeeded": 0} == store.counts()
    assert len(store.jobs(limit=100)) == 8


def test_pruning_by_number_keeps_the_newest(store: Store) -> None:
    store.submit([new() for _ in range(10)], NOW)
    worker = add_worker(store)
    for n, job in enumerate(claim(store, worker, 10).claimed):
        store.apply([states.finish(job, Done("1"), RetryPolicy(), NOW)], NOW + n)
    store.prune(0, 4, 100, NOW)
    assert len(store.jobs(limit=100)) == 4


def test_numbers_are_not_given_again_after_pruning(store: Store) -> None:
    worker = add_worker(store)
    [first] = store.submit([new()], NOW)
    [job] = claim(store, worker).claimed
    store.apply([states.finish(job, Done("1"), RetryPolicy(), NOW)], NOW)
    store.prune(NOW + DAY, 0, 100, NOW)
    assert store.submit([new()], NOW)[0] > first
    seq = store.last_seq()
    store.prune(NOW + DAY, 0, 100, NOW)
    assert store.last_seq() >= seq


def test_many_threads_submit_at_once(store: Store) -> None:
    ids: list[int] = []

    def some() -> None:
        for _ in range(25):
            ids.extend(store.submit([new()], NOW))

    threads = [threading.Thread(target=some) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 400
    assert store.counts()["ready"] == 400


def test_one_failure_in_a_shared_commit_fails_alone(store: Store) -> None:
    """Some refused submits among good ones, in the same group commits."""
    bound, refused, stored = QueueBound(40, "refuse"), [], []

    def some() -> None:
        for _ in range(10):
            try:
                stored.extend(store.submit([new()], NOW, bound))
            except QueueFull:
                refused.append(1)

    threads = [threading.Thread(target=some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(stored)), len(refused)) == (40, 40)


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(StoreClosed):
        store.submit([new()], NOW)


def test_facts_of_jobs_and_the_heads_of_the_lines(store: Store) -> None:
    add_worker(store)
    first, *_ = store.submit(
        [new(), new(name="n"), new(queue="q"), new(queue="q", tenant="a")], NOW
    )
    [late, later] = store.submit([new(run_at=NOW + 9), new(run_at=NOW + 7)], NOW)
    facts = {fact.id: fact for fact in store.facts([first + 1, later, 999])}
    assert facts.keys() == {first + 1, later}
    assert (facts[first + 1].task, facts[first + 1].name) == ("t", "n")
    assert (facts[later].run_at, facts[later].started_at, facts[later].schedule_id) == (
        NOW + 7, None, None,
    )  # fmt: skip
    assert sorted(job.id for job in store.heads(NOW)) == [first, first + 2, first + 3]
    assert sorted(job.id for job in store.heads(NOW + 8)) == [first, first + 2, first + 3, later]
    assert later in [job.id for job in store.heads(NOW + 20)] and late > 0
    assert [job.id for job in store.heads(NOW, most=1)] == [first]
    assert store.facts([]) == []


def test_there_are_no_heads_where_there_are_no_jobs(store: Store) -> None:
    assert store.heads(NOW) == []


def test_old_jobs_move_up_once_and_stay_in_their_class(store: Store) -> None:
    young, old = NOW + SECOND, NOW
    wanted = [(100, old), (90, old), (50, old), (10, old), (0, old), (100, young), (50, young)]
    ids = [store.submit([new(priority=p, run_at=at)], young)[0] for p, at in wanted]
    assert store.age(NOW, 100, young) == 2
    found = [store.job(job_id) for job_id in ids]
    assert [job and job.priority for job in found] == [90, 90, 10, 10, 0, 100, 50]
    assert store.age(NOW, 100, young) == 0


def test_an_idempotency_key_is_kept_as_long_as_its_job(store: Store) -> None:
    worker = add_worker(store)
    done, waiting = "done", "waiting"
    [first] = store.submit([new()], NOW, None, Terms(once=done))
    [job] = claim(store, worker).claimed
    store.apply([states.finish(job, Done("1"), RetryPolicy(), NOW)], NOW)
    [second] = store.submit([new(args="[[1],{}]")], NOW, None, Terms(once=waiting))
    assert (store.job_of_key(done), store.job_of_key(waiting)) == (first, second)
    assert store.job_of_key("another") is None
    store.prune(NOW + DAY, 1000, 100, NOW + 2 * DAY)
    assert (store.job_of_key(done), store.job_of_key(waiting)) == (None, second)
