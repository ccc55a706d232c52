"""The buffer between store and executor: urgent first, small in time, gated at the start."""

from __future__ import annotations

import threading
from math import inf
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from offhours.core.clock import Signal
from offhours.core.model import Claimed
from offhours.core.outcomes import Done, Failed, HandedBack, Stopped
from offhours.engine.foreground import Foreground
from offhours.engine.lane import Lane
from offhours.testing import FakeClock


def job(job_id: int, priority: int = 50, **rest: Any) -> Claimed:
    values = dict.fromkeys(Claimed._fields) | {
        "id": job_id, "task": "t", "args": "[]", "priority": priority, "attempt": 1,
        "returned": 0, "crashes": 0, "deferrals": 0, "max_attempts": 1, "created_at": 0,
    }  # fmt: skip
    return Claimed(**(values | rest))


def lane(slots: int = 2) -> Lane:
    return Lane(slots, FakeClock(), Foreground(), Signal())


def fill(into: Lane, *jobs: Claimed) -> None:
    into.put(jobs, into.wanted().receipt)


def test_takes_by_priority_then_as_they_were_claimed() -> None:
    """The first of a claim are stored as begun, so that a crash counts for them; and in a claim
    tenants take turns, whoever's job is older."""
    made = lane()
    fill(made, job(3), job(1, 100), job(2))
    assert [made.try_take().id for _ in range(3)] == [3, 2, 1]
    assert made.try_take() is None


def test_nothing_less_urgent_starts_before_a_call_is_answered() -> None:
    made = lane()
    fill(made, job(1, 50), job(2, 10))
    made.call(10)
    assert made.try_take().id == 2
    assert made.try_take() is None  # a job of priority 10 is on its way
    fill(made, job(3, 10))
    assert [made.try_take().id, made.try_take().id] == [3, 1]


def test_a_call_during_a_round_waits_for_the_next_round() -> None:
    made = lane()
    fill(made, job(1, 50))
    receipt = made.wanted().receipt
    made.call(0)
    made.put([], receipt)
    assert made.try_take() is None
    made.put([], made.wanted().receipt)
    assert made.try_take().id == 1


def test_a_round_full_of_the_urgent_lets_nothing_less_urgent_start() -> None:
    made = lane(1)
    fill(made, job(1, 50))
    made.put([job(2, 10)], made.wanted().receipt, full=True)  # a third one may wait behind it
    assert made.try_take().id == 2
    assert made.try_take() is None and made.waits_for_round
    made.put([], made.wanted().receipt)
    assert not made.waits_for_round and made.try_take().id == 1


def test_a_run_that_ends_before_what_must_wait_asks_for_a_round() -> None:
    need = Signal()
    made = Lane(1, FakeClock(), Foreground(), need)
    fill(made, job(1, 50))
    made.put([job(2, 10)], made.wanted().receipt, full=True)
    urgent = made.try_take()
    need.clear()
    made.finish(urgent, Done("null"))
    assert need.is_set()


def test_a_call_is_answered_though_less_urgent_ones_follow() -> None:
    made = lane()
    fill(made, job(1, 50), job(2, 100))
    made.call(0)
    receipt = made.wanted().receipt
    made.call(90)
    made.put([], receipt)
    assert made.try_take().id == 1
    assert made.try_take() is None


def test_a_full_round_that_came_to_the_less_urgent_answers_the_call() -> None:
    made = lane(2)
    made.call(10)
    made.put([job(1, 10), job(2, 50)], made.wanted().receipt, full=True)
    assert [made.try_take().id, made.try_take().id] == [1, 2]


def test_background_does_not_start_while_the_foreground_is_active() -> None:
    foreground = Foreground()
    made = Lane(2, FakeClock(), foreground, Signal())
    fill(made, job(1, 90), job(2, 50))
    foreground.update(2**60)
    assert made.try_take().id == 2
    assert made.try_take() is None
    assert [j.id for j in made.withdraw(background_only=True)] == [1]


def test_slow_jobs_are_not_claimed_ahead() -> None:
    made = lane(slots=2)
    assert made.wanted().slots == 2
    fill(made, job(1), job(2), job(3))
    assert made.wanted().slots == 0
    made._learn(60.0)
    made.try_take()
    made.try_take()
    assert made.wanted().slots == 0


def test_fast_jobs_are_claimed_ahead_by_milliseconds() -> None:
    made = lane(slots=1)
    for n in range(200):
        fill(made, job(n))
        made.finish(made.try_take(), Done(None))
    ahead = made.wanted().slots - 1
    assert 0 < ahead <= 256


@pytest.mark.parametrize("jobs", [1, 5])
def test_a_full_buffer_still_asks_for_the_urgent(jobs: int) -> None:
    made = lane(slots=1)
    fill(made, *(job(n, 90) for n in range(jobs)))
    made.call(0)
    wish = made.wanted()
    assert (wish.slots, wish.below) == (1, 90)


def test_what_is_called_stands_before_the_buffer_even_with_no_slot_free() -> None:
    made = lane(slots=1)
    fill(made, *(job(n, 90) for n in range(5)))
    running = made.try_take()
    made.call(0)
    wish = made.wanted()
    assert (wish.slots, wish.below) == (1, 90)
    made.put([job(9, 0)], wish.receipt)
    made.finish(running, Done(None))
    assert made.try_take().id == 9


def test_what_was_given_up_is_void() -> None:
    made = lane()
    fill(made, job(1))
    taken = made.try_take()
    assert made.give_up(1, Failed("timeout", "x"))
    assert not made.finish(taken, Done("1"))
    assert [type(outcome) for _, outcome in made.collect()] == [Failed]


def test_an_old_attempt_does_not_end_a_new_one() -> None:
    made = lane()
    fill(made, job(1))
    old = made.try_take()
    made.forget()
    fill(made, job(1, attempt=2))
    new = made.try_take()
    assert not made.finish(old, Done("old"))
    assert made.finish(new, Done("new"))


def test_what_had_finished_when_the_lease_was_lost_is_still_handed_in() -> None:
    """The store refuses it by its attempt, and tells; dropped here it would vanish in silence."""
    made = lane()
    fill(made, job(1))
    made.finish(made.try_take(), Done("late"))
    made.forget()
    assert made.collect() == [(job(1), Done("late"))]


def test_close_releases_those_who_wait() -> None:
    made = lane()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(made.take()))
    thread.start()
    made.close()
    thread.join(10)
    assert taken == [None]
    assert made.wait_idle(0)


def test_nothing_starts_after_it_was_closed() -> None:
    made = lane()
    fill(made, job(1))
    made.close()
    assert made.try_take() is None and made.take() is None


def test_each_job_that_waits_gets_a_thread(until: Any) -> None:
    made = lane()
    threads = [Thread(target=made.take) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: made._waiting == 2)
    fill(made, job(1), job(2))
    for thread in threads:
        thread.join(10)
    assert made.running == 2


@pytest.mark.parametrize(
    ("mean", "waiting", "jobs", "woken"),
    [(1.0, 3, 2, [2]), (inf, 3, 2, [2]), (0.0001, 3, 2, [1]), (1.0, 0, 2, []), (1.0, 3, 0, [])],
)
def test_as_many_threads_are_woken_as_the_work_is_worth(
    mean: float, waiting: int, jobs: int, woken: list[int]
) -> None:
    """Of quick jobs one thread does many, and others would only get in its way."""
    made, told = lane(), list[int]()
    made._mean, made._waiting = mean, waiting
    made._changed.notify = told.append  # type: ignore[method-assign, assignment]
    fill(made, *(job(n) for n in range(jobs)))
    assert told == woken


def test_all_are_woken_when_the_buffer_has_not_moved_between_two_looks() -> None:
    made, told = lane(), list[int]()
    made._changed.notify = told.append  # type: ignore[method-assign, assignment]
    made.rouse_if_stalled()
    made.rouse_if_stalled()
    fill(made, job(1), job(2))
    made.rouse_if_stalled()
    assert told == []
    made.rouse_if_stalled()
    assert told == [2]
    made.try_take()
    made.rouse_if_stalled()
    assert told == [2]


def begun_ago(made: Lane, seconds: float) -> None:
    """All that runs has done so for that long."""
    for job_id, (claimed, at) in made._running.items():
        made._running[job_id] = (claimed, at - seconds)


@pytest.mark.parametrize(
    ("jobs", "seconds", "asks"), [(2, 0, False), (1, 0, True), (2, 0.01, True)]
)
def test_an_end_asks_for_a_round_when_there_is_nothing_left_or_it_was_long_ago(
    jobs: int, seconds: float, asks: bool
) -> None:
    need = Signal()
    made = Lane(1, FakeClock(), Foreground(), need)
    fill(made, *(job(n) for n in range(jobs)))
    taken = made.try_take()
    begun_ago(made, seconds)
    made.finish(taken, Done("1"))
    assert need.is_set() == asks


def test_one_slow_run_is_believed_at_once_and_quick_ones_slowly() -> None:
    made = lane(1)

    def run(seconds: float) -> int:
        fill(made, job(1))
        taken = made.try_take()
        begun_ago(made, seconds)
        made.finish(taken, Done("1"))
        return made.wanted().slots

    quick = [run(0.0001) for _ in range(5)]
    assert min(quick) > 5  # the first is believed as it is
    assert run(0.03) == 1
    assert [run(0.0001) for _ in range(5)][-1] == 1
    assert [run(0.0001) for _ in range(200)][-1] > 5


def test_a_run_that_was_given_up_keeps_its_thread_until_it_returns() -> None:
    need, void = Signal(), list[Claimed]()
    made = Lane(2, FakeClock(), Foreground(), need, void.append)
    fill(made, job(1), job(2))
    late, asked_to_stop = made.try_take(), made.try_take()
    for taken in (late, asked_to_stop):
        assert made.give_up(taken.id, Failed("timeout", "x"))
        assert not made.give_up(taken.id, Failed("timeout", "x"))
        made.lose_slot()
    assert (made.slots, made.wanted().slots, need.is_set()) == (0, 0, True)
    need.clear()
    made.finish(late, Done("1"))
    assert (made.slots, need.is_set(), void) == (1, True, [late])
    made.finish(asked_to_stop, Stopped())
    made.finish(asked_to_stop, Stopped())
    assert (made.slots, void) == (2, [late])  # who stopped as asked has no result


def test_what_waits_can_be_cancelled_and_the_order_stays() -> None:
    made = lane()
    fill(made, *(job(n, 90 - n) for n in range(1, 7)))
    assert made.cancel_buffered(6) and not made.cancel_buffered(6)
    assert made.collect() == [(job(6, 84), Stopped())]
    assert [made.try_take().id for _ in range(5)] == [5, 4, 3, 2, 1]
    assert not made.cancel_buffered(1)


def test_what_is_withdrawn_leaves_the_rest_in_order() -> None:
    made = lane()
    fill(made, *(job(n, p) for n, p in enumerate((100, 50, 90, 10, 89))))
    assert [each.id for each in made.withdraw(background_only=True)] == [2, 0]
    assert [made.try_take().id for _ in range(3)] == [3, 1, 4]
    fill(made, job(7, 10))
    assert [each.id for each in made.withdraw()] == [7] and not made.active


def test_a_lost_lease_leaves_nothing_behind() -> None:
    made = lane()
    fill(made, job(1), job(2))
    made.try_take()
    assert made.held_ids() == {1, 2} and made.running_ids() == [1]
    assert made.forget() == [1]
    assert (made.running, made.active, made.held_ids()) == (0, False, set())


@pytest.mark.parametrize("how", ["finished", "given up"])
def test_a_drain_waits_for_the_last_run(until: Any, how: str) -> None:
    made = lane()
    fill(made, job(1))
    run = made.try_take()
    made.close()
    assert not made.wait_idle(0)
    idle = Queue[bool]()
    thread = Thread(target=lambda: idle.put(made.wait_idle(60)))
    thread.start()
    until(lambda: made._changed._waiters)  # type: ignore[attr-defined]
    if how == "finished":
        made.finish(run, Done("1"))
    else:
        made.give_up(run.id, Failed("timeout", "x"))
    assert idle.get(timeout=10)
    thread.join(10)


def test_what_still_runs_is_handed_back_or_lost_as_its_task_wants() -> None:
    made = lane()
    fill(made, job(1, on_lost="retry"), job(2, on_lost="fail"))
    made.try_take(), made.try_take()
    assert made.hand_back_running("the worker stopped") == [1, 2]
    (_, back), (_, lost) = made.collect()
    assert back == HandedBack("the worker stopped")
    assert isinstance(lost, Failed) and (lost.code, lost.retry) == ("lost", False)
    assert lost.error == "the worker stopped while it ran, and it may run at most once"


def test_slow_runs_in_every_slot_leave_the_buffer_stuck() -> None:
    made = lane(2)
    fill(made, job(1), job(2))
    made.try_take(), made.try_take()
    begun_ago(made, 1)
    assert not made.stuck  # nothing waits
    fill(made, job(3))
    assert made.stuck
    made.finish(job(1), Done("1"))
    assert not made.stuck
