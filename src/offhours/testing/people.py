"""What people and other programs do while a job waits for them: approve, deny, signal."""

from __future__ import annotations

from typing import Any

from offhours.core.flows import Approval, ApprovalState
from offhours.handles import JobHandle


def approve(job: JobHandle[Any], *, by: str = "a person", note: str = "") -> Approval:
    """Say yes to what a job asks now; what it had asked. `AssertionError` when it asks nothing."""
    asked = _asked(job)
    job._app.approve(asked.id, by=by, note=note, digest=asked.digest)
    return asked


def deny(job: JobHandle[Any], *, by: str = "a person", note: str = "") -> Approval:
    """Say no to what a job asks now; what it had asked. `AssertionError` when it asks nothing."""
    asked = _asked(job)
    job._app.deny(asked.id, by=by, note=note, digest=asked.digest)
    return asked


def signal(job: JobHandle[Any], name: str, payload: object = None) -> None:
    """Send a job the signal that it waits for; `AssertionError` when it waits for another, or none.

    `job.signal(...)` sends it also when nobody waits for it yet, and so hides a misspelt name.
    """
    steps = job._app.store.flows.steps(job.id)
    awaited = [step.awaits for step in steps if step.awaits is not None and step.result is None]
    if name not in awaited:
        waits = f"it waits for {', '.join(awaited)}" if awaited else str(job.why())
        raise AssertionError(f"job {job.id} does not wait for the signal {name}: {waits}")
    job.signal(name, payload)


def _asked(job: JobHandle[Any]) -> Approval:
    for approval in job._app.approvals(ApprovalState.WAITING, limit=1_000):
        if approval.job_id == job.id:
            return approval
    raise AssertionError(f"job {job.id} asks nothing: {job.why()}")
