"""What agents keep, and what they may use up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from offhours.core.agents import (
    Deferral,
    DeferredOften,
    Deliver,
    Executions,
    Goal,
    GoalCount,
    NewGoal,
    NewThought,
    StoredThought,
    ThoughtState,
)
from offhours.core.budgets import Amounts, Breach, Spent, StoredBudget
from offhours.core.model import NewJob
from offhours.core.quotas import Quota, Usage
from offhours.core.schedules import NewSchedule, ScheduleMove
from offhours.core.times import Micros


class Agents(Protocol):
    """What agents keep: goals, the thoughts that come of them, and what was moved to later."""

    def add_goal(
        self,
        new: NewGoal,
        schedule: NewSchedule,
        next_at: Micros,
        now: Micros,
        deferral: Deferral | None = None,
    ) -> Goal | None:
        """Store a goal with its schedule; None when there is one of that id.

        `QuotaExceeded` when its agent or its tenant may have no more.
        """
        ...

    def defer_goal(
        self, goal: Goal, move: ScheduleMove, deferral: Deferral, now: Micros
    ) -> bool: ...
    def cancel_goal(self, goal: Goal, move: ScheduleMove | None, now: Micros) -> bool: ...
    def goal(self, schedule_id: int) -> Goal | None: ...
    def goal_of_task(self, task_id: str, tenant: str | None = None) -> Goal | None: ...
    def goals(
        self, agent: str | None = None, after: int = 0, limit: int = 50, tenant: str | None = None
    ) -> list[Goal]: ...
    def goal_counts(self) -> list[GoalCount]: ...
    def size(self) -> int: ...
    def tallies(self) -> dict[str, int]:
        """What was counted of goals since the store was made, those that are gone included."""
        ...

    def count(self, key: str) -> None: ...
    def executions(self, since: Micros, recurring: bool | None = None) -> Executions: ...

    def deferrals_of_goal(self, schedule_id: int) -> list[Deferral]: ...
    def deferrals_of_job(self, job_id: int) -> list[Deferral]: ...
    def reasons(self, since: Micros, limit: int = 10) -> list[tuple[str, int]]: ...
    def deferred_often(self, limit: int = 10) -> list[DeferredOften]: ...
    def deferrals_since(self, since: Micros) -> int: ...

    def deliver(
        self, new: NewThought, handle: Callable[[StoredThought, str], NewJob], now: Micros
    ) -> Deliver:
        """Leave a thought once, with the job of the agent's handler, if it has one."""
        ...

    def set_handler(
        self, agent: str, task: str, handle: Callable[[StoredThought, str], NewJob], now: Micros
    ) -> int:
        """Have a task work on an agent's thoughts, also on those that wait; how many do."""
        ...

    def thoughts_of_job(self, job_id: int) -> list[StoredThought]: ...
    def take(self, agent: str, until: Micros, limit: int, now: Micros) -> list[StoredThought]:
        """The visible thoughts of an agent, which nobody else gets before `until`."""
        ...

    def next_thought(self, agent: str, now: Micros) -> Micros | None: ...
    def acknowledge(self, thought: StoredThought, answer: str | None, now: Micros) -> bool: ...
    def snooze(self, thought: StoredThought, until: Micros, now: Micros) -> bool: ...
    def expire(self, now: Micros) -> int: ...
    def thought(self, thought_id: int, tenant: str | None = None) -> StoredThought | None: ...
    def thoughts(
        self,
        agent: str | None = None,
        state: ThoughtState | None = None,
        before: int | None = None,
        limit: int = 50,
        tenant: str | None = None,
    ) -> list[StoredThought]: ...


class Budgets(Protocol):
    """What work may use up, what it has used, and how much may be stored."""

    def all(self) -> list[StoredBudget]: ...
    def set(self, budget: StoredBudget, now: Micros) -> None: ...
    def drop(self, scope: str, name: str, now: Micros) -> bool: ...
    def spent(self, budget: StoredBudget, now: Micros) -> Spent: ...
    def reserve(
        self, budget: StoredBudget, job_id: int, attempt: int, now: Micros
    ) -> Breach | None:
        """Let a run begin, and keep for it what it may use; else why it may not."""
        ...

    def spend(
        self,
        budgets: Sequence[StoredBudget],
        amounts: Amounts,
        job_id: int,
        attempt: int,
        now: Micros,
    ) -> Sequence[Breach]:
        """Count on budgets what a run has used, and tell it; those that are exceeded now."""
        ...

    def settle(
        self,
        budgets: Sequence[StoredBudget],
        job_id: int,
        attempt: int,
        seconds: Micros,
        now: Micros,
    ) -> None:
        """A run has ended: count its time, and keep nothing more for it."""
        ...

    def quotas(self) -> Sequence[Quota]: ...
    def set_quota(self, quota: Quota, now: Micros) -> None: ...
    def quota(self, scope: str, name: str) -> Quota | None:
        """The quota that holds for an agent or a tenant, if there is one."""
        ...

    def usage(self, scope: str, name: str) -> Usage: ...
