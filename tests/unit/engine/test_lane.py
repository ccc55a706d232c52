"""The buffer between store and executor: urgent first, small in time, gated at the start."""

from __future__ import annotations

import threading
from typing import Any

from offhours.core.clock import Signal
from offhours.core.model import Claimed
from offhours.core.outcomes import Done, Failed
from offhours.engine.context import Foreground
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


def test_a_full_buffer_still_asks_for_the_urgent() -> None:
    made = lane(slots=1)
    fill(made, *(job(n, 90) for n in range(5)))
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
