"""One look at everything: what repeats is made an automation, tried, and deployed if it is good."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from offhours.core.clock import Clock
from offhours.core.errors import OffhoursError, OptionError
from offhours.core.optimize import AutomationState
from offhours.core.sandbox import Sandbox
from offhours.optimize.analyzer import PerformanceAnalyzer
from offhours.optimize.automations import Automation
from offhours.optimize.creator import MicroAutomationCreator
from offhours.optimize.identify import RepetitiveTaskIdentifier
from offhours.optimize.judging import try_out
from offhours.optimize.patterns import Pattern
from offhours.optimize.predict import NextStep
from offhours.optimize.rules import Input
from offhours.optimize.running import Runner
from offhours.optimize.settings import OptimizationSettings
from offhours.optimize.workflow import Suggestion, WorkflowOptimizer

_log = logging.getLogger("offhours")


@dataclass(frozen=True, slots=True)
class Findings:
    """What one cycle found and did.

    refused: automations that were not deployed, each with the reason
    """

    routines: tuple[Pattern, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    created: tuple[str, ...] = ()
    deployed: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    slow_processes: tuple[dict[str, Any], ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    next_step: NextStep | None = None


@dataclass(slots=True)
class OptimizationCycle:
    """Looks at what was recorded, and acts on it within its settings.

    sandbox: made when it is first needed; without one nothing is tested, nor deployed
    """

    identifier: RepetitiveTaskIdentifier
    analyzer: PerformanceAnalyzer
    workflows: WorkflowOptimizer
    creator: MicroAutomationCreator
    runner: Runner
    settings: OptimizationSettings
    clock: Clock
    sandbox: Callable[[], Sandbox]

    def run(self, keep_on: Callable[[], None] = lambda: None) -> Findings:
        """One cycle. `keep_on` is called between its parts: a background job steps aside there."""
        routines = self.identifier.identify_routines()
        keep_on()
        patterns = self.identifier.identify_repetitive_patterns()
        keep_on()
        made = self._create(worthwhile(routines, patterns, self.settings.automation_threshold))
        keep_on()
        deployed, refused = self._deploy(routines + patterns, keep_on)
        slow = self.analyzer.identify_slow_processes(self.settings.slow_process_threshold_ms)
        advice = self._advice()
        keep_on()
        return Findings(
            tuple(routines),
            tuple(patterns),
            tuple(made),
            tuple(deployed),
            refused,
            tuple(slow),
            tuple(sorted(advice, key=lambda suggestion: -suggestion.gain_ms)),
            NextStep.learn(self.identifier.history),
        )

    def _advice(self) -> list[Suggestion]:
        advice: list[Suggestion] = []
        for name in {metric.process_name: None for metric in self.analyzer.metrics()}:
            try:
                advice += self.workflows.suggest_workflow_improvements(name)
            except OptionError as circle:  # its metrics contradict each other
                _log.warning("no advice on %s: %s", name, circle)
        return advice

    def _create(self, patterns: list[Pattern]) -> list[str]:
        known = {automation.automation_id for automation in self.creator.list_automations()}
        made = []
        for pattern in patterns:
            try:
                automation = self.creator.create_automation(pattern)
            except OptionError as full:
                _log.info("no automation of %s: %s", pattern.task_type, full)
                break
            if automation.automation_id not in known:
                made.append(automation.automation_id)
        return made

    def _deploy(
        self, patterns: list[Pattern], keep_on: Callable[[], None]
    ) -> tuple[list[str], dict[str, str]]:
        by_pattern = {pattern.pattern_id: pattern for pattern in patterns}
        deployed: list[str] = []
        refused: dict[str, str] = {}
        for automation in self.creator.list_automations():
            pattern = by_pattern.get(automation.pattern_id)
            if pattern is None or automation.record.state != AutomationState.DRAFT:
                continue
            try:
                reason = self._why_not(automation, keep_on)
                if not reason:
                    self.creator.deploy(
                        automation.automation_id, self.settings.auto_deploy_threshold
                    )
                    self.runner.guard(automation.automation_id, list(pattern.outcomes))
                    deployed.append(automation.automation_id)
                    continue
            except (
                OffhoursError
            ) as error:  # no sandbox on this machine, or it was changed meanwhile
                reason = str(error)
            refused[automation.automation_id] = reason
        return deployed, refused

    def _why_not(self, automation: Automation, keep_on: Callable[[], None]) -> str:
        """Why it is not deployed by itself; nothing when it may be."""
        if not self.settings.enabled:
            return "the sandbox is switched off, and untested automations are not deployed"
        if not automation.cases:
            return "it has no tests: it was seen too rarely to hold runs back for them"
        verdict = automation.verdict
        if verdict is None:
            trying = try_out(automation, self.sandbox(), self.clock, keep_on)
            verdict = trying.verdict
            self.creator.judged(automation.automation_id, verdict)
        if verdict.rate < self.settings.auto_deploy_threshold:
            return f"it passed {verdict.rate:.0%} of {verdict.tests} tests"
        return ""


def worthwhile(routines: list[Pattern], patterns: list[Pattern], threshold: float) -> list[Pattern]:
    """What is worth automating: what saves more than it asks for, and is not part of another."""
    steps = {step for routine in routines for step in routine.steps}
    alone = [pattern for pattern in patterns if not set(pattern.steps) <= steps]
    return [
        pattern
        for pattern in [*routines, *alone]
        if pattern.automation_potential >= threshold and _says_something(pattern)
    ]


def _says_something(pattern: Pattern) -> bool:
    rules = [rule for of_step in pattern.rules for rule in of_step.values()]
    return len(pattern.steps) > 1 or any(not isinstance(rule, Input) for rule in rules)
