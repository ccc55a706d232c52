"""Each move in full: what it changes, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.test_states import NOW, POLICY, changes, claimed, job

from offhours.core import states
from offhours.core.errors import IllegalMove
from offhours.core.model import JobState
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
from offhours.core.times import SECOND

# Far on: no figure of it is 0 or 1, so that none can be taken for another.
FAR: dict[str, Any] = {
    "attempt": 9, "returned": 5, "crashes": 1, "deferrals": 7, "max_attempts": 4, "worker": 2,
    "schedule_id": 3,
}  # fmt: skip
LATER = NOW + 60 * SECOND


def finished(outcome: Any, **more: Any) -> states.Move:
    return states.finish(claimed(**FAR | more), outcome, POLICY, NOW)


def idle(state: JobState, **more: Any) -> Any:
    return job(**FAR | {"state": state, "worker": None} | more)


PENDING, HELD = JobState.PENDING, JobState.HELD
MOVES: dict[str, tuple[states.Move, str, str, dict[str, Any], dict[str, Any] | None]] = {
    "paused": (
        states.pause(idle(PENDING), "by hand"), "held", "job.held",
        {"code": "paused", "reason": "by hand"}, {"code": "paused", "reason": "by hand"},
    ),
    "resumed": (
        states.resume(idle(HELD, code="paused", run_at=LATER), NOW), "pending", "job.released",
        {"run_at": LATER, "reason": None, "code": None}, None,
    ),
    "done": (finished(Done("1")), "succeeded", "job.succeeded", {"result": "1"}, None),
    "deferred": (
        finished(Deferred(LATER, "busy")), "pending", "job.deferred",
        {"run_at": LATER, "returned": 6, "deferrals": 8, "reason": "busy", "code": "deferred"},
        {"until": LATER, "reason": "busy"},
    ),
    "gated": (
        finished(Gated("memory", "too little", LATER, 91.5, 90.0)), "pending", "job.deferred",
        {"run_at": LATER, "returned": 6, "deferrals": 8, "reason": "memory: too little",
         "code": "gate"},
        {"gate": "memory", "until": LATER, "reason": "too little", "figure": 91.5, "limit": 90.0},
    ),
    "asleep": (
        finished(Suspended("asleep", "it sleeps", LATER, held=False)), "pending", "job.slept",
        {"run_at": LATER, "returned": 6, "reason": "it sleeps", "code": "asleep",
         "expires_at": None},
        {"code": "asleep", "reason": "it sleeps", "until": LATER},
    ),
    "waits": (
        finished(Suspended("signal", "it waits", LATER, held=True)), "held", "job.held",
        {"run_at": LATER, "returned": 6, "reason": "it waits", "code": "signal",
         "expires_at": None},
        {"code": "signal", "reason": "it waits", "until": LATER},
    ),
    "handed back": (
        finished(HandedBack("drain")), "pending", "job.returned", {"returned": 6},
        {"reason": "drain"},
    ),
    "stopped": (finished(Stopped()), "cancelled", "job.cancelled", {"code": "cancelled"}, None),
    "retried": (
        finished(Failed("error", "boom", after=7 * SECOND)), "pending", "job.retried",
        {"run_at": NOW + 7 * SECOND, "error": "boom", "code": "error", "reason": None},
        {"code": "error", "error": "boom", "run_at": NOW + 7 * SECOND},
    ),
    "retried late": (
        finished(Failed("timeout", "slow", after=SECOND, took=5)), "pending", "job.retried",
        {"run_at": NOW + SECOND, "error": "slow", "code": "timeout", "reason": None},
        {"code": "timeout", "error": "slow", "took": 5, "run_at": NOW + SECOND},
    ),
    "failed": (
        finished(Failed("error", "b" * 900), max_attempts=3), "failed", "job.failed",
        {"error": "b" * 900, "code": "error"}, {"code": "error", "error": "b" * 500},
    ),
    "failed, to be stopped": (
        finished(Failed("error", "boom"), cancel_at=1), "cancelled", "job.cancelled",
        {"code": "cancelled", "error": "boom"}, None,
    ),
    "crashed": (
        finished(Crashed("signal 9", "tail")), "pending", "job.crashed",
        {"crashes": 2, "run_at": NOW, "code": "crashed", "reason": "signal 9",
         "error": "tail\n\nsignal 9; this job was running when its process died, 2 times"},
        {"crashes": 2, "reason": "signal 9"},
    ),
    "crashed once": (
        finished(Crashed("gone", ""), crashes=0), "pending", "job.crashed",
        {"crashes": 1, "run_at": NOW, "code": "crashed", "reason": "gone",
         "error": "gone; this job was running when its process died, once"},
        {"crashes": 1, "reason": "gone"},
    ),
    "quarantined": (
        finished(Crashed("gone", ""), crashes=2), "failed", "job.failed",
        {"crashes": 3, "code": "quarantined",
         "error": "gone; this job was running when its process died, 3 times"},
        {"crashes": 3, "reason": "gone", "code": "quarantined"},
    ),
    "at most once": (
        finished(Crashed("gone", ""), on_lost="fail", crashes=0), "failed", "job.failed",
        {"crashes": 1, "code": "lost",
         "error": "gone; this job was running when its process died, once"},
        {"crashes": 1, "reason": "gone", "code": "lost"},
    ),
    "cancelled": (
        states.cancel(idle(HELD), "no"), "cancelled", "job.cancelled",
        {"reason": "no", "code": "cancelled"}, {"reason": "no"},
    ),
    "parked": (
        states.park(idle(PENDING)), "held", "job.held", {"reason": "no handler"},
        {"reason": "no handler"},
    ),
    "behind its own": (
        states.wait_turn(7, 3), "held", "job.held", {"reason": states.EARLIER},
        {"reason": states.EARLIER},
    ),
    "behind others": (
        states.wait_for_others(7), "held", "job.held", {"reason": states.WAITS},
        {"reason": states.WAITS},
    ),
    "woken": (
        states.wake(idle(HELD, run_at=LATER), NOW), "pending", "job.released",
        {"run_at": NOW, "reason": None, "code": None}, None,
    ),
    "released": (
        states.release(idle(HELD, run_at=LATER), NOW), "pending", "job.released",
        {"run_at": LATER, "reason": None}, None,
    ),
    "expired": (
        states.expire(idle(PENDING)), "cancelled", "job.cancelled",
        {"code": "expired", "reason": "it expired before it could start"},
        {"code": "expired", "reason": "it expired before it could start"},
    ),
    "moved": (
        states.reschedule(idle(PENDING), LATER, "later"), "pending", "job.deferred",
        {"run_at": LATER, "deferrals": 8, "reason": "later", "code": "deferred"},
        {"until": LATER, "reason": "later"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_a_move_in_full(name: str) -> None:
    move, to, kind, changed, told = MOVES[name]
    assert (move.to, move.kind) == (to, kind)
    assert changes(move) == changed
    assert (None if move.data is None else dict(move.data)) == told
    assert move.job_id == 7
    fresh = name in ("behind its own", "behind others")
    assert move.attempt == (0 if fresh else 9)
    assert move.schedule_id == (None if name == "behind others" else 3)


def test_a_cancel_without_a_reason_tells_none() -> None:
    move = states.cancel(idle(PENDING))
    assert move.data is None
    assert changes(move)["code"] == "cancelled"


def test_what_is_over_cannot_be_cancelled() -> None:
    with pytest.raises(IllegalMove, match="job 7 is failed and cannot be cancelled"):
        states.cancel(idle(JobState.FAILED), "no")


def test_only_what_waits_is_paused_and_only_what_was_paused_goes_on() -> None:
    for state in (HELD, JobState.RUNNING, JobState.FAILED):
        with pytest.raises(IllegalMove, match="cannot be paused"):
            states.pause(idle(state))
    for held in (idle(HELD, code="signal"), idle(PENDING, code="paused")):
        with pytest.raises(IllegalMove, match="job 7 is not paused"):
            states.resume(held, NOW)


@pytest.mark.parametrize(
    ("on_lost", "cancel_at", "to"),
    [("retry", None, "job.returned"), ("fail", None, "job.failed"), ("retry", 1, "job.cancelled")],
)
def test_what_waited_in_the_buffer_of_a_dead_worker(
    on_lost: str, cancel_at: int | None, to: str
) -> None:
    one = job(**FAR | {"begun": 0, "on_lost": on_lost, "cancel_at": cancel_at})
    [move] = states.rescue([one], 0, NOW, "gone")
    assert move.kind == to
    if to != "job.returned":
        assert dict(move.data or ())["worker"] == 2


def test_the_head_of_the_buffer_may_have_run() -> None:
    jobs = [
        job(id=n, begun=0, priority=priority, **{k: v for k, v in FAR.items() if k != "worker"})
        for n, priority in ((1, 50), (2, 10), (3, 50))
    ]
    found = states.rescue([*jobs, job(id=4, begun=1)], 3, NOW, "gone")
    assert [(move.job_id, move.kind) for move in found] == [
        (4, "job.rescued"), (2, "job.rescued"), (1, "job.rescued"), (3, "job.returned"),
    ]  # fmt: skip


def test_no_slot_was_left_for_what_had_not_begun() -> None:
    jobs = [job(id=n, begun=int(n < 3)) for n in range(1, 6)]
    found = states.rescue(jobs, 1, NOW, "gone")
    assert [move.kind for move in found] == ["job.rescued"] * 2 + ["job.returned"] * 3


@pytest.mark.parametrize("most", [2, None])
def test_more_was_spent_than_may_be(most: int | None) -> None:
    """The limit was lowered meanwhile, or the task is not known here: one attempt is enough."""
    move = finished(Failed("error", "boom"), max_attempts=most)
    assert move.to == "failed"
    alone = states.finish(claimed(max_attempts=None), Failed("error", "boom"), POLICY, NOW)
    assert alone.to == "failed"


def test_more_crashes_than_may_be() -> None:
    assert finished(Crashed("gone"), crashes=8).to == "failed"
