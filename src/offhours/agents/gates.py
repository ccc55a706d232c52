"""The gates of budgets: what a run may use is kept for it before it begins, and counted after."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from offhours.core.accounts import ACCOUNT_KEY, Account, account_of
from offhours.core.budgets import Breach, OnBreach, StoredBudget, question
from offhours.core.clock import Clock
from offhours.core.errors import StoreError
from offhours.core.gates import OPEN, Gate, Verdict, too_often
from offhours.core.model import Claimed
from offhours.core.ports import Store
from offhours.core.times import SECOND, Micros

LOOK_EVERY = 30.0
CROWDED: Micros = 5 * SECOND  # when it is asked again whether other runs have left something


class BudgetGate(NamedTuple):
    """Lets a run begin while its budget allows it."""

    budget: StoredBudget
    name: str = "budget"

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        found = store.budgets.reserve(self.budget, job.id, job.attempt, now)
        return OPEN if found is None else _verdict(found, job, now)

    def settle(self, job: Claimed, seconds: Micros, now: Micros, store: Store) -> None:
        store.budgets.settle([self.budget], job.id, job.attempt, seconds, now)


def _verdict(found: Breach, job: Claimed, now: Micros) -> Verdict:
    shut = Verdict(False, found.reason, now + CROWDED, found.figure, found.limit, False)
    if not found.spent:
        return shut
    match found.budget.on_breach:
        case OnBreach.STOP:
            return shut._replace(stop=True)
        case OnBreach.ASK:
            return shut._replace(ask=question(found.budget, job.id, now))
        case _:
            return shut._replace(again_at=found.until or now + CROWDED)


class Purse:
    """The budgets of a store, as far as this process knows them.

    It is told when one changes; that it looks now and then is a net.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._looked = float("-inf")
        self._known: Sequence[StoredBudget] = ()
        self._for_all = False

    def reload(self) -> None:
        """Another process, or this one, has set or lifted a budget."""
        self._looked = self._clock.monotonic()
        known = self._store.budgets.all()
        self._for_all = any(budget.scope != "agent" for budget in known)
        self._known = known

    def gates(self, job: Claimed) -> Sequence[Gate]:
        """The budgets of a job; the quick answer is that it has none."""
        metadata = job.metadata
        if self._clock.monotonic() - self._looked > LOOK_EVERY:
            with suppress(StoreError):  # what it knows holds on
                self.reload()
        if not self._for_all:
            if metadata is None:
                return ()
            if not self._known and ACCOUNT_KEY not in metadata:
                return ()
        account: Account = account_of(metadata, job.tenant)
        return [BudgetGate(budget) for budget in account.chosen(self._known)]


class GoalLimit(NamedTuple):
    """Has a person asked about a goal that was moved to later more often than its agent may."""

    name: str = "deferrals"

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        goal = None if job.schedule_id is None else store.agents.goal(job.schedule_id)
        if goal is None or not goal.deferrals:
            return OPEN
        for scope, whose in (("agent", goal.agent), ("tenant", goal.tenant)):
            quota = None if whose is None else store.budgets.quota(scope, whose)
            if quota is not None and quota.deferrals is not None:
                shut = too_often(goal.deferrals, quota.deferrals, f"the goal {goal.name!r}")
                if not shut.open:
                    return shut
        return OPEN
