"""Work for a long time and watch what grows: `python tests/faults/soak.py --minutes 20`.

One process submits and works; jobs of all kinds: quick ones, coroutines, failures, retries, runs
in a child process, a schedule. Every few seconds: memory, descriptors, threads, the size of the
write-ahead log. Ends with 1 when memory grows by more than 1 MB per 100,000 jobs, the log gets
past 64 MB, or descriptors are not flat.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from offhours import Offhours

WARM_UP = 0.3
LOOK = 5.0
WAITING = 2_000
MOST_SLOPE, MOST_LOG, MOST_DESCRIPTORS = 1e6, 64e6, 3


class Reading(NamedTuple):
    seconds: float
    jobs: int
    memory: int
    descriptors: int
    threads: int
    log: int


def read(began: float, jobs: int, path: Path) -> Reading:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    log = Path(f"{path}-wal")
    return Reading(
        time.monotonic() - began, jobs, pages * resource.getpagesize(),
        len(os.listdir("/proc/self/fd")), threading.active_count(),
        log.stat().st_size if log.exists() else 0,
    )  # fmt: skip


def quick(number: int) -> int:
    return number


async def coroutine(number: int) -> int:
    return number


def fail(number: int) -> None:
    raise ValueError("as it should")


def in_process(number: int) -> int:
    return os.getpid()


def work(app: Offhours, path: Path, minutes: float) -> list[Reading]:
    app.task(quick)
    app.task(coroutine)
    app.task(retries=1, backoff=0)(fail)
    app.task(executor="process")(in_process)
    app.schedule(quick, timedelta(seconds=1), args=(0,))
    began = time.monotonic()
    readings, submitted, look = [], 0, 0.0
    with app:
        while (passed := time.monotonic() - began) < 60 * minutes:
            app.task(quick).submit_many([(n,) for n in range(440)])
            app.task(coroutine).submit_many([(n,) for n in range(50)])
            app.task(retries=1, backoff=0)(fail).submit_many([(n,) for n in range(9)])
            app.task(executor="process")(in_process).submit(0)
            submitted += 500
            while app.counts()["ready"] > WAITING:
                time.sleep(0.01)
            if passed >= look:
                look = passed + LOOK
                readings.append(read(began, submitted, path))
                print("{:6.0f} s {:>10,} jobs {:>12,} bytes {:>4} descriptors {:>3} threads "
                      "{:>12,} bytes of log".format(*readings[-1]), flush=True)  # fmt: skip
    return readings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    minutes = parser.parse_args().minutes
    logging.getLogger("offhours").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        # What is kept is soon at its bound: what still grows then grows without one.
        app = Offhours(path, retention_jobs=5_000, threads=2, processes=1)
        readings = work(app, path, minutes)
        app.close()
    settled = [r for r in readings if r.seconds >= WARM_UP * 60 * minutes]
    slope = statistics.linear_regression(
        [r.jobs / 100_000 for r in settled], [r.memory for r in settled]
    ).slope
    log = max(r.log for r in readings)
    spread = max(r.descriptors for r in settled) - min(r.descriptors for r in settled)
    print(
        f"{readings[-1].jobs:,} jobs in {minutes:g} minutes; memory {slope / 1e6:+.3f} MB per "
        f"100,000 jobs after the first {WARM_UP:.0%}; log at most {log / 1e6:.1f} MB; descriptors "
        f"{settled[0].descriptors} within {spread}"
    )
    return int(slope > MOST_SLOPE or log > MOST_LOG or spread > MOST_DESCRIPTORS)


if __name__ == "__main__":
    sys.exit(main())
