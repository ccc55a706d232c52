"""Asks the gates of a task, and those of all work, before a job runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from offhours.core.carried import FORCE_KEY, attached
from offhours.core.clock import Clock
from offhours.core.gates import Gate, Settling, Shut, first_shut
from offhours.core.model import Claimed
from offhours.core.outcomes import Failed, Gated, Outcome, Suspend, clean_text
from offhours.core.ports import Store
from offhours.core.times import MINUTE, SECOND, Micros
from offhours.engine.desk import StoreDesk
from offhours.engine.durable import Decision, Durable
from offhours.engine.registry import Task

ASK_AGAIN: Micros = MINUTE
_SOONEST: Micros = SECOND

_log = logging.getLogger("offhours")


class Gatekeeper:
    """Says whether a job is held, tells of gates that were passed by force, and tells gates when
    what they have let through is over.

    `common` are the gates of all work that concern a job.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        common: Callable[[Claimed], Sequence[Gate]] = lambda job: (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._common = common
        self._inside: dict[int, tuple[Claimed, float, list[Settling]]] = {}

    def gates(self, task: Task, job: Claimed) -> Sequence[Gate]:
        """What is to be asked; mostly nothing."""
        common = self._common(job)
        return (*task.gates, *common) if common else task.gates

    def held(self, gates: Sequence[Gate], job: Claimed) -> Outcome | None:
        """What the first shut gate says; None when the job may start."""
        forced = attached(job.metadata, FORCE_KEY) is True
        left, by_force = list(gates), list[Shut]()
        while left:
            now = self._clock.micros()
            try:
                shut, passed = first_shut(left, job, now, self._store, forced)
            except Exception as error:
                _log.exception("a gate of %s cannot look", job.task)
                why = clean_text(f"it cannot look: {type(error).__name__}: {error}")
                return Gated("gate", why, now + ASK_AGAIN)
            by_force += passed
            if shut is None:
                break
            outcome = self._answer(shut, job, now)
            if outcome is not None:
                return outcome
            left = left[1 + [gate.name for gate in left].index(shut.gate) :]  # a person said yes
        for gate, verdict in by_force:
            told = {"gate": gate, "reason": clean_text(verdict.reason)}
            self._store.tell(self._clock.micros(), "job.forced", job.id, job.attempt, **told)
        settling: list[Settling] = [each for each in gates if isinstance(each, Settling)]
        if settling:
            self._inside[job.id] = (job, self._clock.monotonic(), settling)
        return None

    def left(self, job_id: int) -> None:
        """A run is over."""
        entry = self._inside.pop(job_id, None)
        if entry is None:
            return
        job, started, settling = entry
        now = self._clock.micros()
        for gate in settling:
            try:
                length = round((self._clock.monotonic() - started) * SECOND)
                gate.settle(job, length, now, self._store)
            except Exception:
                _log.exception("job %d: what it has used could not be counted", job.id)

    def _answer(self, shut: Shut, job: Claimed, now: Micros) -> Outcome | None:
        gate, verdict = shut
        if verdict.stop:
            return Failed(gate, clean_text(verdict.reason), retry=False)
        if verdict.ask:
            return self._asked(shut, job)
        again = max(verdict.again_at, now + _SOONEST)
        return Gated(gate, clean_text(verdict.reason), again, verdict.figure, verdict.limit)

    def _asked(self, shut: Shut, job: Claimed) -> Outcome | None:
        """The job is held until a person decides; their no is its end."""
        desk = StoreDesk(self._store, job, self._clock)
        durable = Durable(desk, self._clock, job.id, lambda until: None)
        try:
            decision: Decision = durable.approve(shut.verdict.ask, None, None, "deny")
        except Suspend as waiting:
            return waiting.outcome
        if decision:
            return None
        who = decision.by or "nobody"
        note = f" ({decision.note})" if decision.note else ""
        reason = f"{clean_text(shut.verdict.reason)}; {who} has denied that it goes on{note}"
        return Failed("denied", reason, retry=False)
