"""What a run may read and write of its own job, whichever process it is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from offhours.core.accounts import account_of
from offhours.core.budgets import Amounts, Breach, OnBreach, Overspent, question
from offhours.core.clock import Clock
from offhours.core.flows import Approval, ApprovalState, Recorded
from offhours.core.model import Claimed
from offhours.core.ports import Store
from offhours.core.times import Micros

NOBODY = "nobody in time"


class Desk(Protocol):
    """The records of one run."""

    def steps(self) -> list[Recorded]: ...
    def record(self, step: Recorded, signal: int | None = None) -> bool:
        """Record a step; false when this attempt no longer holds the job."""
        ...

    def first_signal(self, name: str) -> tuple[int, str] | None: ...
    def ask(self, approval: Approval) -> int: ...
    def approval_of(self, step: str) -> Approval | None: ...
    def expire(self, approval: Approval) -> bool: ...
    def results(self) -> list[tuple[int, str | None, str | None]]: ...
    def spend(self, amounts: Amounts) -> Overspent | None:
        """Count what this run has used; what follows if that is more than it may."""
        ...


class StoreDesk:
    """A desk beside the store."""

    def __init__(self, store: Store, job: Claimed, clock: Clock) -> None:
        self._flows = store.flows
        self._approvals = store.approvals
        self._budgets = store.budgets
        self._job = job
        self._clock = clock

    def steps(self) -> list[Recorded]:
        return self._flows.steps(self._job.id)

    def record(self, step: Recorded, signal: int | None = None) -> bool:
        now = self._clock.micros()
        return self._flows.record(self._job.id, self._job.attempt, step, now, signal)

    def first_signal(self, name: str) -> tuple[int, str] | None:
        return self._approvals.first_signal(self._job.id, name)

    def ask(self, approval: Approval) -> int:
        return self._approvals.ask(approval, self._clock.micros())

    def approval_of(self, step: str) -> Approval | None:
        return self._approvals.approval_of(self._job.id, step)

    def expire(self, approval: Approval) -> bool:
        now = self._clock.micros()
        return self._approvals.decide(approval, ApprovalState.EXPIRED, NOBODY, None, now)

    def results(self) -> list[tuple[int, str | None, str | None]]:
        return self._flows.results(self._job.id)

    def spend(self, amounts: Amounts) -> Overspent | None:
        now, job = self._clock.micros(), self._job
        budgets = account_of(job.metadata, job.tenant).chosen(self._budgets.all())
        breaches = self._budgets.spend(budgets, amounts, job.id, job.attempt, now)
        found = [breach for breach in breaches if not self._allowed(breach, now)]
        if not found:
            return None
        worst = min(found, key=lambda breach: _STRICTEST.index(breach.budget.on_breach))
        return Overspent(worst.budget.on_breach, worst.reason, worst.until)

    def _allowed(self, breach: Breach, now: Micros) -> bool:
        """Whether a person has said that this job may go on."""
        if breach.budget.on_breach != OnBreach.ASK:
            return False
        asked = self.approval_of(f"approval {question(breach.budget, self._job.id, now)}")
        return asked is not None and asked.state == ApprovalState.APPROVED


VERBS = ("steps", "record", "first_signal", "ask", "approval_of", "expire", "results", "spend")
_STRICTEST = (OnBreach.STOP, OnBreach.ASK, OnBreach.DEFER)


def answer(desk: Desk, verb: str, args: list[Any]) -> Any:
    """What a run in another process asks of its desk; both are lists of plain values there."""
    match verb, args:
        case "record", [step, signal]:
            return desk.record(Recorded(*step), signal)
        case "spend", [amounts]:
            return desk.spend(Amounts(*amounts))
        case (("ask" | "expire"), [approval]):
            return getattr(desk, verb)(Approval(*approval))
        case _ if verb in VERBS:
            return getattr(desk, verb)(*args)
    raise ValueError(f"a run asked for {verb!r}, which there is not")


class DistantDesk:
    """A desk in another process: `call` brings it a verb and its values, and the answer back."""

    def __init__(self, call: Callable[[str, list[Any]], Any]) -> None:
        self._call = call

    def steps(self) -> list[Recorded]:
        return [Recorded(*row) for row in self._call("steps", [])]

    def record(self, step: Recorded, signal: int | None = None) -> bool:
        return bool(self._call("record", [step, signal]))

    def first_signal(self, name: str) -> tuple[int, str] | None:
        found = self._call("first_signal", [name])
        return None if found is None else (found[0], found[1])

    def ask(self, approval: Approval) -> int:
        return int(self._call("ask", [approval]))

    def approval_of(self, step: str) -> Approval | None:
        found = self._call("approval_of", [step])
        return None if found is None else Approval(*found)

    def expire(self, approval: Approval) -> bool:
        return bool(self._call("expire", [approval]))

    def results(self) -> list[tuple[int, str | None, str | None]]:
        return [(row[0], row[1], row[2]) for row in self._call("results", [])]

    def spend(self, amounts: Amounts) -> Overspent | None:
        found = self._call("spend", [amounts])
        return None if found is None else Overspent(*found)
