"""The life of a job: a table of legal moves, and pure functions that decide one.

A `Move` says which job it expects to find (state and attempt), where it goes, what changes and
what is told. The store applies it in one guarded write; there is no other road.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from offhours.core.errors import IllegalMove
from offhours.core.model import FINAL, MAX_CRASHES, Claimed, Job, JobState
from offhours.core.outcomes import (
    Crashed,
    Deferred,
    Done,
    Failed,
    Gated,
    HandedBack,
    Outcome,
    Stopped,
    Suspended,
)
from offhours.core.retries import RetryPolicy
from offhours.core.times import Micros

PENDING, HELD, RUNNING = JobState.PENDING, JobState.HELD, JobState.RUNNING
SUCCEEDED, FAILED, CANCELLED = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED

LEGAL: dict[JobState, frozenset[JobState]] = {
    PENDING: frozenset({PENDING, HELD, RUNNING, FAILED, CANCELLED}),
    HELD: frozenset({PENDING, FAILED, CANCELLED}),
    RUNNING: frozenset({PENDING, HELD, SUCCEEDED, FAILED, CANCELLED}),
    SUCCEEDED: frozenset(),
    FAILED: frozenset(),
    CANCELLED: frozenset(),
}

Value: TypeAlias = str | int | float | None

# What a held job waits for.
NO_HANDLER = "no handler"
WAITS = "it waits for other jobs"
EARLIER = "an earlier job of its schedule is not finished"
PAUSED = "paused"  # the code of what was paused by hand

# Columns that a move may change; state, worker and finished_at follow from the move itself.
CHANGEABLE = frozenset(
    {
        "run_at",
        "returned",
        "crashes",
        "deferrals",
        "result",
        "error",
        "code",
        "reason",
        "expires_at",
    }
)


class Move(NamedTuple):
    """One step of one job. `values` are the new values of `columns`, in their order."""

    job_id: int
    attempt: int
    was: JobState
    to: JobState
    kind: str
    columns: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    data: tuple[tuple[str, Value], ...] | None = None
    schedule_id: int | None = None


def _move(
    job: Job | Claimed,
    was: JobState,
    to: JobState,
    kind: str,
    tell: tuple[tuple[str, Value], ...] | None = None,
    **changes: Value,
) -> Move:
    if to not in LEGAL[was]:
        raise IllegalMove(f"job {job.id} is {was} and cannot become {to}")
    return Move(
        job.id, job.attempt, was, to, kind, tuple(changes), tuple(changes.values()), tell,
        job.schedule_id,
    )  # fmt: skip


def finish(
    job: Claimed, outcome: Outcome, policy: RetryPolicy, now: Micros, chance: float = 0.0
) -> Move:
    """What follows from how a run ended."""
    match outcome:
        case Done(result, None):
            # The hot path: spelled out, it is half the cost of _move().
            return Move(
                job.id, job.attempt, RUNNING, SUCCEEDED, "job.succeeded", ("result",), (result,),
                None, job.schedule_id,
            )  # fmt: skip
        case Done(result, note):
            tell = (("note", note),)
            return _move(job, RUNNING, SUCCEEDED, "job.succeeded", tell, result=result, reason=note)
        case Failed():
            return _after_failure(job, outcome, policy, now, chance)
        case Deferred(until, reason):
            if job.cancel_at is not None:
                return _stopped(job)
            return _move(
                job, RUNNING, PENDING, "job.deferred", (("until", until), ("reason", reason)),
                run_at=until, returned=job.returned + 1, deferrals=job.deferrals + 1,
                reason=reason, code="deferred",
            )  # fmt: skip
        case Gated():
            return _gated(job, outcome)
        case Suspended():
            return _suspended(job, outcome)
        case Stopped():
            return _stopped(job)
        case HandedBack(reason):
            return hand_back(job, reason)
        case Crashed(reason, tail):
            return _crashed(job, now, reason, tail)


def _stopped(job: Job | Claimed) -> Move:
    return _move(job, RUNNING, CANCELLED, "job.cancelled", code="cancelled")


def _gated(job: Claimed, outcome: Gated) -> Move:
    if job.cancel_at is not None:
        return _stopped(job)
    reason = f"{outcome.gate}: {outcome.reason}"
    tell = (
        ("gate", outcome.gate), ("until", outcome.until), ("reason", outcome.reason),
        ("figure", outcome.figure), ("limit", outcome.limit),
    )  # fmt: skip
    return _move(
        job, RUNNING, PENDING, "job.deferred", tell,
        run_at=outcome.until, returned=job.returned + 1, deferrals=job.deferrals + 1,
        reason=reason, code="gate",
    )  # fmt: skip


def _suspended(job: Claimed, outcome: Suspended) -> Move:
    if job.cancel_at is not None:
        return _stopped(job)
    to, kind = (HELD, "job.held") if outcome.held else (PENDING, "job.slept")
    tell = (("code", outcome.code), ("reason", outcome.reason), ("until", outcome.until))
    return _move(
        job, RUNNING, to, kind, tell,
        run_at=outcome.until, returned=job.returned + 1, reason=outcome.reason, code=outcome.code,
        expires_at=None,  # that is for its start, and it has begun
    )  # fmt: skip


def _after_failure(
    job: Claimed, failure: Failed, policy: RetryPolicy, now: Micros, chance: float
) -> Move:
    if job.cancel_at is not None:
        return _move(
            job, RUNNING, CANCELLED, "job.cancelled", code="cancelled", error=failure.error
        )
    tell: tuple[tuple[str, Value], ...] = (("code", failure.code), ("error", failure.error[:500]))
    if failure.retry and job.spent < (job.max_attempts or 1):
        wait = policy.delay(job.spent, chance) if failure.after is None else failure.after
        if failure.took is not None:
            tell = (*tell, ("took", failure.took))
        return _move(
            job, RUNNING, PENDING, "job.retried", (*tell, ("run_at", now + wait)),
            run_at=now + wait, error=failure.error, code=failure.code, reason=None,
        )  # fmt: skip
    return _move(job, RUNNING, FAILED, "job.failed", tell, error=failure.error, code=failure.code)


def unrecordable(move: Move, problem: str) -> Move:
    """In place of a move that the store could not take: the job has failed, and says why."""
    return Move(
        move.job_id, move.attempt, RUNNING, FAILED, "job.failed",
        ("error", "code"), (f"its outcome could not be recorded: {problem}", "internal"),
        (("code", "internal"),), move.schedule_id,
    )  # fmt: skip


def stop_instead(move: Move) -> Move:
    """In place of a move back to pending: the job was asked to stop, which nothing undoes."""
    return Move(
        move.job_id, move.attempt, move.was, CANCELLED, "job.cancelled", ("code",), ("cancelled",),
        None, move.schedule_id,
    )  # fmt: skip


def hand_back(job: Job | Claimed, reason: str) -> Move:
    """Give a claimed job back untouched: it keeps its place, and no attempt is spent."""
    if job.cancel_at is not None:
        return _stopped(job)
    return _move(
        job, RUNNING, PENDING, "job.returned", (("reason", reason),), returned=job.returned + 1
    )


def rescue(jobs: Sequence[Job], slots: int, now: Micros, reason: str) -> list[Move]:
    """What becomes of the jobs of a dead worker.

    It held what ran in its slots and what waited in its buffer. Jobs start in order, so what was
    not seen running but may have been is the head of the rest: those count as crashed, the others
    are handed back. A job that must run at most once may have run wherever it stood.
    """
    begun = [job for job in jobs if job.begun]
    rest = sorted((job for job in jobs if not job.begun), key=lambda job: (job.priority, job.id))
    head = max(0, slots - len(begun))
    moves = [_crashed(job, now, reason) for job in begun + rest[:head]]
    for job in rest[head:]:
        doubtful = job.on_lost == "fail" or job.cancel_at is not None
        moves.append(_crashed(job, now, reason) if doubtful else hand_back(job, reason))
    return moves


def _crashed(job: Job | Claimed, now: Micros, reason: str, tail: str | None = None) -> Move:
    """A run that ended with its process: the worker's, or one of its own (which left a `tail`)."""
    crashes = job.crashes + 1
    tell: tuple[tuple[str, Value], ...] = (("crashes", crashes), ("reason", reason))
    if isinstance(job, Job):
        tell = (("worker", job.worker), *tell)
    if job.cancel_at is not None:
        return _move(
            job, RUNNING, CANCELLED, "job.cancelled", tell, crashes=crashes, code="cancelled"
        )
    final = job.on_lost == "fail" or crashes >= MAX_CRASHES
    code = "lost" if job.on_lost == "fail" else "quarantined" if final else "crashed"
    whose = "its worker" if tail is None else "its process"
    error = f"{reason}; this job was running when {whose} died, {_times(crashes)}"
    if tail:
        error = f"{tail}\n\n{error}"  # as in a traceback, what it comes to is the last line
    if final:
        return _move(
            job, RUNNING, FAILED, "job.failed", (*tell, ("code", code)),
            crashes=crashes, code=code, error=error,
        )  # fmt: skip
    if tail is None:
        return _move(
            job, RUNNING, PENDING, "job.rescued", tell,
            crashes=crashes, run_at=now, code="worker_lost", reason=reason,
        )  # fmt: skip
    return _move(
        job, RUNNING, PENDING, "job.crashed", tell,
        crashes=crashes, run_at=now, code=code, error=error, reason=reason,
    )  # fmt: skip


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def cancel(job: Job, reason: str = "") -> Move:
    """Cancel a job that nobody runs. A running one gets a mark instead (`Store.ask_cancel`)."""
    if job.state in FINAL:
        raise IllegalMove(f"job {job.id} is {job.state} and cannot be cancelled")
    tell = (("reason", reason),) if reason else None
    return _move(
        job, job.state, CANCELLED, "job.cancelled", tell, code="cancelled", reason=reason or None
    )


def park(job: Job) -> Move:
    """Hold a job whose task no worker knows; it is not burnt."""
    return _move(job, PENDING, HELD, "job.held", (("reason", NO_HANDLER),), reason=NO_HANDLER)


def pause(job: Job, reason: str = "") -> Move:
    """Let a job that waits not start until somebody lets it go on."""
    if job.state is not PENDING:
        raise IllegalMove(f"job {job.id} is {job.state} and cannot be paused")
    tell = (("code", PAUSED), ("reason", reason or None))
    return _move(job, PENDING, HELD, "job.held", tell, code=PAUSED, reason=reason or None)


def resume(job: Job, now: Micros) -> Move:
    """Let a paused job go on, when its time has come."""
    if job.state is not HELD or job.code != PAUSED:
        raise IllegalMove(f"job {job.id} is not paused")
    at = max(now, job.run_at)
    return _move(job, HELD, PENDING, "job.released", run_at=at, reason=None, code=None)


def wait_turn(job_id: int, schedule_id: int | None) -> Move:
    """Hold a new job of a schedule until its earlier one is finished."""
    return Move(
        job_id, 0, PENDING, HELD, "job.held", ("reason",), (EARLIER,), (("reason", EARLIER),),
        schedule_id,
    )  # fmt: skip


def wait_for_others(job_id: int) -> Move:
    """Hold a new job until others have ended."""
    return Move(
        job_id, 0, PENDING, HELD, "job.held", ("reason",), (WAITS,), (("reason", WAITS),)
    )  # fmt: skip


def wake(job: Job, now: Micros) -> Move:
    """Let a held job go on at once, for what it waits for is there."""
    return _move(job, HELD, PENDING, "job.released", run_at=now, reason=None, code=None)


def expire(job: Job) -> Move:
    """Cancel a job that did not start in time."""
    reason = "it expired before it could start"
    return _move(
        job, job.state, CANCELLED, "job.cancelled", (("code", "expired"), ("reason", reason)),
        code="expired", reason=reason,
    )  # fmt: skip


def release(job: Job, now: Micros) -> Move:
    """Let a held job go on."""
    return _move(job, HELD, PENDING, "job.released", run_at=max(now, job.run_at), reason=None)


def orphan(job: Job) -> Move:
    """A `durable=False` job whose process has ended: nobody can run it any more."""
    error = "submitted with durable=False by a process that has ended; its function went with it"
    return _move(
        job, job.state, FAILED, "job.failed", (("code", "lost"),), code="lost", error=error
    )


def reschedule(job: Job, run_at: Micros, reason: str) -> Move:
    """Move a job that nobody runs to another time, by hand."""
    if job.state is not PENDING:
        raise IllegalMove(f"job {job.id} is {job.state} and cannot be moved to another time")
    return _move(
        job, PENDING, PENDING, "job.deferred", (("until", run_at), ("reason", reason)),
        run_at=run_at, deferrals=job.deferrals + 1, reason=reason, code="deferred",
    )  # fmt: skip
