"""What a bulk cancel of many jobs costs, and what it costs those who work meanwhile.

python benchmarks/bulk.py [--jobs 100000] [--store PATH|postgresql://...]

A thread submits a job and waits for its result, again and again: first alone, then beside the
cancel. Told are the rate of the cancel, and how long that thread's round trips took.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

from offhours import Offhours

ALONE = 2.0  # seconds


def percentiles(took: list[float]) -> str:
    ordered = sorted(took)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    figures = f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.1f}, worst {ordered[-1] * 1e3:.0f}"
    return f"{figures} ({len(ordered):,} round trips)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--store")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(asked.store or str(Path(folder) / "jobs.db"), asked.jobs)


def measure(store: str, jobs: int) -> None:
    app, took, ended = Offhours(store), list[float](), threading.Event()
    many, probe = app.task(name="many")(len), app.task(name="probe")(int)
    many.options(delay="1h").submit_many([("four",)] * jobs)

    def go_round() -> None:
        while not ended.is_set():
            start = time.perf_counter()
            probe.submit("1").result(timeout=60)
            took.append(time.perf_counter() - start)

    with app:
        thread = threading.Thread(target=go_round)
        thread.start()
        time.sleep(ALONE)
        alone, before = list(took), len(took)
        start = time.perf_counter()
        seen = app.bulk.preview("cancel", task="many")
        looked = time.perf_counter()
        done = app.bulk.cancel(task="many", expect=seen.token)
        end = time.perf_counter()
        ended.set()
        thread.join()
    print(f"preview of {seen.count:,} jobs: {looked - start:.2f} s")
    print(f"cancel: {end - looked:.1f} s, {done.done / (end - looked):,.0f} jobs/s")
    print(f"a submit and its result, alone:      {percentiles(alone)}")
    print(f"the same while the cancel goes on:   {percentiles(took[before:])}")
    app.close()


if __name__ == "__main__":
    main()
