"""The buffer under eight threads and an event loop at once; a minute with OFFHOURS_NIGHTLY=1."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY

from offhours.recorder import PerfCatcherInterceptor

SECONDS = 60.0 if NIGHTLY else 2.0
THREADS = COROUTINES = 8
MOST = 5_000
LENGTHS = 512  # what a call returns has its number, modulo this, as its length
MOST_GROWTH = 32 << 20
RESULTS = ["x" * length for length in range(LENGTHS)]
STATM = Path("/proc/self/statm")


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def memory() -> int:
    """Bytes that this process holds; 0 where nobody can say."""
    return int(STATM.read_text().split()[1]) * 4096 if STATM.exists() else 0


class Load:
    """Calls without pause from many places; `made` says how many each tool has had."""

    def __init__(self, recorder: PerfCatcherInterceptor) -> None:
        self.recorder = recorder
        self.made: dict[str, int] = {}
        self.errors: list[BaseException] = []
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=self._guarded, args=(self._call, f"thread{n}"))
            for n in range(THREADS)
        ]
        self.threads.append(threading.Thread(target=self._guarded, args=(self._loop, "loop")))

    def _guarded(self, work: object, name: str) -> None:
        try:
            work(name)  # type: ignore[operator]
        except BaseException as error:
            self.errors.append(error)
            self.stop.set()

    def _call(self, name: str) -> None:
        tool = self.recorder.wrap(name, lambda number: RESULTS[number % LENGTHS])
        number = 0
        while not self.stop.is_set():
            tool(number)
            number += 1
        self.made[name] = number

    def _loop(self, name: str) -> None:
        async def call(name: str) -> None:
            async def result(number: int) -> str:
                await asyncio.sleep(0)
                return RESULTS[number % LENGTHS]

            tool = self.recorder.wrap(name, result)
            number = 0
            while not self.stop.is_set():
                await tool(number)
                number += 1
            self.made[name] = number

        async def main() -> None:
            await asyncio.gather(*(call(f"{name}{n}") for n in range(COROUTINES)))

        asyncio.run(main())


def test_no_error_no_lost_call_and_no_growth() -> None:
    # Every call is over this limit, so that dumps are made all the time, too.
    options = {"mode": "fixed", "fixed_limit": 1e-6, "cooldown": 0.05, "daily_cap": 1_000_000}
    with PerfCatcherInterceptor(sinks=(), max_requests=MOST, **options) as recorder:  # type: ignore[arg-type]
        load = Load(recorder)
        for thread in load.threads:
            thread.start()
        end = time.monotonic() + SECONDS
        warm = 0
        while time.monotonic() < end and not load.stop.is_set():
            assert recorder.get_buffer_stats()["buffer_size"] <= MOST
            assert recorder.get_tool_stats("thread0")["errors"] == 0
            if not warm and time.monotonic() > end - SECONDS / 2:
                warm = memory()
            load.stop.wait(0.05)
        grown = memory() - warm
        load.stop.set()
        for thread in load.threads:
            thread.join(20)
        assert load.errors == []
        assert recorder.get_buffer_stats()["dumps"] > 1
        calls = list(recorder._flight.buffer)
    assert len(load.made) == THREADS + COROUTINES and min(load.made.values()) > 0
    assert len(calls) == MOST
    for name, made in load.made.items():
        lengths = [record[5] for record in calls if record[0].name == name]
        assert all((one + 1) % LENGTHS == other for one, other in pairwise(lengths)), name
        if lengths:
            assert lengths[-1] == (made - 1) % LENGTHS, f"the last call of {name}"
    assert grown < MOST_GROWTH, f"{grown >> 20} MB more than half way"
    print(f"{sum(load.made.values()):,} calls in {SECONDS:.0f} s, {grown / (1 << 20):+.1f} MB")
