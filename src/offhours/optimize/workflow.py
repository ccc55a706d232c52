"""What would make a workflow better, with the figures that say so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

from offhours.core.errors import OptionError
from offhours.optimize.analyzer import PerformanceAnalyzer, statistics_of
from offhours.optimize.measured import measured_makespan, one_after_another, plan_of
from offhours.optimize.paths import Plan
from offhours.optimize.records import PerformanceMetric

_RELIABILITY, _PERFORMANCE, _RESOURCES = 0.4, 0.4, 0.2
_FEWEST = 5  # runs before anything is said about them
_FEWEST_FOR_LIMITS = 20
_OVERSIZED = 10
_ROOM = 3.0
_HELPS = 0.05
_WAITING = 0.2


class Policies(Protocol):
    """Who can change how a step is run."""

    def change_step(self, workflow: str, step: str, changes: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One improvement. `evidence` holds the figures, `gain_ms` what a run would save.

    area: reliability, performance or resources
    changes: what `WorkflowOptimizer.apply` would set for the step; empty where a person has to look
    """

    area: str
    workflow: str
    step: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    gain_ms: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def applicable(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return self.message


class WorkflowOptimizer:
    """Looks at the metrics of a workflow and of its steps.

    min_success_rate: a workflow below it is unreliable; max_duration_ms: one above it is slow
    policies: who carries out what `apply` asks for

    >>> from datetime import datetime
    >>> analyzer = PerformanceAnalyzer()
    >>> for n in range(10):
    ...     analyzer.add_metric(PerformanceMetric(f"m{n}", "etl", datetime(2026, 6, 1, n), 9000, 20,
    ...                                           30, True))
    >>> WorkflowOptimizer(analyzer).analyze_workflow("etl")["optimization_score"]
    0.32
    """

    def __init__(
        self,
        performance_analyzer: PerformanceAnalyzer,
        min_success_rate: float = 0.95,
        max_duration_ms: float = 5_000,
        policies: Policies | None = None,
    ) -> None:
        self.analyzer = performance_analyzer
        self.min_success_rate = min_success_rate
        self.max_duration_ms = max_duration_ms
        self._policies = policies

    def analyze_workflow(self, workflow_name: str) -> dict[str, Any]:
        """Statistics, `optimization_score` (0 to 1; more is worse) in its parts, the critical path
        and what may be saved."""
        runs = self._runs(workflow_name)
        figures = statistics_of(runs)
        parts = self._score(figures) if runs else {}
        plan = self.plan(workflow_name)
        return {
            "workflow": workflow_name,
            "optimization_score": round(sum(parts.values()), 4),
            "score_parts": parts,
            "statistics": figures,
            "critical_path": plan.critical_path(),
            "critical_path_ms": plan.makespan(),
            "slack_ms": plan.slack(),
            "suggestions": self.suggest_workflow_improvements(workflow_name),
        }

    def plan(self, workflow_name: str) -> Plan:
        """The steps with their median durations, and what each waits for."""
        return plan_of(self._steps(workflow_name))

    def what_if(self, workflow_name: str, step: str, factor: float) -> dict[str, float]:
        """How long the workflow would take if a step took `factor` times as long, in ms."""
        plan = self.plan(workflow_name)
        before, after = plan.makespan(), plan.what_if(step, factor)
        return {"before_ms": before, "after_ms": after, "saved_ms": before - after}

    def suggest_workflow_improvements(self, workflow_name: str) -> list[Suggestion]:
        """What would help, the greatest gain first; each prints as a sentence."""
        runs, steps = self._runs(workflow_name), self._steps(workflow_name)
        found = [*self._on_runs(workflow_name, runs), *self._on_plan(workflow_name, steps)]
        for step, metrics in (steps or {"": runs}).items():
            found += self._on_retries(workflow_name, step, metrics)
            found += self._on_waits(workflow_name, step, metrics)
            found += self._on_timeouts(workflow_name, step, metrics)
        return sorted(found, key=lambda suggestion: -suggestion.gain_ms)

    def apply(self, suggestion: Suggestion) -> None:
        """Carry out a suggestion. Those that change what a workflow does are for a person."""
        if not suggestion.applicable:
            raise OptionError(f"suggestion: a person has to decide on this: {suggestion}")
        if self._policies is None:
            raise OptionError("policies: nobody was given who can change steps")
        self._policies.change_step(suggestion.workflow, suggestion.step, suggestion.changes)

    # -- what is looked at ----------------------------------------------------------------------

    def _runs(self, workflow: str) -> list[PerformanceMetric]:
        return [metric for metric in self.analyzer.metrics(workflow) if not metric.step]

    def _steps(self, workflow: str) -> dict[str, list[PerformanceMetric]]:
        steps: dict[str, list[PerformanceMetric]] = defaultdict(list)
        for metric in self.analyzer.metrics(workflow):
            if metric.step:
                steps[metric.step].append(metric)
        return dict(steps)

    def _score(self, figures: Mapping[str, Any]) -> dict[str, float]:
        lacking = max(0.0, self.min_success_rate - figures["success_rate"])
        slower = max(0.0, figures["avg_duration_ms"] / self.max_duration_ms - 1)
        limits = self.analyzer.thresholds
        over = max(
            _excess(figures["avg_cpu_usage"], limits["cpu"]),
            _excess(figures["avg_memory_usage"], limits["memory"]),
        )
        return {
            "reliability": _RELIABILITY * min(1.0, lacking / (self.min_success_rate or 1.0)),
            "performance": _PERFORMANCE * min(1.0, slower),
            "resources": _RESOURCES * over,
        }

    def _on_runs(self, workflow: str, runs: Sequence[PerformanceMetric]) -> list[Suggestion]:
        if not runs:
            return []
        figures = statistics_of(runs)
        found = []

        def suggest(area: str, message: str, gain: float, *names: str) -> None:
            evidence = {name: figures[name] for name in ("total_executions", *names)}
            found.append(Suggestion(area, workflow, "", message, evidence, gain))

        n, rate, mean = len(runs), figures["success_rate"], figures["avg_duration_ms"]
        if rate < self.min_success_rate:
            suggest(
                "reliability",
                f"Improve error handling of {workflow}: {1 - rate:.0%} of {n} runs failed, "
                f"{1 - self.min_success_rate:.0%} are allowed.",
                (1 - rate) * mean,
                "success_rate",
            )
        if mean > self.max_duration_ms:
            suggest(
                "performance",
                f"Reduce the execution time of {workflow}: {mean:.0f} ms on average of {n} runs, "
                f"{self.max_duration_ms:.0f} ms are allowed.",
                mean - self.max_duration_ms,
                "avg_duration_ms",
            )
        for kind in ("cpu", "memory"):
            used, limit = figures[f"avg_{kind}_usage"], self.analyzer.thresholds[kind]
            if used > limit:
                suggest(
                    "resources",
                    f"Reduce the {kind} usage of {workflow}: {used:.0f} % on average of {n} runs, "
                    f"above {limit:.0f} %.",
                    0.0,
                    f"avg_{kind}_usage",
                )
        return found

    def _on_plan(
        self, workflow: str, steps: Mapping[str, Sequence[PerformanceMetric]]
    ) -> list[Suggestion]:
        if len(steps) < 2 or min(map(len, steps.values())) < _FEWEST:
            return []
        plan = plan_of(steps)
        found = []
        best = max(plan.durations, key=lambda step: plan.makespan() - plan.what_if(step, 0.5))
        gain = plan.makespan() - plan.what_if(best, 0.5)
        runs = len(steps[best])
        found.append(
            Suggestion(
                "performance", workflow, best,
                f"Begin with {best}: at half its {plan.durations[best]:.0f} ms {workflow} takes "
                f"{gain:.0f} ms less (median of {runs} runs); it is on the critical path "
                f"{' -> '.join(plan.critical_path())}.",
                {"critical_path": plan.critical_path(), "makespan_ms": plan.makespan(),
                 "runs": runs},
                gain,
            )
        )  # fmt: skip
        measured = measured_makespan(steps)
        spare = measured - plan.makespan()
        pairs = [
            (a, b)
            for n, a in enumerate(plan.durations)
            for b in list(plan.durations)[n + 1 :]
            if plan.independent(a, b) and one_after_another(steps[a], steps[b])
        ]
        if pairs and any(plan.after.values()) and spare > 0.05 * measured:
            told = ", ".join(f"{a} and {b}" for a, b in pairs[:3])
            found.append(
                Suggestion(
                    "performance", workflow, pairs[0][0],
                    f"Run {told} at the same time: none waits for the other, yet they ran one "
                    f"after another; {workflow} would take {plan.makespan():.0f} ms instead of "
                    f"{measured:.0f} ms.",
                    {"pairs": pairs, "measured_ms": measured, "makespan_ms": plan.makespan()},
                    spare,
                )
            )  # fmt: skip
        return found

    def _on_retries(
        self, workflow: str, step: str, metrics: Sequence[PerformanceMetric]
    ) -> list[Suggestion]:
        again = [metric for metric in metrics if metric.attempt > 1]
        helped = sum(metric.success for metric in again)
        if len(again) < _FEWEST or helped > _HELPS * len(again):
            return []
        runs = len(metrics) - len(again)
        wasted = sum(metric.duration_ms for metric in again) / max(1, runs)
        message = (
            f"Do not retry {step or workflow}: of {len(again)} retries {helped} succeeded; they "
            f"cost {wasted:.0f} ms a run."
        )
        evidence = {"retries": len(again), "helped": helped, "runs": runs}
        return [
            Suggestion("reliability", workflow, step, message, evidence, wasted, {"retries": 0})
        ]

    def _on_waits(
        self, workflow: str, step: str, metrics: Sequence[PerformanceMetric]
    ) -> list[Suggestion]:
        if len(metrics) < _FEWEST:
            return []
        waited = median(metric.wait_ms for metric in metrics)
        lasted = median(metric.duration_ms for metric in metrics)
        if waited <= _WAITING * (waited + lasted):
            return []
        message = (
            f"Let {step or workflow} wait less: it waits {waited:.0f} ms before {lasted:.0f} ms of "
            f"work (medians of {len(metrics)} runs); more workers or a higher priority would help."
        )
        evidence = {"wait_ms": waited, "duration_ms": lasted, "runs": len(metrics)}
        return [Suggestion("performance", workflow, step, message, evidence, waited)]

    def _on_timeouts(
        self, workflow: str, step: str, metrics: Sequence[PerformanceMetric]
    ) -> list[Suggestion]:
        limits = [metric.timeout_ms for metric in metrics if metric.timeout_ms is not None]
        lasted = [metric.duration_ms for metric in metrics if metric.success]
        if not limits or not lasted or len(metrics) < _FEWEST_FOR_LIMITS:
            return []
        limit, longest = limits[-1], max(lasted)
        if limit <= _OVERSIZED * longest:
            return []
        wanted = _ROOM * longest / 1000
        message = (
            f"Lower the time-out of {step or workflow} from {limit / 1000:g} s to {wanted:.3g} s: "
            f"the longest of {len(metrics)} runs took {longest / 1000:.3g} s."
        )
        evidence = {"timeout_ms": limit, "longest_ms": longest, "runs": len(metrics)}
        changes = {"timeout": wanted}
        return [Suggestion("reliability", workflow, step, message, evidence, 0.0, changes)]


def _excess(used: float, limit: float) -> float:
    return min(1.0, max(0.0, used - limit) / max(1e-9, 100 - limit))
