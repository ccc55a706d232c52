"""The counts of the event stream and the state of the store, as Prometheus reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from offhours.core.clock import Clock
from offhours.core.ports import Store
from offhours.core.times import SECOND
from offhours.telemetry import names
from offhours.telemetry.reader import MetricsReader
from offhours.telemetry.tally import Histogram, Series, State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = ("task", "queue")


class Metrics:
    """The metrics of one store, as they are when asked for.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> _ = app.submit(len, args=("four",))
    >>> print(Metrics(app.store, app.clock).text().splitlines()[2])
    offhours_jobs_submitted_total{queue="default",task="builtins:len"} 1.0
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._reader = MetricsReader(store, clock)
        self._lock = threading.Lock()

    def text(self) -> str:
        """All metrics in Prometheus' text format; times in seconds. `StoreError` when the store
        cannot be read, or the position in the events not be stored."""
        registry = CollectorRegistry(auto_describe=False)
        with self._lock:
            registry.register(_Once([*self._families()]))
        return generate_latest(registry).decode()

    def follow(self) -> None:
        """Count what is new, so that it cannot be pruned before somebody asks."""
        with self._lock:
            self._reader.catch_up()

    def _families(self) -> Iterator[Family]:
        state, lag = self._reader.catch_up()
        yield from _counted(state)
        yield _gauge(names.LAG, lag)
        yield from self._gauges()

    def _gauges(self) -> Iterator[Family]:
        store, now = self._store, self._clock.micros()
        jobs = GaugeMetricFamily(names.PREFIX + names.JOBS.name, names.JOBS.help, labels=("state",))
        for where, count in store.counts().items():
            jobs.add_metric((where,), count)
        yield jobs
        oldest = min((job.run_at for job in store.heads(now)), default=now)
        yield _gauge(names.OLDEST, max(0, now - oldest) / SECOND)
        alive = [each for each in store.workers() if each.beats(now)]
        yield _gauge(names.WORKERS, len(alive))
        yield _gauge(names.SLOTS, sum(each.slots for each in alive))
        yield _gauge(names.FOREGROUND, len(store.foreground(now)))
        paused = [limit for limit in store.limits.all() if limit.paused_at is not None]
        yield _gauge(names.PAUSED, len(paused))


class _Once(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _counted(state: State) -> Iterator[Family]:
    for key, metric in names.JOB_COUNTERS.items():
        counter = CounterMetricFamily(names.PREFIX + metric.name, metric.help, labels=_LABELS)
        for one in state.series:
            counter.add_metric((one.task, one.queue), one.counts[key])
        yield counter
    for metric, lengths in (
        (names.RUN, [one.run for one in state.series]),
        (names.WAIT, [one.wait for one in state.series]),
    ):
        yield _histogram(metric, state.series, lengths)
    for key, metric in names.TOTALS.items():
        yield CounterMetricFamily(names.PREFIX + metric.name, metric.help, value=state.totals[key])


def _histogram(
    metric: names.Metric, series: Sequence[Series], lengths: Sequence[Histogram]
) -> HistogramMetricFamily:
    bounds = [*map(str, names.BUCKETS), "+Inf"]
    family = HistogramMetricFamily(names.PREFIX + metric.name, metric.help, labels=_LABELS)
    for one, seen in zip(series, lengths, strict=True):
        buckets = list(zip(bounds, map(float, accumulate(seen.buckets)), strict=True))
        family.add_metric((one.task, one.queue), buckets, sum_value=seen.sum / SECOND)
    return family


def _gauge(metric: names.Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(names.PREFIX + metric.name, metric.help, value=value)
