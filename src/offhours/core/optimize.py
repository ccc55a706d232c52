"""What the optimizer keeps in the store: automations, the verdicts on them, and trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from offhours.core.times import Micros


class AutomationState(StrEnum):
    """`draft` until it is deployed; `retired` when it was taken out of use."""

    DRAFT = "draft"
    DEPLOYED = "deployed"
    RETIRED = "retired"


class Case(NamedTuple):
    """One test of an automation: what it is given, and what must come of it."""

    params: dict[str, Any]
    expected: Any


class Verdict(NamedTuple):
    """What tests said of a script at a level. It is of no use for any other script, level or tests.

    subject: the fingerprint of what was judged; rate: the share of tests that passed
    by: who says so: "sandbox", or the person who does
    """

    subject: str
    rate: float
    tests: int
    at: Micros
    by: str = "sandbox"


class StoredAutomation(NamedTuple):
    """An automation. `parameters`, `cases`, `counters` and `verdict` are JSON.

    subject: the fingerprint of script, level and tests as they are now
    saved_ms: what a run saves, compared with doing it by hand; measured, not estimated
    version: counts changes; who writes says which one it has read
    """

    automation_id: str
    pattern_id: str
    task_type: str
    template: str
    language: str
    level: str
    script: str
    parameters: str
    cases: str
    counters: str
    subject: str
    verdict: str | None
    by_hand_ms: float
    state: str
    runs: int
    successes: int
    saved_ms: float
    created_at: Micros
    changed_at: Micros
    deployed_at: Micros | None
    version: int


class StoredTrial(NamedTuple):
    """A comparison of two ways to do the same, as far as it has come. `state` is JSON.

    outcome: null while it runs, else "better", "worse" or "no difference"
    """

    trial_id: str
    subject: str
    control: str
    candidate: str
    state: str
    pairs: int
    outcome: str | None
    started_at: Micros
    ended_at: Micros | None
    version: int


def fingerprint(script: str, language: str, level: str, cases: Sequence[Case]) -> str:
    """What a verdict belongs to: it changes with the script, its language, the level or the tests.

    >>> fingerprint("a", "python", "full", []) == fingerprint("a", "python", "partial", [])
    False
    """
    told = json.dumps([script, language, level, list(cases)], sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
