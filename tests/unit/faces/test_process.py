"""The process's own scheduler and task manager: one engine, one file, a quiet end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offhours import (
    TaskStatus,
    get_global_scheduler,
    get_task_manager,
    submit_background_task,
)
from offhours.faces import interceptors


def test_there_is_one_of_each_started(process_database: Path) -> None:
    scheduler, manager = get_global_scheduler(), get_task_manager()
    assert get_global_scheduler() is scheduler
    assert get_task_manager() is manager
    assert scheduler.app is manager.app
    assert scheduler.app.running
    assert scheduler.app.store.name == str(process_database)


def test_tasks_of_one_are_known_to_the_other(process_database: Path) -> None:
    task_id = submit_background_task(pow, 2, exp=5, name="django_task")
    task = get_global_scheduler().get_task(task_id)
    assert task is not None
    assert task.wait(10) is TaskStatus.COMPLETED
    assert (task.result, task.name) == (32, "django_task")


def test_who_asks_after_a_stop_gets_it_started_again(process_database: Path) -> None:
    get_task_manager().shutdown()
    task_id = get_task_manager().submit_task(abs, -1)
    task = get_task_manager().get_task(task_id)
    assert task is not None
    assert task.wait(10) is TaskStatus.COMPLETED


BUSY = """
import sys, time
from offhours import TaskPriority, get_global_scheduler, get_task_manager

def nap(seconds):
    time.sleep(seconds)

scheduler = get_global_scheduler()
scheduler.mark_workflow_active("wf")
first = scheduler.get_task(scheduler.submit(nap, args=(60,), priority=TaskPriority.HIGH))
get_task_manager().submit_task(lambda: time.sleep(60))
scheduler.submit(nap, args=(60,), priority=TaskPriority.LOW)
while first.status != "running":
    time.sleep(0.001)
print("leaving", flush=True)
"""


@pytest.mark.parametrize(("end", "code"), [("", 0), ("raise KeyboardInterrupt", -2)])
def test_the_interpreter_ends_at_once_and_nothing_is_lost(
    process_database: Path, end: str, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BUSY + end],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "leaving\n"
        left = time.monotonic()
        assert process.wait(30) == code
        took = time.monotonic() - left
        told = process.stderr.read().splitlines()
    assert took < 2, "half a second for what runs, and some for a busy machine"
    assert told == [] if not end else told[-1] == "KeyboardInterrupt"

    scheduler = get_global_scheduler()
    task = scheduler.get_task("1")
    assert task is not None
    assert (task.record.crashes, task.attempts) == (0, 0), "handed back, not crashed"
    assert not scheduler.has_active_workflows()


FORKED = """
import os, sys
from offhours import get_global_scheduler

parent = get_global_scheduler()
parent.get_task(parent.submit(abs, args=(-1,))).wait(10)
child = os.fork()
if child == 0:
    scheduler = get_global_scheduler()
    assert scheduler is not parent
    assert scheduler.get_task(scheduler.submit(abs, args=(-2,))).wait(10) == "completed"
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert parent.get_task(parent.submit(abs, args=(-3,))).wait(10) == "completed"
assert parent.get_stats()["tasks_completed"] == 3
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_its_own(process_database: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_package_loads_no_face() -> None:
    code = "import offhours, sys; assert not any('faces' in name for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_test_leaves_the_next_one_no_recorder(turn: int) -> None:
    assert interceptors._chain is None, f"turn {turn}"
    assert interceptors.get_perfcatcher_interceptor() in interceptors._chain.interceptors
