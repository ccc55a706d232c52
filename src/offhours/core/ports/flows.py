"""Jobs that depend on each other, their steps, signals and questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from offhours.core.flows import Approval, ApprovalState, Edge, Flow, FlowStep, Member, Recorded
from offhours.core.model import Job
from offhours.core.ports.claims import QueueBound
from offhours.core.times import Micros


class Flows(Protocol):
    """Jobs that wait for others; and what a run has done already."""

    def submit(
        self,
        name: str | None,
        steps: Sequence[FlowStep],
        now: Micros,
        bound: QueueBound | None = None,
    ) -> list[int]:
        """Store jobs in this order, all or none; with a name, they are a flow."""
        ...

    def upstream(self, job_id: int) -> list[Edge]: ...
    def results(self, job_id: int) -> list[tuple[int, str | None, str | None]]:
        """Number, step and result of each job that this one waited for."""
        ...

    def flow(self, flow_id: int) -> Flow | None: ...
    def flow_of(self, job_id: int) -> tuple[int, str] | None: ...
    def flows(self, before: int | None = None, limit: int = 50) -> list[Flow]: ...
    def members(self, flow_id: int) -> list[Member]: ...
    def edges(self, flow_id: int) -> list[Edge]: ...
    def children(self, job_id: int) -> list[int]: ...
    def do_again(
        self,
        jobs: Sequence[Job],
        now: Micros,
        keep: Collection[int] = (),
        before: str | None = None,
    ) -> dict[int, int]:
        """Store finished jobs anew, each behind those that it waits for; what still waits for an
        old one waits for the new one. Of those to `keep`, recorded steps (`before` one) stay
        done."""
        ...

    def steps(self, job_id: int) -> list[Recorded]: ...
    def record(
        self, job_id: int, attempt: int, step: Recorded, now: Micros, signal: int | None = None
    ) -> bool:
        """Record a step, and take a signal; false when this attempt no longer holds the job."""
        ...


class Approvals(Protocol):
    """What jobs wait for from outside: signals, and questions to people."""

    def signal(self, job: Job, name: str, payload: str, now: Micros) -> None: ...
    def first_signal(self, job_id: int, name: str) -> tuple[int, str] | None: ...
    def awaiting(self, now: Micros, limit: int = 1000) -> list[Job]: ...
    def ask(self, approval: Approval, now: Micros) -> int: ...
    def decide(
        self, approval: Approval, state: ApprovalState, by: str, note: str | None, now: Micros
    ) -> bool:
        """Decide a question once; false when it was decided, or is void, already."""
        ...

    def approval(self, approval_id: int) -> Approval | None: ...
    def approval_of(self, job_id: int, step: str) -> Approval | None: ...
    def approvals(self, state: ApprovalState | None = None, limit: int = 50) -> list[Approval]: ...
    def count_waiting(self) -> int:
        """How many questions wait for an answer."""
        ...
