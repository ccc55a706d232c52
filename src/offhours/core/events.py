"""Facts. The `events` table is the audit log: everything else reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from offhours.core.model import JobState
from offhours.core.times import Micros


class Event(NamedTuple):
    """One fact. `seq` grows in commit order; `data` is a JSON object or null."""

    seq: int
    at: Micros
    kind: str
    job_id: int | None
    attempt: int | None
    data: str | None

    @property
    def told(self) -> dict[str, Any]:
        """Its data; empty when it has none.

        >>> Event(7, 0, "job.held", 42, None, '{"reason": "quiet hours"}').told["reason"]
        'quiet hours'
        """
        found: dict[str, Any] = json.loads(self.data) if self.data else {}
        return found


class Audited(NamedTuple):
    """What somebody did by hand: `was`, `became` and `via` are JSON objects or null.

    via: the face by which it came, and what is known of the request
    """

    id: int
    at: Micros
    actor: str
    action: str
    job_id: int | None
    was: str | None
    became: str | None
    via: str | None = None


# Every kind there is, and the state in which it leaves its job (None: as it was).
KINDS: dict[str, JobState | None] = {
    "job.submitted": JobState.PENDING,
    "job.started": JobState.RUNNING,
    "job.succeeded": JobState.SUCCEEDED,
    "job.failed": JobState.FAILED,
    "job.retried": JobState.PENDING,
    "job.deferred": JobState.PENDING,
    "job.returned": JobState.PENDING,
    "job.rescued": JobState.PENDING,
    "job.crashed": JobState.PENDING,
    "job.held": JobState.HELD,
    "job.released": JobState.PENDING,
    "job.cancelled": JobState.CANCELLED,
    "job.cancel_requested": None,
    "job.slept": JobState.PENDING,
    "job.step": None,
    "job.signalled": None,
    "job.done_again": None,
    "job.aged": None,
    "job.replaced": None,
    "job.forced": None,
    "job.progress": None,
    "job.stuck": None,
    "job.result_refused": None,
    "store.imported": None,
    "worker.started": None,
    "worker.stopped": None,
    "worker.lost": None,
    "foreground.entered": None,
    "foreground.left": None,
    "schedule.created": None,
    "schedule.changed": None,
    "schedule.paused": None,
    "schedule.resumed": None,
    "schedule.disabled": None,
    "schedule.parked": None,
    "schedule.ended": None,
    "schedule.skipped": None,
    "schedule.run_reported": None,
    "schedule.deleted": None,
    "schedule.deferred": None,
    "limit.set": None,
    "limit.declared": None,
    "limit.paused": None,
    "limit.resumed": None,
    "approval.asked": None,
    "approval.approved": None,
    "approval.denied": None,
    "approval.expired": None,
    "thought.created": None,
    "thought.acknowledged": None,
    "thought.snoozed": None,
    "thought.expired": None,
    "job.spent": None,
    "budget.set": None,
    "budget.lifted": None,
    "quota.set": None,
    "alert.firing": None,
    "alert.acknowledged": None,
    "alert.resolved": None,
    "delivery.failed": None,
    "recorder.dumped": None,
    "training.started": None,
    "training.done": None,
    "training.promoted": None,
    "training.kept": None,
    "training.refused": None,
    "training.skipped": None,
    "training.failed": None,
    "training.pardoned": None,
    "model.frozen": None,
    "model.rolled_back": None,
    "model.restored": None,
    "automation.created": None,
    "automation.changed": None,
    "automation.judged": None,
    "automation.deployed": None,
    "automation.withdrawn": None,
    "automation.rolled_back": None,
    "automation.ran": None,
    "trial.started": None,
    "trial.ended": None,
    "workflow.changed": None,
    "operation.started": None,
    "operation.stopped": None,
    "operation.ended": None,
    "template.created": None,
    "template.changed": None,
    "template.deleted": None,
    "api.changed": None,
    "token.made": None,
    "token.revoked": None,
    "store.pruned": None,
    "store.log_large": None,
}


def fold(events: Iterable[Event]) -> dict[int, JobState]:
    """The state of each job as its events tell it; it must agree with the jobs table."""
    states: dict[int, JobState] = {}
    for event in events:
        state = KINDS.get(event.kind)  # a newer process may tell what we do not know yet
        if event.job_id is not None and state is not None:
            states[event.job_id] = state
    return states
