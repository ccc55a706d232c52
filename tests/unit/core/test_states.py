"""Decisions are pure: every way out of every state, and none that is not in the table."""

from __future__ import annotations

from typing import Any

import pytest

from offhours.core import states
from offhours.core.errors import IllegalMove
from offhours.core.events import KINDS
from offhours.core.model import FINAL, Claimed, Job, JobState
from offhours.core.outcomes import (
    Crashed,
    Deferred,
    Done,
    Failed,
    Gated,
    HandedBack,
    Stopped,
    Suspended,
)
from offhours.core.retries import RetryPolicy
from offhours.core.times import SECOND

NOW = 1_000 * SECOND
POLICY = RetryPolicy(base=SECOND, jitter=0.5)


def job(**changes: Any) -> Job:
    values = dict.fromkeys(Job._fields, None) | {
        "id": 7, "task": "t", "args": "[[],{}]", "priority": 50, "max_attempts": 3,
        "queue": "default", "on_lost": "retry", "created_at": 0, "state": JobState.RUNNING,
        "run_at": 0, "attempt": 1, "returned": 0, "crashes": 0, "deferrals": 0, "worker": 1,
        "begun": 1, "started_at": NOW,
    }  # fmt: skip
    return Job(**(values | changes))


def claimed(**changes: Any) -> Claimed:
    row = job(**changes)
    return Claimed(*(getattr(row, name) for name in Claimed._fields))


def changes(move: states.Move) -> dict[str, Any]:
    return dict(zip(move.columns, move.values, strict=True))


def test_success() -> None:
    move = states.finish(claimed(), Done("42"), POLICY, NOW)
    assert (move.was, move.to, move.kind) == ("running", "succeeded", "job.succeeded")
    assert changes(move) == {"result": "42"}


def test_a_result_that_was_not_stored_is_told() -> None:
    move = states.finish(claimed(), Done(None, "too large"), POLICY, NOW)
    assert move.to is JobState.SUCCEEDED
    assert changes(move)["reason"] == "too large"


def test_failure_is_retried_with_growing_delay() -> None:
    waits = []
    for attempt in (1, 2):
        move = states.finish(claimed(attempt=attempt), Failed("error", "boom"), POLICY, NOW)
        assert (move.to, move.kind) == (JobState.PENDING, "job.retried")
        waits.append(changes(move)["run_at"] - NOW)
    assert waits == [SECOND, 2 * SECOND]


def test_jitter_only_shortens() -> None:
    move = states.finish(claimed(), Failed("error", "boom"), POLICY, NOW, chance=0.5)
    assert changes(move)["run_at"] - NOW == 0.75 * SECOND


def test_an_asked_for_delay_wins() -> None:
    move = states.finish(claimed(), Failed("error", "429", after=9 * SECOND), POLICY, NOW)
    assert changes(move)["run_at"] == NOW + 9 * SECOND


def test_the_last_attempt_fails_for_good() -> None:
    move = states.finish(claimed(attempt=3), Failed("error", "boom"), POLICY, NOW)
    assert move.to is JobState.FAILED
    assert changes(move) == {"error": "boom", "code": "error"}


def test_what_may_not_be_retried_fails_at_once() -> None:
    move = states.finish(claimed(), Failed("error", "boom", retry=False), POLICY, NOW)
    assert move.to is JobState.FAILED


def test_neither_deferrals_nor_crashes_spend_attempts() -> None:
    spent = claimed(attempt=6, returned=2, crashes=2)
    assert spent.spent == 2
    assert states.finish(spent, Failed("error", "x"), POLICY, NOW).to is JobState.PENDING
    assert (
        states.finish(spent._replace(attempt=7), Failed("error", "x"), POLICY, NOW).to
        is JobState.FAILED
    )


def test_deferral_keeps_the_reason() -> None:
    move = states.finish(claimed(deferrals=1), Deferred(NOW + 5, "rate limit"), POLICY, NOW)
    assert move.to is JobState.PENDING
    assert changes(move) == {
        "run_at": NOW + 5, "returned": 1, "deferrals": 2, "reason": "rate limit",
        "code": "deferred",
    }  # fmt: skip


def test_hand_back_keeps_the_place_in_the_queue() -> None:
    move = states.finish(claimed(), HandedBack("drain"), POLICY, NOW)
    assert (move.to, changes(move)) == (JobState.PENDING, {"returned": 1})


@pytest.mark.parametrize(
    "outcome",
    [
        Failed("error", "x"),
        Deferred(NOW, "later"),
        Gated("hours", "closed", NOW),
        Suspended("sleep", "sleeps", NOW, held=False),
        HandedBack("drain"),
        Stopped(),
        Crashed("signal 9"),
    ],
)
def test_a_cancel_mark_is_never_undone(outcome: Any) -> None:
    assert states.finish(claimed(cancel_at=1), outcome, POLICY, NOW).to is JobState.CANCELLED


def test_success_wins_over_a_late_cancel() -> None:
    assert states.finish(claimed(cancel_at=1), Done("1"), POLICY, NOW).to is JobState.SUCCEEDED


def crash(**fields: Any) -> states.Move:
    outcome = Crashed("its process died of signal 9", "last words")
    return states.finish(claimed(**fields), outcome, POLICY, NOW)


def test_a_crashed_run_is_run_again_at_once_and_spends_no_attempt() -> None:
    move = crash(max_attempts=1)
    assert (move.to, move.kind) == (JobState.PENDING, "job.crashed")
    changed = changes(move)
    assert (changed["crashes"], changed["run_at"], changed["code"]) == (1, NOW, "crashed")
    assert changed["error"].startswith("last words\n")
    assert changed["error"].endswith("its process died, once")


def test_the_third_crashed_run_quarantines_whatever_the_retries() -> None:
    move = crash(crashes=2, max_attempts=100)
    assert (move.to, move.kind) == (JobState.FAILED, "job.failed")
    assert changes(move)["code"] == "quarantined"
    assert "last words" in changes(move)["error"]


def test_a_crashed_run_that_may_run_once_is_lost() -> None:
    move = crash(on_lost="fail")
    assert (move.to, changes(move)["code"]) == (JobState.FAILED, "lost")


def test_a_crash_of_a_cancelled_run_is_counted_and_ends_it() -> None:
    move = crash(cancel_at=1)
    assert (move.to, changes(move)["crashes"]) == (JobState.CANCELLED, 1)


def rescue(*jobs: Job, slots: int = 9) -> list[states.Move]:
    return states.rescue(jobs, slots, NOW, "process 1 has ended")


def test_rescue_counts_a_crash() -> None:
    [move] = rescue(job())
    assert (move.to, move.kind) == (JobState.PENDING, "job.rescued")
    assert changes(move)["crashes"] == 1


def test_the_third_crash_quarantines_whatever_the_retries() -> None:
    [move] = rescue(job(crashes=2, max_attempts=100))
    assert move.to is JobState.FAILED
    assert changes(move)["code"] == "quarantined"


def test_at_most_once_is_not_run_again() -> None:
    [move] = rescue(job(on_lost="fail", begun=0), slots=0)
    assert (move.to, changes(move)["code"]) == (JobState.FAILED, "lost")


def test_rescue_honours_a_cancel() -> None:
    assert [m.to for m in rescue(job(cancel_at=5), job(id=8, cancel_at=5, begun=0), slots=0)] == [
        JobState.CANCELLED,
        JobState.CANCELLED,
    ]


def test_what_only_waited_in_the_buffer_has_not_crashed() -> None:
    """Two slots: job 9 was seen running; of the others only the first in order may have been."""
    buffered = [job(id=i, begun=0) for i in (1, 2, 3)]
    moves = {m.job_id: m for m in rescue(*buffered, job(id=9, priority=100), slots=2)}
    kinds = {job_id: move.kind for job_id, move in moves.items()}
    assert kinds == {9: "job.rescued", 1: "job.rescued", 2: "job.returned", 3: "job.returned"}


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_is_final(state: JobState) -> None:
    over = job(state=state, worker=None, finished_at=NOW)
    for decide in (
        lambda: states.cancel(over),
        lambda: states.orphan(over),
        lambda: states.reschedule(over, NOW, ""),
    ):
        with pytest.raises(IllegalMove, match="job 7"):
            decide()
    assert states.LEGAL[state] == frozenset()


def test_cancel_park_release() -> None:
    pending = job(state=JobState.PENDING, worker=None)
    held = job(state=JobState.HELD, worker=None)
    assert states.cancel(pending, "enough").to is JobState.CANCELLED
    assert states.park(pending).to is JobState.HELD
    assert states.release(held, NOW).to is JobState.PENDING


def test_every_kind_that_moves_tells_its_state() -> None:
    pending = job(state=JobState.PENDING, worker=None)
    moves = [
        states.finish(claimed(), outcome, POLICY, NOW)
        for outcome in (
            Done("1"), Failed("e", "x"), Failed("e", "x", retry=False), Deferred(NOW, ""),
            Stopped(), HandedBack(""), Crashed("signal 9"),
        )
    ]  # fmt: skip
    moves += [*rescue(job()), *rescue(job(crashes=2)), states.cancel(pending), states.park(pending)]
    for move in moves:
        assert KINDS[move.kind] is move.to
        assert move.to in states.LEGAL[move.was]
        assert states.CHANGEABLE.issuperset(move.columns)
