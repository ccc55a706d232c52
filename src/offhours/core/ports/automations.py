"""Automations and their trials."""

from __future__ import annotations

from typing import Protocol

from offhours.core.optimize import StoredAutomation, StoredTrial
from offhours.core.states import Value
from offhours.core.times import Micros


class Automations(Protocol):
    """The automations that the optimizer keeps, and the trials of them.

    Who writes says which version it has read (None: there was none); false, and nothing is stored,
    when that is not the last one. `kind` and `data` are told as an event, in the same transaction.
    """

    def put(
        self, new: StoredAutomation, before: int | None, now: Micros, kind: str, **data: Value
    ) -> bool: ...
    def get(self, automation_id: str) -> StoredAutomation | None: ...
    def all(self, state: str | None = None, limit: int = 1000) -> list[StoredAutomation]: ...

    def put_trial(
        self,
        new: StoredTrial,
        before: int | None,
        now: Micros,
        kind: str | None = None,
        **data: Value,
    ) -> bool: ...
    def trial(self, trial_id: str) -> StoredTrial | None: ...
    def trials(self, running: bool = False, limit: int = 100) -> list[StoredTrial]: ...
