"""What every side of a benchmark shares. Standard library only: peers have no more than that.

A side is a script: `python SIDE.py WHAT '{"disk": ..., ...}'` measures one thing once, on a fresh
folder, and prints its figures as one JSON object.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

Figures = dict[str, float]
Measure = Callable[..., Figures]
WARM_UP = 200
PATIENCE = 120.0


def main(measures: dict[str, Measure]) -> None:
    """Measure what the command line asks for."""
    what, params = sys.argv[1], json.loads(sys.argv[2])
    with TemporaryDirectory(dir=params.pop("disk"), prefix="offhours-bench-") as folder:
        figures = measures[what](Path(folder), **params)
    print(json.dumps(figures))


def per_second(call: Callable[[int], object], n: int, threads: int = 1) -> Figures:
    """How often `call` can be called in a second, by some threads together."""
    for number in range(min(WARM_UP, n)):
        call(number)
    share = n // threads
    start = threading.Barrier(threads + 1)

    def work() -> None:
        start.wait()
        for number in range(share):
            call(number)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return {"per_second": share * threads / (time.perf_counter() - began)}


def percentiles(seconds: Sequence[float]) -> Figures:
    """p50 and p99 in milliseconds."""
    ordered = sorted(seconds)
    at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.50, 0.99)]
    return {"p50_ms": at[0], "p99_ms": at[1]}


def start_latency(
    submit: Callable[[int], object], started: Callable[[int], float], n: int, pause: float
) -> Figures:
    """From the call of `submit` to the first line of the task, one at a time, idle between."""
    waits = []
    for number in range(n):
        time.sleep(pause)
        began = time.monotonic()
        submit(number)
        waits.append(started(number) - began)
    return percentiles(waits)


class Lateness:
    """How late calls are whose instants lie on a grid of one second, each with its own phase."""

    def __init__(self, rate: int) -> None:
        self.phases = [number / rate for number in range(rate)]
        self.waits: list[float] = []

    def mark(self, number: int) -> None:
        self.waits.append((time.time() - self.phases[number]) % 1.0)

    def figures(self, seconds: float) -> Figures:
        """What was marked in a stretch of time, after a second of warming up."""
        time.sleep(1.5)
        before = len(self.waits)
        time.sleep(seconds)
        waits = self.waits[before:]
        while not waits:  # one fire a second may just have missed the stretch
            time.sleep(0.1)
            waits = self.waits[before:]
        return percentiles(waits)


class Starts:
    """When tasks of this process started, by number."""

    def __init__(self) -> None:
        self._moments: dict[int, float] = {}

    def mark(self, number: int) -> None:
        self._moments[number] = time.monotonic()

    def wait(self, number: int) -> float:
        wait_until(lambda: number in self._moments)
        return self._moments[number]


@contextmanager
def other_process(*arguments: str) -> Iterator[Callable[[int], float]]:
    """This script in a second process; yields what reads the starts that it tells."""
    command = [sys.executable, sys.argv[0], *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None and it.stdin is not None
        assert it.stdout.readline() == "ready\n"

        def started(number: int) -> float:
            assert it.stdout is not None
            told, moment = it.stdout.readline().split()
            assert int(told) == number, (told, number)
            return float(moment)

        yield started
        it.stdin.close()


def tell_start(number: int) -> None:
    """In the second process: say when a task started (the clock is the machine's, not ours)."""
    sys.stdout.write(f"{number} {time.monotonic()!r}\n")
    sys.stdout.flush()


def work_until_told() -> None:
    """In the second process: say that we are ready, and stay until the first one closes us."""
    print("ready", flush=True)
    sys.stdin.read()


def wait_until(true: Callable[[], object], every: float = 0.0005) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE:g} s in vain")
        time.sleep(every)


def at_rest(seconds: float) -> Figures:
    """What this process uses while it does nothing."""
    time.sleep(min(1.0, seconds))
    cpu, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    return {"cpu_percent": 100 * share, "rss_mb": rss_bytes() / 1e6}


def rss_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # the peak instead, where the kernel does not tell the present
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def in_own_process(what: str, **params: Any) -> None:
    """Run another measure of this script first, so that its memory is not ours."""
    command = [sys.executable, sys.argv[0], what, json.dumps(params)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def cpu_of(folder: Path, code: str, n: int) -> Figures:
    """CPU time of a fresh interpreter that runs `code`, once its bytecode is there."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    spent = []
    for number in range(n + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-c", code, str(folder / f"{number}.db")],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"cpu_ms": 1000 * median(spent[1:])}
