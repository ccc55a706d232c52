"""What the recorder adds to a call, and what a dump costs: `python benchmarks/recorder.py`.

Fails when a call costs over 400 ns, or a dump of 2,000 calls its caller 1 ms or a sink 50 ms.

Each line is the time of one call of a function that does nothing. Contenders take turns in short
rounds; the first figure is the best round, which other programs on the machine disturbed least,
the second the median. What is judged is the best round of the first line that records.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import machine
import report
from offhours import Offhours, ToolsManager
from offhours.recorder import Dump, Interceptor, InterceptorChain, PerfCatcherInterceptor, Sink
from offhours.recorder.sinks.files import FileSink
from offhours.recorder.sinks.store import StoreSink

GOAL, LIMIT = 300.0, 400.0
DUMP_CALLS, DUMPS = 2_000, 20
CALLER_LIMIT, SINK_LIMIT = 1.0, 50.0  # ms
BARE, RECORDED = "the bare function", "recorded: @recorder.tool"
BARE_ASYNC, RECORDED_ASYNC = "async, bare", "async, recorded"
MANAGER = "ToolsManager.execute_tool"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--calls", type=int, default=5_000)
    asked = parser.parse_args()
    measured = measure(asked.rounds, asked.calls)
    rows = [["contender", "best, ns a call", "median", "added by the best"]]
    for label, times in measured.items():
        bare = min(measured[BARE_ASYNC if "async" in label else BARE])
        figures = (min(times), median(times), min(times) - bare)
        rows.append([label, *map(report.number, figures)])
    added = min(measured[RECORDED]) - min(measured[BARE])
    print(f"{machine.description()}\n\n{report.markdown(rows)}")
    print(f"snapshot of 20,000 calls: {snapshot():.3f} ms (goal: 1 ms)")
    print(f"eight threads: {threads():.0f} ns a call")
    print(f"added to a sync call: {added:.0f} ns (goal: {GOAL:.0f}, limit: {LIMIT:.0f})")
    caller, sinks = dumps()
    print(f"{DUMP_CALLS:,} calls dumped: {caller:.3f} ms for the caller (limit: {CALLER_LIMIT:g})")
    for name, took in sinks.items():
        print(f"  {name}: {took:.1f} ms (limit: {SINK_LIMIT:g})")
    return int(added > LIMIT or caller > CALLER_LIMIT or max(sinks.values()) > SINK_LIMIT)


def nothing(number: int) -> int:
    return number


async def nothing_async(number: int) -> int:
    return number


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def measure(rounds: int, calls: int) -> dict[str, list[float]]:
    logging.disable(logging.WARNING)
    recorder = PerfCatcherInterceptor(sinks=())
    off = PerfCatcherInterceptor(sinks=(), enabled=False)
    hooks = InterceptorChain([Interceptor()])
    chain = InterceptorChain([recorder])
    manager = ToolsManager({"tools": {"nothing": nothing}}, chain=chain)
    contenders: dict[str, Callable[..., Any]] = {
        BARE: nothing,
        "an empty wrapper": plain(nothing),
        RECORDED: recorder.tool(nothing),
        "recorded: a chain with the recorder": chain.wrap("nothing", nothing),
        "switched off": off.tool(nothing),
        "a chain with one interceptor of hooks": hooks.wrap("nothing", nothing),
        "recorded: chain.call of a function only met now": functools.partial(
            chain.call, "nothing", nothing
        ),
    }
    times: dict[str, list[float]] = {label: [] for label in contenders}
    times |= {MANAGER: [], BARE_ASYNC: [], RECORDED_ASYNC: []}
    recorded_async = recorder.tool(nothing_async)
    for _ in range(rounds):
        for label, function in contenders.items():
            times[label].append(timed(function, calls))
        times[MANAGER].append(
            timed(lambda n: manager.execute_tool("nothing", {"number": n}), calls)
        )
        times[BARE_ASYNC].append(asyncio.run(timed_async(nothing_async, calls)))
        times[RECORDED_ASYNC].append(asyncio.run(timed_async(recorded_async, calls)))
    recorder.close()
    return times


def timed(function: Callable[..., Any], calls: int) -> float:
    numbers = range(calls)
    began = time.perf_counter()
    for number in numbers:
        function(number)
    return (time.perf_counter() - began) / calls * 1e9


async def timed_async(function: Callable[..., Any], calls: int) -> float:
    numbers = range(calls)
    began = time.perf_counter()
    for number in numbers:
        await function(number)
    return (time.perf_counter() - began) / calls * 1e9


def threads(calls: int = 50_000, count: int = 8) -> float:
    """Calls of one tool from several threads at once: the time of all, by their number."""
    with PerfCatcherInterceptor(sinks=()) as recorder:
        tool = recorder.tool(nothing)
        workers = [threading.Thread(target=timed, args=(tool, calls)) for _ in range(count)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return (time.perf_counter() - began) / (calls * count) * 1e9


def snapshot() -> float:
    """Milliseconds that a copy of a full buffer takes."""
    with PerfCatcherInterceptor(sinks=(), background=False) as recorder:
        tool = recorder.tool(nothing)
        for number in range(20_000):
            tool(number)
        took = []
        for _ in range(20):
            began = time.perf_counter()
            list(recorder._flight.buffer)
            took.append(time.perf_counter() - began)
        return median(took) * 1000


def dumps() -> tuple[float, dict[str, float]]:
    """Milliseconds that a call takes beyond its own when it is dumped, and each sink's for a dump.

    The medians of several dumps of a busy tool, made and written as ever: by the recorder's thread
    and the sinks' own.
    """
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, Offhours(f"{folder}/store.db") as app:
        stores: list[Sink] = [FileSink(f"{folder}/dumps.jsonl"), StoreSink(app)]
        timers = [Timed(sink) for sink in stores]
        caller = [dumped_call(timers) for _ in range(DUMPS)]
        return median(caller), {timer.name: median(timer.took) for timer in timers}


def dumped_call(sinks: Sequence[Sink]) -> float:
    """Milliseconds that the recorder adds to a call which makes a dump."""
    own = 0.0

    def slow(milliseconds: float) -> None:
        nonlocal own
        began = time.perf_counter()
        time.sleep(milliseconds / 1000)
        own = time.perf_counter() - began

    with PerfCatcherInterceptor(sinks=sinks, mode="fixed", fixed_limit=0.005) as recorder:
        quick, tool = recorder.tool(nothing), recorder.tool(slow)
        tool(0)
        for number in range(DUMP_CALLS - 2):
            quick(number)
        recorder.flush()  # the limit is known from here on
        began = time.perf_counter()
        tool(10)
        added = time.perf_counter() - began - own
        recorder.flush(10)
        [dump] = recorder.dumps
        assert dump.buffer_size == DUMP_CALLS
    return added * 1000


class Timed:
    """A sink, and the milliseconds that it took for each dump."""

    def __init__(self, sink: Sink) -> None:
        self.name = sink.name
        self.took: list[float] = []
        self._sink = sink

    def write(self, dump: Dump) -> None:
        began = time.perf_counter()
        self._sink.write(dump)
        self.took.append((time.perf_counter() - began) * 1000)

    def close(self) -> None:
        """They serve several recorders."""


if __name__ == "__main__":
    sys.exit(main())
