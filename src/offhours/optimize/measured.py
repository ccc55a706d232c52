"""What the metrics of a workflow's steps say of when they ran: its plan, and how it went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from offhours.optimize.paths import Plan
from offhours.optimize.records import PerformanceMetric


def plan_of(steps: Mapping[str, Sequence[PerformanceMetric]]) -> Plan:
    """The steps with their median durations, and what each waits for."""
    after = {
        name: tuple({each: None for metric in metrics for each in metric.after})
        for name, metrics in steps.items()
    }
    return Plan({n: median(m.duration_ms for m in metrics) for n, metrics in steps.items()}, after)


def measured_makespan(steps: Mapping[str, Sequence[PerformanceMetric]]) -> float:
    """The median over runs of the time from the first step's beginning to the last one's end."""
    spans: dict[str, list[float]] = defaultdict(list)
    for metrics in steps.values():
        for metric in metrics:
            began = 1000 * metric.timestamp.timestamp()
            spans[metric.run_id] += [began, began + metric.duration_ms]
    return median(max(span) - min(span) for span in spans.values())


def one_after_another(
    ones: Sequence[PerformanceMetric], others: Sequence[PerformanceMetric]
) -> bool:
    """Whether two steps did not overlap in nine of ten runs that have both."""
    pairs = [(a, b) for run, a in _by_run(ones).items() if (b := _by_run(others).get(run))]
    apart = sum(not _overlap(a, b) for a, b in pairs)
    return bool(pairs) and apart >= 0.9 * len(pairs)


def _by_run(metrics: Sequence[PerformanceMetric]) -> dict[str, PerformanceMetric]:
    return {metric.run_id: metric for metric in metrics}


def _overlap(a: PerformanceMetric, b: PerformanceMetric) -> bool:
    first, second = sorted((a, b), key=lambda metric: metric.timestamp.timestamp())
    gone = 1000 * (second.timestamp - first.timestamp).total_seconds()
    return gone < first.duration_ms - 1
