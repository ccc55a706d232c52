"""Tries an automation on its tests in the sandbox, and says how many it passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from offhours.core.clock import Clock
from offhours.core.optimize import Case, Verdict
from offhours.core.sandbox import Sandbox, same_json
from offhours.optimize.automations import Automation, cases_of, subject_of


class Failure(NamedTuple):
    """A test that was not passed, and why."""

    case: Case
    reason: str


class Trying(NamedTuple):
    """A verdict with what stands behind it."""

    verdict: Verdict
    failures: tuple[Failure, ...]


def try_out(
    automation: Automation,
    sandbox: Sandbox,
    clock: Clock,
    keep_on: Callable[[], None] = lambda: None,
) -> Trying:
    """Run all tests of an automation as it is now. Without tests it passes none.

    keep_on: called between two tests; a background job steps aside there
    """
    record = automation.record
    failures = []
    cases = cases_of(record)
    for case in cases:
        keep_on()
        result = sandbox.run(
            record.script,
            record.language,
            level=record.level,
            params=case.params,
            automation_id=record.automation_id,
        )
        if not result.success:
            failures.append(Failure(case, result.error or str(result.status)))
        elif not agrees(result.data, case.expected):
            failures.append(Failure(case, f"answered {result.data!r:.500}"))
    rate = (len(cases) - len(failures)) / len(cases) if cases else 0.0
    verdict = Verdict(subject_of(record), rate, len(cases), clock.micros())
    return Trying(verdict, tuple(failures))


def agrees(answer: object, expected: object) -> bool:
    """Whether an answer is what was expected; objects may say more than that.

    >>> agrees({"success": True, "counters": {}}, {"success": True}), agrees([1, 2], [1])
    (True, False)
    """
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            key in answer and same_json(answer[key], value) for key, value in expected.items()
        )
    return same_json(answer, expected)
