"""The recorder as one uses it: wrap tools, ask for figures, read dumps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Self, TypeVar, Unpack, cast, overload

from offhours.core.clock import Clock, SystemClock
from offhours.core.times import Duration
from offhours.recorder import figures, outlets, process
from offhours.recorder.chain import tool_name
from offhours.recorder.delivery import BugCatcher, Delivery
from offhours.recorder.detectors.base import Finding
from offhours.recorder.dumps import Dump
from offhours.recorder.flight import Flight, Outlet
from offhours.recorder.incidents import Incident
from offhours.recorder.interceptors import Function
from offhours.recorder.places import place
from offhours.recorder.process import EXIT_SECONDS
from offhours.recorder.records import FAILED
from offhours.recorder.redaction import Redactor
from offhours.recorder.settings import Options, Settings, seconds, share
from offhours.recorder.sinks.base import Sink
from offhours.recorder.summaries import Summarize, Summarizer
from offhours.recorder.timing import timed
from offhours.recorder.writer import DumpWriter

P = ParamSpec("P")
R = TypeVar("R")


class PerfCatcherInterceptor:
    """Remembers every call of the last 30 s, and dumps them when a call leaves its baseline.

    What is not given is taken from PERFCATCHER_ENABLED, PERFCATCHER_VARIANCE_THRESHOLD and so on;
    without `sinks`, PERFCATCHER_LOKI_URL and PERFCATCHER_FILE say where dumps go. The last
    dumps can always be read from `dumps`. Faulty settings raise `ConfigError`.

    summarize: makes the `result_summary` of a result; by default its class and length are told
    redactor: knows the secrets that no dump may contain
    background: False has nothing happen until `flush()` is called, for tests

    >>> with PerfCatcherInterceptor(mode="fixed", fixed_limit="1s", background=False) as recorder:
    ...     for milliseconds in (20, 20, 1500):
    ...         recorder.record("search", milliseconds)
    ...     _ = recorder.flush()
    ...     [dump] = recorder.dumps
    >>> dump.triggered_by, dump.severity, [call.execution_time_ms for call in dump.requests]
    ('search', 'high', [20.0, 20.0, 1500.0])
    """

    # Innermost: what other interceptors do is not the tool's time.
    order = 100

    def __init__(
        self,
        bugcatcher: Outlet | None = None,
        *,
        sinks: Iterable[Sink | Delivery] | None = None,
        summarize: Summarize | None = None,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
        timer: Callable[[], float] = time.perf_counter,
        background: bool = True,
        **options: Unpack[Options],
    ) -> None:
        settings = Settings.from_environment().over(options)
        self.redactor = redactor or Redactor()
        self.born = time.monotonic()
        self._own: BugCatcher | None = None
        if bugcatcher is None:
            given = outlets.from_environment() if sinks is None else outlets.queued(sinks)
            bugcatcher = self._own = BugCatcher(given)
        self._summaries = Summarizer(summarize, self.redactor)
        duration = settings.buffer_duration
        self._flight = Flight(
            settings,
            outlet=bugcatcher,
            summaries=self._summaries,
            summarize=summarize,
            writer=DumpWriter(clock or SystemClock(), timer, self.redactor, duration),
            timer=timer,
            background=background,
        )
        process.remember(self)

    @property
    def settings(self) -> Settings:
        """What was chosen."""
        return self._flight.settings

    @property
    def bugcatcher(self) -> Any:
        """What takes the dumps; it has an attribute `loki` when Loki is among its sinks."""
        return self._flight.outlet

    @bugcatcher.setter
    def bugcatcher(self, outlet: Outlet | None) -> None:
        self._flight.outlet = outlet

    @property
    def enabled(self) -> bool:
        """Whether calls are recorded; can be set at any time."""
        return self._flight.switch.on

    @enabled.setter
    def enabled(self, on: bool) -> None:
        self._flight.switch.on = bool(on)

    @property
    def variance_threshold(self) -> float:
        """For all tools without a threshold of their own; can be set at any time."""
        return self._flight.settings.variance_threshold

    @variance_threshold.setter
    def variance_threshold(self, threshold: float) -> None:
        settings = self._flight.settings.over({"variance_threshold": threshold})
        with self._flight.lock:
            self._flight.settings = settings
            self._flight.examiner.use(settings)

    @property
    def dumps(self) -> tuple[Dump, ...]:
        """The last dumps, oldest first; at most eight are kept here."""
        return self._flight.memory.dumps

    def dump(self, dump_id: str) -> dict[str, Any] | None:
        """A dump as the documented JSON object; None when it is not kept here any more."""
        return next((one.document() for one in self.dumps if one.dump_id == dump_id), None)

    @overload
    def tool(self, function: Callable[P, R]) -> Callable[P, R]: ...
    @overload
    def tool(self, *, name: str) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def tool(self, function: Function | None = None, *, name: str | None = None) -> Any:
        """A decorator: `@recorder.tool`, or `@recorder.tool(name="search")`."""
        if function is None:
            return lambda function: self.wrap(name or tool_name(function), function)
        return self.wrap(name or tool_name(function), function)

    def wrap(self, tool: str, function: Callable[P, R]) -> Callable[P, R]:
        """The function, recorded under a tool's name. Its results and errors pass unchanged."""
        return cast("Callable[P, R]", self.layer(tool, function))

    def wants(self, tool: str) -> bool:
        """In a chain: every tool is recorded."""
        return True

    def layer(self, tool: str, function: Function) -> Function:
        """In a chain: the function, recorded."""
        return timed(function, self._flight.watch(tool).tool, self._flight)

    def record(
        self,
        tool: str,
        execution_time_ms: float,
        result: Any = None,
        *,
        error: BaseException | None = None,
        workflow_id: str | None = None,
        step_id: str | None = None,
    ) -> None:
        """Record a call that ended just now and was timed elsewhere."""
        flight = self._flight
        if not flight.switch.on:
            return
        watched = flight.watch(tool)
        spent = max(0.0, execution_time_ms / 1000)
        here = place.get() if workflow_id is None and step_id is None else (workflow_id, step_id)
        kind, size = self._summaries.of(result) if error is None else (type(error), FAILED)
        flight.store((watched.tool, flight.timer() - spent, spent, here, kind, size))

    def set_tool_threshold(self, tool: str, threshold: float) -> None:
        """A variance threshold for one tool: 0.15 is 15 %.

        In `dynamic` mode a call must besides be rare for its tool; see `set_tool_mode`.
        """
        threshold = share(threshold, "threshold")
        with self._flight.lock:
            self._flight.examiner.watch(tool).choose_threshold(threshold)

    def set_tool_mode(self, tool: str, mode: str, *, limit: Duration | None = None) -> None:
        """Judge one tool by "dynamic", "threshold", or "fixed" with a `limit` (seconds)."""
        options: dict[str, Any] = {"mode": mode}
        if limit is not None:
            options["fixed_limit"] = seconds(limit, "limit")
        chosen = self.settings.over(options)
        with self._flight.lock:
            self._flight.examiner.watch(tool).choose_mode(chosen)

    @property
    def tools(self) -> list[str]:
        """The names of the tools that were wrapped or recorded, in alphabetical order."""
        with self._flight.lock:
            return sorted(watched.tool.name for watched in self._flight.examiner.tools)

    def get_tool_stats(self, tool: str) -> dict[str, Any]:
        """Figures of a tool's last calls, all zero for one that was never called.

        mean_ms, median_ms, std_ms, min_ms, max_ms, p50_ms, p95_ms, p99_ms: of the last 100 calls
        count, errors: of all calls; samples: calls that the figures stand on
        variance: the last call against the mean before it, 0.35 for 35 % slower
        threshold, mode, limit_ms: how the next call will be judged; None while nothing is known
        all_time: p50_ms, p95_ms, p99_ms of all judged calls
        """
        self._flight.examine()
        with self._flight.lock:
            return figures.of_tool(tool, self._flight.examiner.known(tool), self.settings)

    def get_buffer_stats(self) -> dict[str, Any]:
        """The rolling buffer and what became of triggers.

        buffer_size: its calls; duration_s: from the end of the first to the end of the last
        max_requests, max_duration_s: its bounds
        tools, dumps, suppressed, dropped_dumps: counts; suppressed since the last dump
        uncounted: about how many calls came and went between two looks, in a storm of them: those
            are in no tool's figures
        """
        self._flight.examine()
        with self._flight.lock:
            return figures.of_buffer(self._flight)

    def flush(self, timeout: float = 0.0) -> bool:
        """Judge all calls until now; then wait for the sinks, and say whether they have all."""
        self._flight.examine()
        return self._own is None or self._own.wait(timeout)

    def dump_now(self, explanation: str = "asked for") -> Dump | None:
        """Dump the buffer, whatever it holds; None when it is empty."""
        flight = self._flight
        flight.examine()
        with flight.lock:
            calls = flight.recent()
            if not calls:
                return None
            watched, spent = flight.examiner.watch(calls[-1][0].name), calls[-1][2]
            finding = Finding("manual", watched.detector.limit, None, explanation)
            return flight.dump(Incident.of(watched, calls[-1], finding, spent))

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Record nothing more; deliver what is left for `timeout` seconds."""
        process.forget(self)
        self._flight.close(timeout)
        if self._own is not None:
            self._own.close(timeout)

    def after_fork(self) -> None:
        """In a child process: begin anew."""
        self._flight.after_fork()
        if self._own is not None:
            self._own.after_fork()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
