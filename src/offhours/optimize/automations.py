"""An automation: its script, the tests it must pass, what it did, and where it is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from offhours.core.optimize import (
    AutomationState,
    Case,
    StoredAutomation,
    StoredTrial,
    Verdict,
    fingerprint,
)
from offhours.core.states import Value
from offhours.core.times import Micros


class Automation:
    """A micro-automation, as it is kept. Its attributes are read anew each time.

    `tested` and `deployed` may be set, by whoever has tested it: that holds for the script as it is
    then, and ends when the script, its level or its tests change.
    """

    def __init__(self, record: StoredAutomation, refresh: Refresh) -> None:
        self._record = record
        self._refresh = refresh

    @property
    def record(self) -> StoredAutomation:
        """The stored row as it is now."""
        self._record = self._refresh.read(self._record)
        return self._record

    @property
    def automation_id(self) -> str:
        return self._record.automation_id

    @property
    def pattern_id(self) -> str:
        return self._record.pattern_id

    @property
    def task_type(self) -> str:
        """What it does: the type of task, or those of a routine with arrows between them."""
        return self._record.task_type

    @property
    def template_type(self) -> str:
        """The template it was made from; "routine" when it was learnt from examples."""
        return self._record.template

    @property
    def language(self) -> str:
        return self.record.language

    @property
    def level(self) -> str:
        """The level of isolation that it is tested and run at."""
        return self.record.level

    @property
    def script(self) -> str:
        return self.record.script

    @property
    def parameters(self) -> dict[str, Any]:
        """What its parameters are unless a run says otherwise."""
        found: dict[str, Any] = json.loads(self.record.parameters)
        return found

    @property
    def counters(self) -> dict[str, int]:
        """How far each parameter that counts has come."""
        found: dict[str, int] = json.loads(self.record.counters)
        return found

    @property
    def cases(self) -> list[Case]:
        """Its tests: runs that were seen, and that it did not learn from."""
        return cases_of(self.record)

    @property
    def verdict(self) -> Verdict | None:
        """What its tests said of it as it is now."""
        return verdict_of(self.record)

    @property
    def tested(self) -> bool:
        return self.verdict is not None

    @tested.setter
    def tested(self, passed: bool) -> None:
        self._refresh.set_tested(self, passed)

    @property
    def deployed(self) -> bool:
        return is_deployed(self.record)

    @deployed.setter
    def deployed(self, wanted: bool) -> None:
        self._refresh.set_deployed(self, wanted)

    @property
    def runs(self) -> int:
        return self.record.runs

    @property
    def success_rate(self) -> float:
        """The share of its runs that succeeded; 0 before the first."""
        record = self.record
        return record.successes / record.runs if record.runs else 0.0

    @property
    def time_saved_ms(self) -> float:
        """What its runs saved so far, by their measured durations."""
        return self.record.saved_ms

    def __repr__(self) -> str:
        state = "deployed" if self.deployed else "tested" if self.tested else "not tested"
        return f"<Automation {self.automation_id}: {self.task_type}, {state}>"


class Refresh(Protocol):
    """What an automation asks of its keeper."""

    def read(self, record: StoredAutomation) -> StoredAutomation: ...
    def set_tested(self, automation: Automation, passed: bool) -> None: ...
    def set_deployed(self, automation: Automation, wanted: bool) -> None: ...


def cases_of(record: StoredAutomation) -> list[Case]:
    return [Case(*case) for case in json.loads(record.cases)]


def verdict_of(record: StoredAutomation) -> Verdict | None:
    """The verdict, if it is still about the same script, level and tests."""
    if record.verdict is None:
        return None
    verdict = Verdict(*json.loads(record.verdict))
    return verdict if verdict.subject == subject_of(record) else None


def subject_of(record: StoredAutomation) -> str:
    """The fingerprint of what would run: computed, not read."""
    return fingerprint(record.script, record.language, record.level, cases_of(record))


def is_deployed(record: StoredAutomation) -> bool:
    """Deployed, and still what was judged."""
    return record.state == AutomationState.DEPLOYED and verdict_of(record) is not None


class MemoryAutomations:
    """Implements `core.ports.Automations` in this process's memory."""

    def __init__(self) -> None:
        self._automations: dict[str, StoredAutomation] = {}
        self._trials: dict[str, StoredTrial] = {}

    def put(
        self, new: StoredAutomation, before: int | None, now: Micros, kind: str, **data: Value
    ) -> bool:
        known = self._automations.get(new.automation_id)
        if (known.version if known else None) != before:
            return False
        self._automations[new.automation_id] = new
        return True

    def get(self, automation_id: str) -> StoredAutomation | None:
        return self._automations.get(automation_id)

    def all(self, state: str | None = None, limit: int = 1000) -> list[StoredAutomation]:
        found = [each for each in self._automations.values() if state in (None, each.state)]
        return found[:limit]

    def put_trial(
        self,
        new: StoredTrial,
        before: int | None,
        now: Micros,
        kind: str | None = None,
        **data: Value,
    ) -> bool:
        known = self._trials.get(new.trial_id)
        if (known.version if known else None) != before:
            return False
        self._trials[new.trial_id] = new
        return True

    def trial(self, trial_id: str) -> StoredTrial | None:
        return self._trials.get(trial_id)

    def trials(self, running: bool = False, limit: int = 100) -> list[StoredTrial]:
        found = [each for each in self._trials.values() if not running or each.outcome is None]
        return found[:limit]


def to_json(value: object) -> str:
    """A value as JSON in ASCII: every database keeps it, whatever is in it."""
    return json.dumps(value)


def storable(text: str) -> str:
    """Text that every database keeps: without NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def plain_cases(cases: Sequence[Case]) -> list[Case]:
    """The cases that JSON can carry, as they come back from it."""
    kept = []
    for case in cases:
        try:
            kept.append(Case(*json.loads(json.dumps(case, allow_nan=False))))
        except (TypeError, ValueError):
            continue
    return kept
