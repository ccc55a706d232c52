"""Where each microsecond of a job goes: `python benchmarks/parts.py [--write]`.

SQLite itself says how long each statement took. The run of a job is measured alone, with nothing
around it. What is left of the whole is the way between them: threads, buffers, JSON, Python.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import machine
import report
from offhours import Offhours
from run import PAGE

JOBS = 20_000
ROUNDS = 5
# What only this statement contains, and what it is for.
SUBMIT = {
    "insert into jobs": "insert the job",
    "insert into events": "insert its event",
    "begin": "begin and commit",
    "commit": "begin and commit",
}
DRAIN = {
    "limit :slots": "find the most urgent",
    "state = 'running', ready": "claim",
    "'job.started'": "tell that they started",
    "state = :to": "record the outcome",
    "select :now, :kind": "tell the outcome",
    "begin immediate": "begin and commit",
    "commit": "begin and commit",
}
OTHER = "other statements"
Parts = dict[str, float]


def noop() -> None: ...


class Watch:
    """Adds up what SQLite tells of the statements of one connection."""

    def __init__(self, app: Offhours, names: dict[str, str]) -> None:
        self._names = names
        self.spent: dict[str, int] = defaultdict(int)
        (self._writer, _) = app.store._db._connections  # type: ignore[attr-defined]
        self._writer.set_profile(self._add)

    def _add(self, sql: str, nanoseconds: int) -> None:
        row = next((name for part, name in self._names.items() if part in sql), OTHER)
        self.spent[row] += nanoseconds

    def close(self) -> Parts:
        self._writer.set_profile(None)
        return {row: spent / JOBS / 1000 for row, spent in self.spent.items()}


def submitting(folder: Path) -> Parts:
    """Microseconds of one submit, by part."""
    app = Offhours(folder / "submit.db")
    task = app.task(noop)
    task.submit()
    whole = _timed(lambda: [task.submit() for _ in range(JOBS)])
    watch = Watch(app, SUBMIT)
    for _ in range(JOBS):
        task.submit()
    parts = watch.close()
    app.close()
    return _with_rest(parts, whole, "Python: options, JSON, the call into SQLite")


def draining(folder: Path) -> Parts:
    """Microseconds of one job from its claim to its outcome, by part."""
    app = Offhours(folder / "drain.db")
    task = app.task(noop)
    wholes = []
    parts: Parts = {}
    for watched in (False, True):
        jobs = task.submit_many([()] * JOBS)
        watch = Watch(app, DRAIN) if watched else None
        started = time.perf_counter()
        with app:
            app.wait_for(jobs[-1].id)
            while app.counts()["ready"] or app.counts()["running"]:
                time.sleep(0.001)
            wholes.append((time.perf_counter() - started) / JOBS * 1e6)
        parts = parts if watch is None else watch.close()
    app.close()
    parts["run it (arguments, context, call, result)"] = _running()
    return _with_rest(parts, wholes[0], "between them: threads, buffers, JSON")


def _running() -> float:
    """One run alone, by an executor that is nothing but a loop."""
    app = Offhours(":memory:", executor="inline")
    task = app.task(noop)
    jobs = task.submit_many([()] * 2_000)
    worker = app._work.make_worker("")
    worker.start(threads=False)
    claimed = [job._replace(attempt=1) for job in _claims(app, jobs[0].id, 2_000)]
    whole = _timed(lambda: [worker.runner.run(job) for job in claimed], 2_000)
    worker.stop(0)
    app.close()
    return whole


def _claims(app: Offhours, first: int, count: int) -> list:  # type: ignore[type-arg]
    from offhours.core.model import Claimed

    rows = [app.record(first + n) for n in range(count)]
    return [Claimed(*(getattr(row, field) for field in Claimed._fields)) for row in rows]


def _timed(call, jobs: int = JOBS) -> float:  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) / jobs * 1e6


def _with_rest(parts: Parts, whole: float, rest: str) -> Parts:
    return {**parts, rest: max(0.0, whole - sum(parts.values())), "**whole**": whole}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    write = parser.parse_args().write
    for name, title, measure in (
        ("parts_submit", "One submit, microseconds", submitting),
        ("parts_drain", "One no-op job from claim to outcome, microseconds", draining),
    ):
        rounds = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(dir=machine.disk_folder()) as folder:
                rounds.append(measure(Path(folder)))
        rows = [[row, f"{median(each.get(row, 0) for each in rounds):.1f}"] for row in rounds[0]]
        table = f"### {title}\n\n{report.markdown([['part', 'µs'], *rows])}"
        print(table)
        about = f"*{datetime.now(UTC):%Y-%m-%d}, {ROUNDS} rounds; `python benchmarks/parts.py`*\n"
        if write:
            report.write(PAGE, name, f"{table}\n{about}")


if __name__ == "__main__":
    main()
