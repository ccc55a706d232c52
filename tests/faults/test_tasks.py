"""After anything that a task does to its process, the next job runs within a second."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from offhours import JobState, Offhours

PROCESS_TASKS = Path(__file__).parents[1] / "acceptance" / "process_tasks.py"


def load() -> Any:
    """The same tasks as in the tests of single faults; the children find them by their file."""
    spec = importlib.util.spec_from_file_location("process_tasks", PROCESS_TASKS)
    assert spec is not None and spec.loader is not None
    module = sys.modules["process_tasks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(180)
def test_the_worker_outlives_them_all_and_starts_the_next_job_soon(tmp_path: Path) -> None:
    tasks = load()
    deeds = {
        "a huge exception": (tasks.raise_huge, ()),
        "an exception that cannot be pickled": (tasks.raise_odd, ()),
        "sys.exit": (tasks.raise_exit, ()),
        "os._exit(0)": (tasks.leave, (0,)),
        "os._exit(9)": (tasks.leave, (9,)),
        "a segmentation fault": (tasks.fall_by_segfault, ()),
        "abort": (tasks.fall_by_abort, ()),
        "a stack overflow": (tasks.fall_by_stack_overflow, ()),
        "kill -9": (tasks.be_killed, ()),
        "closed descriptors": (tasks.close_everything, ()),
        "nonsense in the pipe": (tasks.talk_nonsense, ()),
        "a memory bomb": (tasks.eat_memory, ()),
        "an endless loop that ignores TERM": (tasks.spin, (str(tmp_path / "spin"),)),
        "the GIL held for ever": (tasks.hold_the_gil, (str(tmp_path / "gil"),)),
        "a thread left behind": (tasks.leave_a_thread, ()),
        "a process left behind": (tasks.leave_a_child, ()),
        "a mess": (tasks.leave_a_mess, (str(tmp_path),)),
    }
    app = Offhours(tmp_path / "jobs.db", processes=1, kill_grace="300ms")
    next_job = app.task(executor="process")(tasks.pid)
    waits = {}
    with app:
        worker = app.workers()[0].id
        next_job.submit().result(20)
        for said, (function, args) in deeds.items():
            task = app.task(executor="process", on_lost="fail", timeout="500ms")(function)
            assert task.submit(*args).wait(30).final
            began = time.monotonic()
            assert next_job.submit().wait(30) is JobState.SUCCEEDED
            waits[said] = time.monotonic() - began
        assert [found.id for found in app.workers()] == [worker]
    slowest = max(waits, key=waits.__getitem__)
    middle = sorted(waits.values())[len(waits) // 2]
    print(f"{len(waits)} deeds: the next job was done after {middle:.2f} s (median), "
          f"{waits[slowest]:.2f} s at most (after {slowest})")  # fmt: skip
    assert waits[slowest] < 3
    app.close()


@pytest.mark.timeout(120)
def test_a_storm_of_failures_is_damped_and_costs_little(tmp_path: Path, nightly: bool) -> None:
    """Thousands of jobs that always fail: each waits longer, and the worker idles meanwhile."""
    jobs = 10_000 if nightly else 500
    app = Offhours(tmp_path / "jobs.db", threads=2)

    @app.task(retries=20, backoff="20s")
    def fail(number: int) -> None:
        raise ValueError

    with app:
        fail.submit_many([(n,) for n in range(jobs)])
        deadline = time.monotonic() + 60
        while app.counts()["later"] < jobs:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        cpu, seconds = time.process_time(), 3.0
        time.sleep(seconds)
        share = (time.process_time() - cpu) / seconds
        due = [job.run_at for job in app.jobs(limit=jobs)]
    print(f"{jobs:,} failing jobs that wait to be tried again: {share:.1%} CPU")
    assert share < 0.2
    assert len(set(due)) > jobs / 2  # scattered by the jitter
    app.close()


def test_a_cancel_that_meets_the_end_has_one_winner(database: str, nightly: bool) -> None:
    """Each job ends once, and the answer to the cancel says which it was."""
    app = Offhours(database, threads=2)
    task = app.task(name="t")(lambda: None)
    outcomes = {"cancelled": 0, "succeeded": 0}
    with app:
        for _ in range(1000 if nightly else 50):
            job = task.submit()
            at_once: list[object] = []

            def cancel(job=job, at_once=at_once) -> None:
                try:
                    at_once.append(job.cancel())
                except Exception as error:
                    at_once.append(error)

            thread = threading.Thread(target=cancel)
            thread.start()
            state = job.wait(20)
            thread.join(20)
            outcomes[state] += 1
            assert at_once[0] is not True or state is JobState.CANCELLED
            finals = [e.kind for e in job.history() if e.kind in ("job.cancelled", "job.succeeded")]
            assert finals == [f"job.{state}"]
    print(f"cancel against finish: {outcomes}")
    app.close()
