"""Tests an automation before it is let loose, and remembers what exactly was tested."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import NotFound, OptionError
from offhours.core.sandbox import (
    OBSERVED,
    Example,
    ExampleBook,
    SandboxLevel,
    SandboxResult,
)
from offhours.core.times import Micros
from offhours.sandbox.cases import Case, digest
from offhours.sandbox.manager import SandboxManager
from offhours.sandbox.order import level_of


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A test that was run; `fault` is empty when it passed."""

    case: Case
    run: SandboxResult
    fault: str

    @property
    def passed(self) -> bool:
        return not self.fault


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All tests of an automation, run once. `digest` says of what exactly."""

    automation_id: str
    digest: str
    results: tuple[CaseResult, ...]

    @property
    def total(self) -> int:
        return len(self.results)

    @property
    def passed(self) -> int:
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        return self.total - self.passed

    @property
    def success_rate(self) -> float:
        """From 0 to 1; 0 when there was nothing to run."""
        return self.passed / self.total if self.total else 0.0

    @property
    def faults(self) -> tuple[str, ...]:
        """What went wrong, a sentence each."""
        return tuple(f"{one.case.name}: {one.fault}" for one in self.results if not one.passed)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an automation may be deployed. It holds for `digest` and nothing else."""

    automation_id: str
    digest: str
    level: SandboxLevel
    success_rate: float
    ready: bool
    reasons: tuple[str, ...]
    at: Micros


class AutomationTester:
    """Suites of tests, run in a sandbox; verdicts that end when what they judged changes.

    `examples`: where `generate_default_tests` finds what was observed; by default the process's
    own book, which the optimizer of this process writes.

    >>> import asyncio
    >>> tester = AutomationTester(SandboxManager("full"))
    >>> tester.create_test_suite("double", [{"params": {"n": 2}, "expected": 4}])
    >>> script = "def execute(params): return 2 * params['n']"
    >>> asyncio.run(tester.validate_automation("double", script))
    True
    >>> tester.is_ready("double", script), tester.is_ready("double", script + " ")
    (True, False)
    """

    def __init__(
        self,
        sandbox: SandboxManager | None = None,
        *,
        examples: ExampleBook = OBSERVED,
        clock: Clock | None = None,
    ) -> None:
        self.sandbox = sandbox or SandboxManager()
        self._examples = examples
        self._clock = clock or SystemClock()
        self._suites: dict[str, tuple[Case, ...]] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._lock = threading.Lock()

    def create_test_suite(
        self, automation_id: str, test_cases: Iterable[Case | Mapping[str, Any]]
    ) -> None:
        """These are the automation's tests from now on, in place of any before."""
        cases = [Case.of(case) for case in test_cases]
        named = tuple(
            case if case.name else replace(case, name=f"case {number}")
            for number, case in enumerate(cases, 1)
        )
        with self._lock:
            self._suites[automation_id] = named

    def test_suite(self, automation_id: str) -> tuple[Case, ...]:
        """Its tests; `NotFound` when it has none."""
        with self._lock:
            if automation_id in self._suites:
                return self._suites[automation_id]
        raise NotFound(f"automation {automation_id!r} has no tests; see create_test_suite")

    def generate_default_tests(self, pattern: Any) -> list[Case]:
        """Tests from what was observed of a pattern, never from the script that they will judge.

        `pattern` is its id, or the pattern itself with `examples` of its own. Empty when nothing
        was observed: then there is nothing to hold a script to.
        """
        own = getattr(pattern, "examples", None)
        if own is None:
            own = self._examples.examples_of(str(getattr(pattern, "pattern_id", pattern)))
        observed = (example for example in own if isinstance(example, Example))
        return [
            Case.observed(example, f"observed {number}")
            for number, example in enumerate(observed, 1)
        ]

    async def run_test_suite(
        self,
        automation_id: str,
        script: str,
        language: str = "python",
        *,
        level: SandboxLevel | str | None = None,
    ) -> SuiteResult:
        """Run all tests, as many at once as the sandbox takes."""
        cases = self.test_suite(automation_id)
        runs = await asyncio.gather(
            *(
                self.sandbox.run_test(
                    automation_id, script, language, case.params, level=level, files=case.files
                )
                for case in cases
            )
        )
        results = (
            CaseResult(case, run, case.fault(run)) for case, run in zip(cases, runs, strict=True)
        )
        told = digest(script, language, self._level(level), cases)
        return SuiteResult(automation_id, told, tuple(results))

    async def run_batch(self, automations: Mapping[str, tuple[str, str]]) -> dict[str, SuiteResult]:
        """Many suites together: by automation, its script and its language."""
        results = await asyncio.gather(
            *(
                self.run_test_suite(automation_id, script, language)
                for automation_id, (script, language) in automations.items()
            )
        )
        return {result.automation_id: result for result in results}

    async def validate_automation(
        self,
        automation_id: str,
        script: str,
        language: str = "python",
        min_success_rate: float = 0.9,
        *,
        level: SandboxLevel | str | None = None,
    ) -> bool:
        """Whether it may be deployed: so many of its tests passed. Without tests it may not.

        The verdict is kept; `is_ready` asks for it, `verdict` shows it.
        """
        if not 0 < min_success_rate <= 1:
            raise OptionError(f"min_success_rate: expected above 0 to 1, got {min_success_rate!r}")
        try:
            suite = await self.run_test_suite(automation_id, script, language, level=level)
        except NotFound:
            suite = SuiteResult(automation_id, digest(script, language, self._level(level), ()), ())
        ready = suite.total > 0 and suite.success_rate >= min_success_rate
        verdict = Verdict(
            automation_id,
            suite.digest,
            self._level(level),
            suite.success_rate,
            ready,
            suite.faults if suite.total else ("it has no tests",),
            self._clock.micros(),
        )
        with self._lock:
            self._verdicts[automation_id] = verdict
        return ready

    def verdict(self, automation_id: str) -> Verdict | None:
        """The last one, whatever has changed since."""
        with self._lock:
            return self._verdicts.get(automation_id)

    def is_ready(
        self,
        automation_id: str,
        script: str,
        language: str = "python",
        *,
        level: SandboxLevel | str | None = None,
    ) -> bool:
        """Whether exactly this, with exactly its tests of now, has passed at this level."""
        found = self.verdict(automation_id)
        with self._lock:
            cases: Sequence[Case] = self._suites.get(automation_id, ())
        now = digest(script, language, self._level(level), cases)
        return found is not None and found.ready and found.digest == now

    def _level(self, level: SandboxLevel | str | None) -> SandboxLevel:
        return self.sandbox.isolation_level if level is None else level_of(level)
