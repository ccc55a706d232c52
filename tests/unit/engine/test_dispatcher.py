"""One round after the other: what is recorded, what is claimed, when to come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.engine.rounds import POLL, Round

from offhours.core.admission import BackgroundLimits
from offhours.core.limits import SLACK, Limit, Scope
from offhours.core.outcomes import Failed
from offhours.core.ports import ClaimOrder, Exchange
from offhours.core.times import SECOND
from offhours.engine.dispatcher import BUSY_PAUSE

# -- what a round does ----------------------------------------------------------------------


def test_a_round_records_what_has_ended_and_claims_what_comes_next(round_: Round) -> None:
    ids = round_.submit(5)
    round_.tick()
    first, second = round_.start(2)
    round_.finish(first)
    round_.finish(second, Failed("error", "no", retry=False))
    round_.tick()
    assert round_.states(ids) == ["succeeded", "failed", "running", "running", "pending"]
    assert round_.told == ["more", ids[:2], "more"]  # there is more than we have room for


def test_a_job_submitted_by_name_has_the_policy_of_its_task(round_: Round) -> None:
    round_.submit(1, max_attempts=None)
    round_.submit(1, max_attempts=9, timeout=5)
    round_.submit(1, max_attempts=None, task="gone")
    round_.tasks.append("gone")
    round_.lane.slots = 3
    round_.tick()
    found = [(job.max_attempts, job.timeout) for job in round_.start(3)]
    assert found == [(3, 7), (9, 5), (None, None)]


def test_only_what_was_claimed_ahead_and_not_begun_is_unspent_in_a_crash(round_: Round) -> None:
    """What starts at once is stored as begun with its claim, the rest by the round after it."""
    ids = round_.submit(4)
    round_.ahead()
    round_.tick()
    assert [round_.job(job_id).begun for job_id in ids] == [1, 1, 0, 0]
    first, _ = round_.start(2)
    round_.finish(first)
    round_.start()
    round_.clock.advance("1s")
    round_.tick()
    later = [(round_.job(job_id).begun, round_.job(job_id).started_at) for job_id in ids[1:]]
    assert later == [(1, round_.now - SECOND), (1, round_.now), (0, round_.now - SECOND)]


# -- when the next one is -------------------------------------------------------------------


def _limited(round_: Round) -> None:
    round_.store.limits.declare([Limit(Scope.TASK, "t", None, 1, SECOND // 2)], round_.now)
    round_.submit(2)
    round_.tick()
    round_.finish(*round_.start())


def _throttled(round_: Round) -> None:
    round_.dispatcher.limits = BackgroundLimits(throttle=SECOND // 2)
    round_.submit(2, priority=100)
    round_.tick()
    round_.finish(*round_.start())


@pytest.mark.parametrize(
    ("prepare", "wait"),
    [
        (lambda at: None, POLL),
        (lambda at: at.submit(1, run_at=at.now + 300), 300),
        (lambda at: at.submit(1, run_at=at.now + 2 * POLL), POLL),
        (lambda at: at.schedule("t", 300), 300),
        (_limited, SECOND // 2 - SLACK),
        (_throttled, SECOND // 2),
        (lambda at: at.tasks.clear(), 60 * POLL),
    ],
    ids=["idle", "due", "due late", "schedule", "rate", "throttle", "no tasks"],
)
def test_a_hungry_round_comes_back_when_something_may_start(
    round_: Round, prepare: Callable[[Round], object], wait: int
) -> None:
    prepare(round_)
    assert round_.tick() == wait
    assert round_.dispatcher.hungry.is_set()


def test_a_round_without_room_waits_for_the_end_of_a_run(round_: Round) -> None:
    round_.tick()
    round_.submit(3)
    round_.submit(1, run_at=round_.now + 300)
    round_.tick()
    round_.start(2)
    assert round_.tick() == POLL
    assert not round_.dispatcher.hungry.is_set()


def test_a_lane_of_one_slot_is_hungry_and_full_like_any_other(round_: Round) -> None:
    round_.lane.slots = 1
    round_.submit(1, run_at=round_.now + 300)
    assert round_.tick() == 300
    assert round_.dispatcher.hungry.is_set()
    round_.submit(2)
    round_.tick()
    assert round_.told == ["more"]


def test_what_is_called_during_a_round_has_the_next_one_at_once(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = round_.store.exchange

    def called_meanwhile(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        round_.lane.call(10)
        return exchange(moves, order, now)

    round_.submit()
    with monkeypatch.context() as patch:
        patch.setattr(round_.store, "exchange", called_meanwhile)
        assert round_.tick() == 0
    assert round_.tick() == BUSY_PAUSE


def test_while_the_buffer_moves_a_round_comes_after_a_short_pause(round_: Round) -> None:
    round_.submit(1)
    assert round_.tick() == BUSY_PAUSE
    assert not round_.dispatcher.hungry.is_set()


def test_after_a_full_claim_that_has_all_started_the_next_round_is_at_once(round_: Round) -> None:
    round_.submit(3)
    round_.lane.on_ready(lambda: round_.start(2))
    assert round_.tick() == 0


def test_an_idle_round_only_reads(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle workers must not compete for the lock; a wake-up, or the moment told, is worth it."""
    sure: list[bool] = []
    exchange = round_.store.exchange

    def noted(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        sure.append(order.sure)
        return exchange(moves, order, now)

    monkeypatch.setattr(round_.store, "exchange", noted)
    round_.submit(1, run_at=round_.now + 2 * SECOND)
    round_.tick()
    for _ in range(2):
        round_.clock.advance("0.5s")
        round_.tick()
    round_.dispatcher.nudged = True
    round_.tick()
    round_.tick()
    round_.clock.advance("1s")
    round_.tick()
    assert sure == [True, False, False, True, False, True]


# -- a job that comes to an idle worker ------------------------------------------------------


def test_what_comes_to_an_idle_worker_is_stored_and_claimed_at_once(round_: Round) -> None:
    round_.tick()
    job_id = round_.dispatcher.submit(round_.new(), round_.now, None)
    [job] = round_.start()
    assert (job.id, round_.job(job.id).begun) == (job_id, 1)
    assert not round_.dispatcher.hungry.is_set()
    round_.clock.advance("1s")
    round_.tick()
    assert round_.job(job.id).started_at == round_.now - SECOND  # it is not begun once more
    assert round_.dispatcher.hungry.is_set()  # there is a slot left
    assert round_.dispatcher.submit(round_.new(), round_.now, None) is not None
    round_.start()


def _drains(at: Round) -> None:
    at.dispatcher.draining = True


def _has_something_to_record(at: Round) -> None:
    at.dispatcher.submit(at.new(), at.now, None)
    at.finish(*at.start())
    at.dispatcher.hungry.set()


def _has_something_buffered(at: Round) -> None:
    at.dispatcher.submit(at.new(), at.now, None)
    at.dispatcher.hungry.set()


def _is_full(at: Round) -> None:
    at.submit(2)
    at.tick()
    at.start(2)
    at.dispatcher.hungry.set()


@pytest.mark.parametrize(
    "prepare",
    [
        lambda at: at.dispatcher.hungry.clear(),
        lambda at: at.dispatcher._one_round.acquire(),
        _drains, _has_something_to_record, _has_something_buffered, _is_full,
    ],
    ids=["not idle", "in a round", "draining", "to record", "buffered", "full"],
)  # fmt: skip
def test_a_worker_with_something_to_do_takes_nothing_besides(
    round_: Round, prepare: Callable[[Round], object]
) -> None:
    round_.tick()
    prepare(round_)
    before = round_.store.counts()
    assert round_.dispatcher.submit(round_.new(), round_.now, None) is None
    assert round_.store.counts() == before


def test_a_worker_that_was_declared_dead_leaves_the_job_to_the_others(round_: Round) -> None:
    round_.tick()
    round_.store.remove_worker(round_.me, round_.now)
    job_id = round_.dispatcher.submit(round_.new(), round_.now, None)
    assert job_id is not None and round_.states([job_id]) == ["pending"]
    assert round_.lane.try_take() is None
    assert round_.dispatcher.hungry.is_set()
    assert round_.tick() == 0
    assert round_.told == [f"lost {round_.me}"]


# -- who else is told -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fired", "told"), [(["t"], []), (["u"], ["fired"]), (["t", "u"], ["fired"])]
)
def test_what_schedules_made_for_others_is_told(
    round_: Round, fired: list[str], told: list[str]
) -> None:
    round_.lane.slots = 3
    for task in fired:
        round_.schedule(task, due=0)
    round_.tick()
    assert round_.told == told


def test_what_schedules_made_and_we_have_no_room_for_is_told(round_: Round) -> None:
    round_.submit(2)
    round_.tick()
    round_.start(2)
    round_.schedule("t", due=0)
    round_.told.clear()
    round_.tick()
    assert round_.told == ["fired"]


def test_an_end_that_counts_towards_a_limit_lets_others_look(round_: Round) -> None:
    round_.store.limits.declare([Limit(Scope.TASK, "u", 1)], round_.now)
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start())
    for _ in range(2):
        round_.tick()
    assert round_.told == [[job_id], "more"]
