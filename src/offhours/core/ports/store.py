"""The store: jobs, workers and events, and the door to its other parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from offhours.core.events import Audited, Event
from offhours.core.model import ForegroundLease, Job, JobState, NewJob, WorkerInfo
from offhours.core.notices import JobFacts
from offhours.core.ports.access import Access
from offhours.core.ports.agents import Agents, Budgets
from offhours.core.ports.automations import Automations
from offhours.core.ports.claims import ClaimOrder, Exchange, Pruned, QueueBound, Situation, WakeUps
from offhours.core.ports.flows import Approvals, Flows
from offhours.core.ports.lists import Bulk, Lists, Moving, Templates
from offhours.core.ports.memory import GraphRows, SearchIndex
from offhours.core.ports.notices import Notices
from offhours.core.ports.planning import Limits, Schedules
from offhours.core.ports.training import Cycles, Models
from offhours.core.states import Move, Value
from offhours.core.terms import USUAL, Terms
from offhours.core.times import Micros


class Store(Protocol):
    """The one truth. Every call that writes is one transaction and tells its events in it."""

    name: str
    location: str
    identity: str  # the same in every process that has it open, and no other store's
    schedules: Schedules
    limits: Limits
    notices: Notices
    models: Models
    cycles: Cycles
    search: SearchIndex
    graph: GraphRows
    flows: Flows
    approvals: Approvals
    agents: Agents
    budgets: Budgets
    automations: Automations
    lists: Lists
    bulk: Bulk
    templates: Templates
    access: Access
    moving: Moving

    def submit(
        self,
        jobs: Sequence[NewJob],
        now: Micros,
        bound: QueueBound | None = None,
        terms: Terms = USUAL,
    ) -> list[int]: ...
    def submit_alike(self, pattern: NewJob, arguments: Sequence[str], now: Micros) -> list[int]: ...
    def submit_on(
        self, connection: Any, jobs: Sequence[NewJob], now: Micros, bound: QueueBound | None = None
    ) -> list[int]:
        """Store jobs in the transaction that `connection` has open: rolled back, never seen."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction for the user's own rows beside ours; yields its connection."""
        ...

    def submit_in_round(
        self, job: NewJob, order: ClaimOrder, now: Micros, bound: QueueBound | None = None
    ) -> tuple[int, Exchange]: ...
    def exchange(self, moves: Sequence[Move], order: ClaimOrder, now: Micros) -> Exchange: ...
    def apply(self, moves: Sequence[Move], now: Micros) -> Sequence[Move]: ...
    def ask_cancel(self, job_id: int, attempt: int, now: Micros, reason: str) -> bool: ...
    def cancel_marks(self, worker: int) -> Sequence[int]: ...
    def tell(
        self, now: Micros, kind: str, job_id: int | None, attempt: int | None, **data: Value
    ) -> None: ...
    def save_progress(self, job_id: int, attempt: int, progress: str, now: Micros) -> bool: ...

    def job(self, job_id: int) -> Job | None: ...
    def job_of_key(self, key: str) -> int | None:
        """The job that an idempotency key has made, though it may be pruned."""

    def jobs(
        self,
        *,
        state: JobState | None = None,
        task: str | None = None,
        after: int = 0,
        newest_first: bool = True,
        limit: int = 50,
    ) -> list[Job]: ...
    def unfinished_of(self, worker: int) -> list[Job]: ...
    def jobs_of_nobody(self) -> list[Job]: ...
    def strangers(self, known: str, limit: int = 1000) -> list[Job]: ...
    def parked(self, known: str, limit: int = 1000) -> list[Job]: ...
    def owned(self, limit: int = 1000) -> list[Job]: ...
    def expired(self, now: Micros, limit: int = 1000) -> list[Job]: ...
    def counts(self) -> dict[str, int]: ...
    def events(self, after: int = 0, limit: int = 1000, kinds: str | None = None) -> list[Event]:
        """The next events after a cursor; with `kinds`, a `name_list`, only those."""
        ...

    def facts(self, job_ids: Sequence[int]) -> list[JobFacts]: ...
    def heads(self, now: Micros, most: int = 100) -> list[Job]:
        """The first ready job of each queue and line, and the one that is overdue the longest."""
        ...

    def history(self, job_id: int) -> list[Event]: ...
    def audit(
        self, before: int | None = None, actor: str | None = None, limit: int = 50
    ) -> list[Audited]: ...
    def last_seq(self) -> int: ...
    def situation(self, job: Job, now: Micros) -> Situation: ...
    @property
    def connections(self) -> int:
        """How many connections to the database are held."""
        ...

    def changed(self) -> int: ...

    def add_worker(self, worker: WorkerInfo, now: Micros) -> int: ...
    def beat(self, worker: int, now: Micros, tasks: str, slots: int | None = None) -> bool: ...
    def bury(
        self,
        worker: WorkerInfo,
        decide: Callable[[Sequence[Job]], Sequence[Move]],
        now: Micros,
        reason: str,
    ) -> bool: ...
    def remove_worker(self, worker: int, now: Micros) -> None: ...
    def workers(self) -> list[WorkerInfo]: ...

    def enter_foreground(self, workflow: str, holder: str, ttl: Micros, now: Micros) -> int: ...
    def renew_foreground(
        self, lease: int, workflow: str, holder: str, ttl: Micros, now: Micros
    ) -> None: ...
    def leave_foreground(self, leases: Sequence[int], now: Micros) -> None: ...
    def foreground(self, now: Micros) -> list[ForegroundLease]: ...

    def prune(self, before: Micros, keep: int, limit: int, now: Micros) -> Pruned: ...
    def age(self, before: Micros, limit: int, now: Micros) -> int:
        """Move jobs up that have been ready since `before`; how many."""
        ...

    def log_size(self) -> int: ...
    def sibling(self) -> Store:
        """The same store over connections of its own, which no other caller can keep busy."""
        ...

    def wake_ups(self) -> WakeUps | None:
        """How processes wake each other, if the database itself can."""
        ...

    def close(self) -> None: ...
