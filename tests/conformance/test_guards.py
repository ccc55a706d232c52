"""A change meets the job, the attempt, the worker and the moment that it means, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offhours.core import states
from offhours.core.here import actor
from offhours.core.limits import Limit, Rate
from offhours.core.model import Job, NewJob, WorkerInfo
from offhours.core.outcomes import Done, Failed
from offhours.core.ports import ClaimOrder, Exchange, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.times import SECOND

NOW = 1_800_000_000 * SECOND
LATER = NOW + 9 * SECOND


def new(**changes: Any) -> NewJob:
    return NewJob("t", "[[],{}]", 50, NOW, 3)._replace(**changes)


def add_worker(store: Store) -> int:
    info = WorkerInfo(0, "w", "h", 1, "1", "", '["t"]', 4, NOW, 0, NOW, 30 * SECOND)
    return store.add_worker(info, NOW)


def claim(store: Store, worker: int, slots: int = 9, now: int = NOW, **rest: Any) -> Exchange:
    order = {"worker": worker, "slots": slots, "free": slots, "tasks": name_list(["t"])} | rest
    return store.exchange([], ClaimOrder(**order), now)


def ids(answer: Exchange) -> list[int]:
    return [job.id for job in answer.claimed]


def job(store: Store, job_id: int) -> Job:
    found = store.job(job_id)
    assert found is not None
    return found


def finish(store: Store, job_id: int, outcome: Any, now: int = NOW) -> None:
    move = states.finish(job(store, job_id), outcome, RetryPolicy(jitter=0), now)  # type: ignore[arg-type]
    assert store.apply([move], now) == []


@pytest.fixture
def worker(store: Store) -> int:
    return add_worker(store)


@pytest.fixture
def other(store: Store, worker: int) -> int:
    return add_worker(store)


# -- what a claim takes --------------------------------------------------------------------


def test_a_claim_passes_by_what_has_expired_and_what_it_cannot_run(
    store: Store, worker: int
) -> None:
    in_time, over, just_over, strange, last = (
        store.submit([new(**changes)], NOW)[0]
        for changes in (
            {"expires_at": NOW + 1}, {"expires_at": NOW - 1}, {"expires_at": NOW},
            {"task": "strange"}, {},
        )
    )  # fmt: skip
    assert ids(claim(store, worker)) == [in_time, last]
    assert [job(store, job_id).state for job_id in (over, just_over, strange)] == ["pending"] * 3


def test_a_claim_says_why_no_more_and_when_anew(store: Store, worker: int) -> None:
    [job_id] = store.submit([new()], NOW)
    claim(store, worker)
    store.apply(states.rescue([job(store, job_id)], 1, NOW, "gone"), NOW)
    waiting = job(store, job_id)
    assert (waiting.code, waiting.reason) == ("worker_lost", "gone")
    assert (waiting.worker, waiting.begun, waiting.finished_at) == (None, 0, None)
    assert store.counts()["ready"] == 1
    claim(store, worker, now=LATER)
    again = job(store, job_id)
    assert (again.code, again.reason, again.started_at, again.attempt) == (None, None, LATER, 2)
    finish(store, job_id, Done("1"), LATER + 1)
    assert job(store, job_id).finished_at == LATER + 1


def test_each_is_of_its_own_line_and_priority(store: Store, worker: int) -> None:
    for tenant in ("b", None, "a"):
        for priority in (50, 10, 90):
            for queue in ("y", "x"):
                store.submit([new(tenant=tenant, priority=priority, queue=queue)], NOW)
    got = [ids(claim(store, worker, 1))[0] for _ in range(18)]
    assert len(set(got)) == 18
    assert [job(store, job_id).priority for job_id in got] == [10] * 6 + [50] * 6 + [90] * 6


def test_only_queues_that_are_wanted_are_looked_into(store: Store, worker: int) -> None:
    for queue in ("a", "b", "c", "d"):
        store.submit([new(queue=queue, tenant=tenant) for tenant in ("x", "y", "z")], NOW)
    wanted = name_list(["b", "d"])
    found = ids(claim(store, worker, 5, queues=wanted))
    found += ids(claim(store, worker, 5, queues=wanted))
    assert sorted(job(store, job_id).queue for job_id in found) == ["b"] * 3 + ["d"] * 3
    store.limits.pause(("queue", "a"), "", NOW)
    assert {job(store, i).queue for i in ids(claim(store, worker))} == {"c"}
    more = [(10, "a"), (50, "b"), (90, "b"), (50, "c"), (90, "d")]
    jobs = [store.submit([new(priority=p, queue=q)], NOW)[0] for p, q in more]
    assert ids(claim(store, worker, queues=wanted, below=50)) == []
    got = [ids(claim(store, worker, 1, queues=wanted)) for _ in range(4)]
    assert got == [[jobs[n]] for n in (1, 2, 4)] + [[]]


@pytest.mark.parametrize("below", [10, 50, 51])
def test_only_what_is_below_the_wish(store: Store, worker: int, below: int) -> None:
    [alone] = store.submit([new()], NOW)
    assert ids(claim(store, worker, below=below)) == [alone] * (below == 51)
    for tenant in (None, "a", "b"):
        store.submit([new(priority=p, tenant=tenant) for p in (10, 50)], NOW)
    found = {job(store, i).priority for i in ids(claim(store, worker, below=below))}
    assert found == {p for p in (10, 50) if p < below}


def test_what_has_begun_is_marked_by_who_runs_it(store: Store, worker: int, other: int) -> None:
    [job_id] = store.submit([new()], NOW)
    claim(store, worker, free=0)
    claim(store, other, 0, begun=[job_id], now=LATER)
    assert (job(store, job_id).begun, job(store, job_id).started_at) == (0, NOW)
    claim(store, worker, 0, begun=[job_id], now=LATER)
    assert (job(store, job_id).begun, job(store, job_id).started_at) == (1, LATER)


def test_who_is_not_there_gets_nothing(store: Store, worker: int, other: int) -> None:
    store.submit([new()], NOW)
    store.remove_worker(worker, NOW)
    assert (claim(store, worker).alive, claim(store, worker).claimed) == (False, [])
    assert claim(store, other).alive


def test_a_round_tells_of_all_that_comes_soonest(store: Store, worker: int) -> None:
    store.submit([new(run_at=NOW + 5), new(run_at=NOW + 3), new(run_at=NOW + 7)], NOW)
    assert claim(store, worker).next_due == NOW + 3
    answer = claim(store, worker, now=NOW + 3)
    assert (len(ids(answer)), answer.next_due) == (1, NOW + 5)
    [first] = ids(answer)
    finish(store, first, Failed("error", "x", after=SECOND), NOW + 3)
    assert claim(store, worker, 0, now=NOW + 4).next_due == NOW + 5
    [held] = store.submit([new(run_at=NOW + 4)], NOW)
    store.apply([states.park(job(store, held))], NOW)
    assert claim(store, worker, 0, now=NOW + 4).next_due == NOW + 5
    answer = claim(store, worker, now=LATER)
    assert (len(ids(answer)), answer.next_due) == (3, None)
    assert job(store, held).state == "held"


# -- whom a change meets -------------------------------------------------------------------


def test_a_result_of_another_attempt_is_refused_whichever_it_is(store: Store, worker: int) -> None:
    [job_id] = store.submit([new()], NOW)
    claim(store, worker)
    finish(store, job_id, Failed("error", "x", after=0))
    claim(store, worker)
    now_running = job(store, job_id)
    for attempt in (1, 3):
        stale = states.finish(now_running._replace(attempt=attempt), Done("1"), RetryPolicy(), NOW)  # type: ignore[arg-type]
        assert store.apply([stale], NOW) == [stale]
    assert job(store, job_id).state == "running"


def test_a_move_out_of_a_state_that_was_left_is_refused(store: Store) -> None:
    """No claim came between, so the attempt is the same."""
    first, second = store.submit([new(), new()], NOW)
    moves = [states.park(job(store, first)), states.park(job(store, second))]
    assert store.apply(moves[:1], NOW) == []
    assert store.apply(moves, NOW) == moves[:1]
    cancel = states.cancel(job(store, first))
    assert store.apply([cancel], LATER) == []
    assert store.apply([cancel], LATER + 1) == [cancel]
    assert job(store, first).finished_at == LATER


def test_a_cancel_meets_the_run_that_it_means(store: Store, worker: int, other: int) -> None:
    mine, theirs, waits = store.submit([new(), new(), new()], NOW)
    assert (ids(claim(store, worker, 1)), ids(claim(store, other, 1))) == ([mine], [theirs])
    assert not store.ask_cancel(waits, 0, NOW, "")
    for attempt in (0, 2):
        assert not store.ask_cancel(mine, attempt, NOW, "")
    assert store.cancel_marks(worker) == []
    assert store.ask_cancel(mine, 1, NOW, "first") and not store.ask_cancel(mine, 1, LATER, "then")
    assert (job(store, mine).cancel_at, job(store, mine).reason) == (NOW, "first")
    assert (store.cancel_marks(worker), store.cancel_marks(other)) == ([mine], [])
    finish(store, theirs, Done("1"))
    assert not store.ask_cancel(theirs, 1, NOW, "")


def test_a_run_that_is_handed_back_stops_when_it_was_asked_to(store: Store, worker: int) -> None:
    asked, other = store.submit([new(), new()], NOW)
    claim(store, worker)
    held = [job(store, job_id) for job_id in (asked, other)]
    store.ask_cancel(asked, 1, NOW, "")
    store.apply([states.hand_back(one, "the worker stopped") for one in held], NOW)
    assert [job(store, i).state for i in (asked, other)] == ["cancelled", "pending"]


def test_progress_is_of_a_run_that_goes_on(store: Store, worker: int) -> None:
    first, second = store.submit([new(), new()], NOW)
    claim(store, worker)
    assert store.save_progress(first, 1, '{"fraction":0.5}', NOW)
    assert job(store, second).progress is None
    for attempt in (0, 2):
        assert not store.save_progress(first, attempt, "{}", NOW)
    finish(store, first, Done("1"))
    assert not store.save_progress(first, 1, "{}", NOW)


# -- workers -------------------------------------------------------------------------------


def test_a_beat_is_of_one_worker_and_says_what_it_knows(store: Store) -> None:
    before, beating, after = (add_worker(store) for _ in range(3))
    assert store.beat(beating, LATER, '["t","u"]', 7)
    assert store.beat(beating, LATER + 1, '["t","u"]')
    found = {w.id: (w.beat, w.beat_at, w.tasks, w.slots) for w in store.workers()}
    assert found == {
        before: (0, NOW, '["t"]', 4),
        beating: (2, LATER + 1, '["t","u"]', 7),
        after: (0, NOW, '["t"]', 4),
    }
    assert list(found) == [before, beating, after]


@pytest.mark.parametrize("beats", [0, 2])
def test_a_burial_is_of_who_was_silent_since(store: Store, beats: int) -> None:
    before, dead, after = (add_worker(store) for _ in range(3))
    for _ in range(beats):
        store.beat(dead, NOW, '["t"]')
    store.submit([new() for _ in range(3)], NOW)
    held = {worker: ids(claim(store, worker, 1)) for worker in (before, dead, after)}
    [seen] = [w for w in store.workers() if w.id == dead]
    asked: list[int] = []

    def decide(jobs: Any) -> list[states.Move]:
        asked.extend(one.id for one in jobs)
        return states.rescue(jobs, 1, NOW, "gone")

    for beat in (beats - 1, beats + 1):
        assert not store.bury(seen._replace(beat=beat), decide, NOW, "gone")
    assert store.bury(seen, decide, NOW, "gone")
    assert asked == held[dead]
    assert [w.id for w in store.workers()] == [before, after]
    store.remove_worker(before, NOW)
    assert [w.id for w in store.workers()] == [after]
    assert job(store, held[before][0]).state == "pending"
    assert job(store, held[after][0]).state == "running"


def test_what_a_worker_holds_comes_in_order(store: Store, worker: int, other: int) -> None:
    wanted = store.submit([new(priority=p) for p in (90, 50, 10)], NOW)
    for _ in wanted:
        claim(store, worker, 1)
    [theirs] = store.submit([new()], NOW)
    claim(store, other)
    assert [one.id for one in store.unfinished_of(worker)] == wanted
    assert [one.id for one in store.unfinished_of(other)] == [theirs]
    assert store.jobs_of_nobody() == []
    store.remove_worker(other, NOW)
    assert [w.id for w in store.workers()] == [worker]


# -- what a worker looks after -------------------------------------------------------------


def test_strangers_are_the_most_urgent_that_are_ready_and_nobodys(store: Store) -> None:
    for changes in ({"run_at": LATER}, {"owner": "[0,0,0,0]"}):
        store.submit([new(task="strange", **changes)], NOW)
    low, urgent = (store.submit([new(task="strange", priority=p)], NOW)[0] for p in (90, 10))
    assert {one.id for one in store.strangers('["t"]')} == {low, urgent}
    assert [one.id for one in store.strangers('["t"]', limit=1)] == [urgent]
    assert store.strangers('["strange"]') == []


def test_parked_are_those_that_wait_for_a_handler(store: Store) -> None:
    parked, paused, unknown, waiting = (
        store.submit([new(task=task)], NOW)[0] for task in ("t", "t", "u", "t")
    )
    store.apply([states.park(job(store, i)) for i in (parked, unknown)], NOW)
    store.apply([states.pause(job(store, paused), "no handler yet")], NOW)
    assert [one.id for one in store.parked('["t"]')] == [parked]
    assert len(store.parked('["t","u"]', limit=1)) == 1
    store.apply([states.cancel(job(store, waiting), "no handler")], NOW)
    assert [one.id for one in store.parked('["t"]')] == [parked]
    assert store.jobs_of_nobody() == []


def test_expired_is_what_may_start_no_more(store: Store, worker: int) -> None:
    runs, second, first, held, later = (
        store.submit([new(expires_at=NOW + after)], NOW)[0] for after in (1, 5, 4, 5, 6)
    )
    assert ids(claim(store, worker, 1)) == [runs]
    store.apply([states.park(job(store, held))], NOW)
    assert [one.id for one in store.expired(NOW + 5, limit=1)] == [first]
    assert {one.id for one in store.expired(NOW + 5)} == {first, second, held}
    assert later in {one.id for one in store.expired(NOW + 6)}


def test_owned_is_what_a_process_keeps_and_nobody_runs(store: Store, worker: int) -> None:
    runs, done, waits, _ = (
        store.submit([new(owner=owner)], NOW)[0] for owner in ("a", "b", "c", None)
    )
    assert ids(claim(store, worker, 2)) == [runs, done]
    finish(store, done, Done("1"))
    assert [one.id for one in store.owned()] == [waits]
    store.submit([new(owner="d")], NOW)
    assert len(store.owned(limit=1)) == 1


def test_the_surroundings_of_a_job_are_counted(store: Store, worker: int) -> None:
    keyed = {"concurrency_key": "ann", "per_key": 5}
    store.submit([new(priority=p, **keyed) for p in (90, 100, 50)], NOW)
    claim(store, worker, 3)
    finish(store, 3, Done("1"))
    first, second, third = store.submit([new(**keyed), new(), new(priority=10)], NOW)
    store.submit([new(run_at=LATER), new(priority=90)], NOW)
    around = store.situation(job(store, second), NOW)
    assert (around.ahead, around.running_background, around.running) == (2, 2, 2)
    assert store.situation(job(store, third), NOW).ahead == 0
    assert store.situation(job(store, first), NOW).running_of_key == 2
    store.submit([new(concurrency_key="bob", per_key=1, priority=0)], NOW)
    claim(store, worker, 1)
    assert store.situation(job(store, first), NOW).running_of_key == 2


def test_a_job_ages_when_it_has_waited_for_so_long_the_oldest_first(store: Store) -> None:
    old, younger = (store.submit([new(run_at=NOW - ago)], NOW)[0] for ago in (2, 1))
    later = store.submit([new(run_at=LATER)], NOW)[0]
    assert store.age(NOW - 3, 9, NOW) == 0
    assert store.age(NOW, 1, NOW) == 1
    assert [job(store, i).priority for i in (old, younger, later)] == [10, 50, 50]
    assert store.age(NOW - 1, 9, NOW) == 1
    assert store.age(LATER + 1, 9, NOW) == 0
    assert [job(store, i).priority for i in (old, younger, later)] == [10, 10, 50]


# -- limits and leases ---------------------------------------------------------------------


def test_a_limit_is_changed_and_used_alone(store: Store, worker: int) -> None:
    rate = Rate.parse("1/m")
    subjects = [("queue", "z"), ("task", "t"), ("task", "u")]
    for subject in subjects:
        store.limits.set(subject, None, rate, NOW)
    store.submit([new()], NOW)
    assert len(claim(store, worker).claimed) == 1
    assert [limit.next_at - NOW for limit in store.limits.all()] == [-NOW, rate.per, -NOW]
    store.limits.set(("task", "t"), None, None, NOW)
    assert [limit.subject for limit in store.limits.all()] == [subjects[0], subjects[2]]


def test_another_rate_begins_at_once(store: Store, worker: int) -> None:
    store.submit([new(), new()], NOW)
    for rate in ("1/m", "1/h"):
        store.limits.set(("task", "t"), None, Rate.parse(rate), NOW)
        assert len(claim(store, worker, 1).claimed) == 1


def test_every_part_of_a_limit_can_be_changed(store: Store) -> None:
    task = ("task", "t")
    store.limits.declare([Limit(*task, 1, *Rate.parse("1/s"))], NOW)
    store.limits.set(task, 2, Rate.parse("3/m"), NOW)
    store.limits.pause(task, "why", NOW)
    store.limits.declare([Limit(*task, 4, *Rate.parse("5/h"))], NOW)
    per = 3600 * SECOND
    assert store.limits.all() == [Limit(*task, 4, 5, per, 0, NOW, "why", f"[4,5,{per}]")]
    store.limits.resume(task, NOW)
    assert store.limits.all() == [Limit(*task, 4, 5, per, 0, None, None, f"[4,5,{per}]")]


def test_leases_stand_beside_each_other_and_end_alone(store: Store) -> None:
    long = store.enter_foreground("long", "me", 20 * SECOND, NOW)
    short = store.enter_foreground("short", "me", 10 * SECOND, NOW)
    assert [lease.id for lease in store.foreground(NOW)] == [short, long]
    assert [lease.id for lease in store.foreground(NOW + 10 * SECOND)] == [long]
    store.leave_foreground([short], NOW)
    assert [(lease.id, lease.since) for lease in store.foreground(NOW)] == [(long, NOW)]


def test_a_lease_is_kept_for_a_while_after_its_end_and_then_forgotten(store: Store) -> None:
    """Its holder may have been suspended; what it renews after long begins anew."""
    ttl = 10 * SECOND
    lease = store.enter_foreground("wf", "me", ttl, NOW)
    for ages, since in ((2, 0), (40, 40)):
        moment = NOW + ages * ttl
        store.leave_foreground([store.enter_foreground("other", "you", ttl, moment)], moment)
        store.renew_foreground(lease, "wf", "me", ttl, moment)
        [held] = store.foreground(moment)
        assert (held.since, held.until) == (NOW + since * ttl, moment + ttl)
        assert len(store.foreground(moment + ttl - 1)) == 1


def test_background_work_is_held_while_somebody_is_in_front_also_when_it_is_told_why(
    store: Store, worker: int
) -> None:
    store.submit([new(priority=p) for p in (90, 100, 50)], NOW)
    store.enter_foreground("wf", "me", SECOND, NOW)
    assert [one.priority for one in claim(store, worker).claimed] == [50]
    idle = claim(store, worker, 0)
    assert (idle.room.reason, len(idle.leases)) == ("workflow", 1)
    over = NOW + SECOND
    assert [one.priority for one in claim(store, worker, now=over).claimed] == [90, 100]


def test_facts_of_a_start_are_told_with_its_attempt(store: Store, worker: int) -> None:
    [job_id] = store.submit([new()], NOW)
    claim(store, worker)
    [told] = store.history(job_id)
    assert (told.kind, told.attempt, json.loads(told.data or "")) == (
        "job.started", 1, {"worker": worker},
    )  # fmt: skip
    finish(store, job_id, Done("1"))
    assert [event.attempt for event in store.history(job_id)] == [1, 1]


def test_each_change_is_told_and_what_changed_nothing_is_not(store: Store, worker: int) -> None:
    [job_id] = store.submit([new()], NOW)
    claim(store, worker)
    seen = store.last_seq()
    store.ask_cancel(job_id, 2, NOW, "of another attempt")
    store.save_progress(job_id, 2, "{}", NOW)
    store.remove_worker(worker + 9, NOW)
    assert store.last_seq() == seen
    store.ask_cancel(job_id, 1, NOW, "enough")
    store.save_progress(job_id, 1, '{"fraction":0.5}', NOW)
    store.leave_foreground([store.enter_foreground("wf", "me", SECOND, NOW)], NOW)
    store.remove_worker(add_worker(store), NOW)
    told = [(event.kind, json.loads(event.data or "{}")) for event in store.events(seen)]
    assert told == [
        ("job.cancel_requested", {"reason": "enough"}),
        ("job.progress", {"fraction": 0.5}),
        ("foreground.entered", {"workflow": "wf"}),
        ("foreground.left", {"workflow": "wf"}),
        ("worker.started", {"worker": worker + 1, "label": "w"}),
        ("worker.stopped", {"worker": worker + 1}),
    ]


def test_the_change_of_a_limit_is_told_with_what_it_was(store: Store) -> None:
    task = ("task", "t")
    ours = actor.set("ann")
    try:
        store.limits.set(task, 3, Rate.parse("1/s"), NOW)
        store.limits.pause(task, "why", NOW)
        store.limits.declare([Limit(*task, 2, *Rate.parse("2/s"))], NOW)
    finally:
        actor.reset(ours)
    about = {"scope": "task", "name": "t"}
    told = [(event.kind, json.loads(event.data or "{}")) for event in store.events()]
    assert told == [
        ("limit.set", about | {"concurrency": 3, "rate": "1 in 1.0 s"}),
        ("limit.paused", about | {"reason": "why"}),
        ("limit.declared", about | {"concurrency": 2, "rate": "2 in 1.0 s"}),
    ]
    was = [json.loads(entry.was or "{}") for entry in reversed(store.audit())]
    assert was == [
        {"concurrency": None, "rate": None, "paused": False},
        {"concurrency": 3, "rate": "1 in 1.0 s", "paused": False},
        {"concurrency": 3, "rate": "1 in 1.0 s", "paused": True},
    ]
