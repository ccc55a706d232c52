"""What a round gives back, and what it does when the store fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from tests.unit.engine.rounds import POLL, Round

from offhours.core import states
from offhours.core.errors import Busy, StoreUnavailable
from offhours.core.outcomes import Done, Failed
from offhours.core.ports import ClaimOrder, Exchange, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.times import HOUR, SECOND
from offhours.engine.codec import Codec
from offhours.engine.registry import Task

# -- what is given back ---------------------------------------------------------------------


def _workflow_begins(at: Round) -> None:
    at.store.enter_foreground("wf", "h", HOUR, at.now)


def _slow_runs_everywhere(at: Round) -> None:
    at.start(2)
    for job_id, (job, began) in at.lane._running.items():
        at.lane._running[job_id] = (job, began - 1)


@pytest.mark.parametrize(
    ("then", "reason", "given_back"),
    [
        (_workflow_begins, "a workflow is active", [3]),
        (_slow_runs_everywhere, "all slots are taken by slow jobs", [2, 3]),
    ],
)
def test_what_waits_here_and_cannot_start_is_given_back(
    round_: Round, then: Callable[[Round], None], reason: str, given_back: list[int]
) -> None:
    """At once, so that another worker can have it; and no attempt is spent."""
    ids = round_.submit(3) + round_.submit(1, priority=100)
    round_.ahead()
    round_.tick()
    assert round_.states(ids) == ["running"] * 4
    then(round_)
    round_.told.clear()
    assert round_.tick() == 0
    assert round_.lane.held_ids() == {job_id for n, job_id in enumerate(ids) if n not in given_back}
    assert round_.told == ["more"]
    assert round_.tick() > 0
    assert round_.returned() == {ids[n]: reason for n in given_back}
    assert [round_.job(ids[n]).returned for n in given_back] == [1] * len(given_back)


def test_a_round_brings_what_is_in_front(round_: Round) -> None:
    """So that what waits here does not start meanwhile, and does again after."""
    lease = round_.store.enter_foreground("wf", "h", HOUR, round_.now)
    round_.tick()
    assert round_.foreground.active(round_.now)
    round_.store.leave_foreground([lease], round_.now)
    round_.tick()
    assert not round_.foreground.active(round_.now)


def test_a_job_that_nobody_was_woken_for_starts_all_the_same(round_: Round) -> None:
    taken = Queue[Any]()
    thread = Thread(target=lambda: taken.put(round_.lane.take()))
    thread.start()
    round_.lane._rouse = lambda: None  # type: ignore[method-assign]
    [job_id] = round_.submit()
    deadline = time.monotonic() + 20
    while taken.empty() and time.monotonic() < deadline:
        round_.tick()
    assert taken.get(timeout=1).id == job_id
    thread.join(10)


def test_without_a_workflow_or_slow_runs_all_stays(round_: Round) -> None:
    round_.submit(4, priority=100)
    round_.ahead()
    round_.tick()
    round_.start(2)
    round_.tick()
    assert round_.lane.active and round_.returned() == {}


def test_an_answer_that_came_too_late_starts_nothing(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its jobs may have been given to others."""
    exchange = round_.store.exchange

    def late(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        answer = exchange(moves, order, now)
        round_.clock.advance(delay)
        return answer

    monkeypatch.setattr(round_.store, "exchange", late)
    in_time, too_late = round_.submit(2)
    round_.lane.slots, delay = 1, "30s"
    round_.tick()
    assert [job.id for job in round_.start()] == [in_time]
    round_.lane.slots, delay = 2, "30.01s"
    round_.tick()
    assert round_.lane.try_take() is None
    delay = "0s"
    round_.tick()
    assert round_.returned() == {too_late: "the answer to its claim came too late"}


def test_a_worker_that_drains_hands_back_and_records(round_: Round) -> None:
    ids = round_.submit(4)
    round_.ahead()
    round_.tick()
    round_.finish(*round_.start())
    round_.schedule("t", due=0)
    round_.dispatcher.drain(round_.now)
    assert round_.states(ids) == ["succeeded"] + ["pending"] * 3
    assert round_.returned() == dict.fromkeys(ids[1:], "the worker stopped")
    assert round_.store.counts()["ready"] == 3  # no schedule has fired for a worker that goes


def test_a_worker_that_stops_records_its_last_outcome(round_: Round) -> None:
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start())
    round_.dispatcher.drain(round_.now)
    assert round_.states([job_id]) == ["succeeded"]


def test_a_worker_that_drains_does_not_spin_for_a_schedule_that_is_due(round_: Round) -> None:
    round_.schedule("t", due=0)
    round_.dispatcher.draining = True
    assert round_.tick() == POLL


def test_what_was_claimed_while_it_was_told_to_stop_is_handed_back(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = round_.store.exchange

    def told_meanwhile(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        answer = exchange(moves, order, now)
        round_.dispatcher.draining = True
        return answer

    monkeypatch.setattr(round_.store, "exchange", told_meanwhile)
    ids = round_.submit(2)
    round_.tick()
    assert round_.lane.try_take() is None
    round_.dispatcher.drain(round_.now)
    assert round_.returned() == dict.fromkeys(ids, "the worker stopped")


# -- when the store fails -------------------------------------------------------------------


def _fail(at: Round, error: Exception, after: bool = False) -> None:
    """Let the next round fail, before or after it was stored."""
    exchange = at.store.exchange

    def failing(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        at.store.exchange = exchange  # type: ignore[method-assign]
        if after:
            exchange(moves, order, now)
        raise error

    at.store.exchange = failing  # type: ignore[method-assign]


def test_outcomes_that_could_not_be_recorded_are_kept(
    round_: Round, caplog: pytest.LogCaptureFixture
) -> None:
    ids = round_.submit(3)
    round_.tick()
    first, second = round_.start(2)
    round_.finish(first)
    _fail(round_, Busy("locked"))
    with pytest.raises(Busy):
        round_.tick()
    assert "finished_unrecorded: 1 jobs" in caplog.text
    round_.finish(second)
    round_.tasks.clear()  # and though nothing can be claimed here any more
    round_.tick()
    assert round_.states(ids) == ["succeeded", "succeeded", "pending"]


def test_a_round_that_fails_with_nothing_to_record_does_not_alarm(
    round_: Round, caplog: pytest.LogCaptureFixture
) -> None:
    _fail(round_, Busy("locked"))
    with pytest.raises(Busy):
        round_.tick()
    assert caplog.text == ""


def test_one_outcome_that_cannot_be_stored_does_not_hold_up_the_others(
    round_: Round, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = round_.submit(2)
    round_.tick()
    good, bad = round_.start(2)
    round_.finish(bad, Done("poison"))
    round_.finish(good)
    _fail(round_, ValueError("a value no store takes"))
    apply = round_.store.apply

    def refusing(moves: Any, now: int) -> Any:
        if "poison" in str(moves):
            raise ValueError("a value no store takes")
        return apply(moves, now)

    monkeypatch.setattr(round_.store, "apply", refusing)
    more = round_.submit()
    round_.tick()
    assert "a round of 2 outcomes failed; recording them one by one" in caplog.text
    assert round_.states(ids + more) == ["succeeded", "failed", "running"]
    assert "a value no store takes" in (round_.job(bad.id).error or "")
    round_.tick()
    refused = [e for e in round_.store.events() if e.kind == "job.result_refused"]
    assert refused == []  # nothing is recorded twice


@pytest.mark.parametrize("locked", ["apply", "exchange"])
def test_a_lock_while_they_are_recorded_one_by_one_fails_no_job(
    round_: Round, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    ids = round_.submit(2)
    round_.tick()
    for job in round_.start(2):
        round_.finish(job)
    errors = iter([ValueError("a fault"), Busy("locked")])

    def refuse(*args: Any) -> Any:
        raise next(errors)

    with monkeypatch.context() as patch:
        patch.setattr(round_.store, "exchange", refuse)
        if locked == "apply":
            patch.setattr(round_.store, "apply", refuse)
        with pytest.raises(Busy):
            round_.tick()
    round_.tick()
    assert round_.states(ids) == ["succeeded"] * 2
    assert "job.result_refused" not in [event.kind for event in round_.store.events()]


@pytest.mark.parametrize("stored", [True, False])
def test_after_an_answer_that_was_lost_the_store_is_asked(round_: Round, stored: bool) -> None:
    """What the round had recorded is not recorded again, what it had claimed is handed back."""
    ids = round_.submit(3)
    round_.tick()
    done, _ = round_.start(2)
    round_.finish(done)
    _fail(round_, StoreUnavailable("cut off", unknown=True), after=stored)
    with pytest.raises(StoreUnavailable):
        round_.tick()
    for _ in range(2):
        round_.tick()
    assert round_.returned() == ({ids[2]: "the answer to its claim was lost"} if stored else {})
    assert round_.states(ids) == ["succeeded", "running", "running"]
    assert round_.job(ids[2]).returned == stored
    kinds = [event.kind for event in round_.store.events()]
    assert kinds.count("job.succeeded") == 1 and "job.result_refused" not in kinds


def test_only_after_an_answer_that_was_lost_the_store_is_asked_once(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(round_.store, "unfinished_of", lambda worker: asked.append(worker) or [])
    for unknown in (False, True):
        _fail(round_, StoreUnavailable("cut off", unknown=unknown))
        with pytest.raises(StoreUnavailable):
            round_.tick()
        for _ in range(2):
            round_.tick()
        assert asked == [round_.me] * unknown


def test_a_submit_whose_answer_was_lost_has_its_claim_handed_back(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_.tick()
    stored = round_.store.submit_in_round

    def lost(*args: Any) -> Any:
        stored(*args)
        raise StoreUnavailable("cut off", unknown=True)

    monkeypatch.setattr(round_.store, "submit_in_round", lost)
    with pytest.raises(StoreUnavailable):
        round_.dispatcher.submit(round_.new(), round_.now, None)
    round_.tick()
    assert list(round_.returned().values()) == ["the answer to its claim was lost"]
    assert len(round_.start()) == 1


def test_jobs_of_the_other_places_of_a_worker_are_not_handed_back(round_: Round) -> None:
    [theirs] = round_.submit(1, task="u")
    order = ClaimOrder(round_.me, 1, 1, name_list(["u"]), sure=True)
    round_.store.exchange([], order, round_.now)
    _fail(round_, StoreUnavailable("cut off", unknown=True))
    with pytest.raises(StoreUnavailable):
        round_.tick()
    for _ in range(2):
        round_.tick()
    assert round_.returned() == {} and round_.states([theirs]) == ["running"]


def test_a_result_that_the_store_refuses_is_told(
    round_: Round, caplog: pytest.LogCaptureFixture
) -> None:
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start())
    round_.store.apply(states.rescue([round_.job(job_id)], 1, round_.now, "gone"), round_.now)
    round_.tick()
    assert f"job {job_id}: the result of attempt 1 was refused" in caplog.text


def test_the_policy_of_a_task_says_when_it_is_tried_again(round_: Round) -> None:
    policy = RetryPolicy(base=7, jitter=0)
    round_.registry.add(Task("t", len, Codec(len, "t"), retries=2, policy=policy))
    ids = round_.submit() + round_.submit(1, task="gone")
    round_.tasks.append("gone")
    round_.tick()
    for job in round_.start(2):
        round_.finish(job, Failed("error", "no"))
    round_.tick()
    assert round_.job(ids[0]).run_at == round_.now + 7
    assert round_.job(ids[1]).run_at > round_.now + SECOND // 2  # as by default


def test_a_policy_that_fails_does_not_hold_up_its_job(round_: Round) -> None:
    policy = RetryPolicy(factor="many")  # type: ignore[arg-type]
    round_.registry.add(Task("t", len, Codec(len, "t"), retries=2, policy=policy))
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start(), Failed("error", "no"))
    round_.tick()
    assert (round_.job(job_id).state, round_.job(job_id).code) == ("failed", "internal")
