"""What the recorder adds to a call: `python benchmarks/recorder.py`. Fails above 400 ns.

Each line is the time of one call of a function that does nothing. Contenders take turns in short
rounds; the first figure is the best round, which other programs on the machine disturbed least,
the second the median. What is judged is the best round of the first line that records.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import machine
import report
from offhours import ToolsManager
from offhours.recorder import Interceptor, InterceptorChain, PerfCatcherInterceptor

GOAL, LIMIT = 300.0, 400.0
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
    return int(added > LIMIT)


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


if __name__ == "__main__":
    sys.exit(main())
