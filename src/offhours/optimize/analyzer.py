"""How long processes take, what they use and how often they fail; what is a bottleneck."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any, NamedTuple

from offhours.core.errors import OptionError
from offhours.optimize.records import PerformanceMetric


class Bottleneck(NamedTuple):
    """A measurement strictly above its threshold. `kind`: duration (ms), cpu, memory (percent)."""

    process_name: str
    metric_id: str
    kind: str
    value: float
    threshold: float
    timestamp: datetime


class PerformanceAnalyzer:
    """Keeps the newest metrics and answers questions about them.

    bottleneck_threshold_ms, cpu_threshold, memory_threshold: above these is a bottleneck
    max_metrics: how many are kept; the oldest go first

    Hours are counted back from the newest metric, so that a log can be looked at later, too.

    >>> analyzer = PerformanceAnalyzer()
    >>> analyzer.add_metric(PerformanceMetric("m1", "sync", datetime(2026, 6, 1), 2500, 75, 60,
    ...                                       True))
    >>> analyzer.get_process_statistics("sync", hours=24)["bottleneck_count"]
    1
    >>> [slow["process_name"] for slow in analyzer.identify_slow_processes(threshold_ms=2000)]
    ['sync']
    """

    def __init__(
        self,
        bottleneck_threshold_ms: float = 1000,
        cpu_threshold: float = 80.0,
        memory_threshold: float = 80.0,
        max_metrics: int = 5_000,
    ) -> None:
        if not isinstance(max_metrics, int) or max_metrics < 1:
            raise OptionError(f"max_metrics: expected a whole number from 1 on, got {max_metrics}")
        self.thresholds = {
            "duration": float(bottleneck_threshold_ms),
            "cpu": float(cpu_threshold),
            "memory": float(memory_threshold),
        }
        self.max_metrics = max_metrics
        self._metrics: deque[PerformanceMetric] = deque(maxlen=max_metrics)

    def add_metric(self, metric: PerformanceMetric) -> None:
        """Keep a metric. May be called from any thread."""
        self._metrics.append(metric)

    def metrics(
        self, process_name: str | None = None, hours: float | None = None
    ) -> list[PerformanceMetric]:
        """The metrics that are kept, of one process or all, in order of arrival."""
        kept = list(self._metrics)
        if hours is not None and kept:
            newest = max(map(_seconds, kept))
            line = newest - timedelta(hours=hours).total_seconds()
            kept = [metric for metric in kept if _seconds(metric) >= line]
        return [m for m in kept if process_name is None or m.process_name == process_name]

    def get_process_statistics(self, process_name: str, hours: float = 24) -> dict[str, Any]:
        """Counts, rates, durations (ms) and usage (percent) of a process in the last `hours`.

        The metrics of single steps are not counted. Of a process that did not run all is zero, and
        its `success_rate` is 1.
        """
        found = [metric for metric in self.metrics(process_name, hours) if not metric.step]
        return {"process_name": process_name, "hours": hours, **statistics_of(found)} | {
            "bottleneck_count": sum(1 for metric in found if self.bottlenecks_of(metric))
        }

    def identify_slow_processes(
        self, threshold_ms: float = 2000, hours: float | None = None
    ) -> list[dict[str, Any]]:
        """The processes that take longer than that on average, the slowest first."""
        of_process: dict[str, list[PerformanceMetric]] = defaultdict(list)
        for metric in self.metrics(hours=hours):
            if not metric.step:
                of_process[metric.process_name].append(metric)
        found = [{"process_name": n, **statistics_of(each)} for n, each in of_process.items()]
        slow = [each for each in found if each["avg_duration_ms"] > threshold_ms]
        return sorted(slow, key=lambda each: -each["avg_duration_ms"])

    def bottlenecks(self, hours: float | None = None) -> list[Bottleneck]:
        """Every measurement above its threshold, in order of arrival."""
        return [b for metric in self.metrics(hours=hours) for b in self.bottlenecks_of(metric)]

    def bottlenecks_of(self, metric: PerformanceMetric) -> list[Bottleneck]:
        values = {
            "duration": metric.duration_ms,
            "cpu": metric.cpu_usage,
            "memory": metric.memory_usage,
        }
        return [
            Bottleneck(metric.process_name, metric.metric_id, kind, value, limit, metric.timestamp)
            for kind, limit in self.thresholds.items()
            if (value := values[kind]) > limit
        ]


def statistics_of(metrics: Sequence[PerformanceMetric]) -> dict[str, Any]:
    """What some metrics come to."""
    durations = sorted(metric.duration_ms for metric in metrics)
    succeeded = sum(metric.success for metric in metrics)
    return {
        "total_executions": len(metrics),
        "successful_executions": succeeded,
        "success_rate": succeeded / len(metrics) if metrics else 1.0,
        "avg_duration_ms": _of(fmean, durations),
        "min_duration_ms": durations[0] if durations else 0.0,
        "max_duration_ms": durations[-1] if durations else 0.0,
        "median_duration_ms": _of(median, durations),
        "p95_duration_ms": durations[int(0.95 * (len(durations) - 1))] if durations else 0.0,
        "avg_cpu_usage": _of(fmean, [metric.cpu_usage for metric in metrics]),
        "avg_memory_usage": _of(fmean, [metric.memory_usage for metric in metrics]),
    }


def _of(figure: Callable[[Iterable[float]], float], values: Sequence[float]) -> float:
    return float(figure(values)) if values else 0.0


def _seconds(metric: PerformanceMetric) -> float:
    return metric.timestamp.timestamp()
