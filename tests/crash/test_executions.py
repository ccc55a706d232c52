"""kill -9 in the midst of an execution: what is finished is not done again, and it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY

from offhours import Offhours, Orchestrator, TaskStatus
from offhours.orchestrator import Phase, Plan

PROGRAM = """
import os, signal, sys, threading

from offhours import Offhours, Orchestrator
from offhours.core import points
from offhours.orchestrator import PhaseFailed

database, ledger, point, nth = sys.argv[1:5]
file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
left, lock = int(nth), threading.Lock()


def bomb(name):
    global left
    if name == point:
        with lock:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


points.on_reach = bomb
app = Offhours(database, lease="1.2s", threads=2)
orchestrator = Orchestrator(app=app)


@orchestrator.handler("work")
def work(context):
    os.write(file, f"{context.phase.name}\\n".encode())
    bomb(f"in {context.phase.name}")
    if context.phase.repair and not context.repairs:
        raise PhaseFailed("not good yet")
    bomb(f"late in {context.phase.name}")
    return [*context.results.values(), *context.repairs, context.phase.name]


@orchestrator.handler("mend")
def mend(context):
    os.write(file, b"mend\\n")
    bomb("in mend")
    return "mended"


with app:
    orchestrator.execution(1).wait(60)
"""

BY_DAY = ["late in middle", "in mend"]
BY_NIGHT = ["in middle", "after step", "step recorded", "after effect", "before apply", "in last"]
PHASES = (
    Phase("first", "work"),
    Phase("middle", "work", ["first"], retries=3, repair="mend"),
    Phase("beside", "work", ["first"]),
    Phase("last", "work", ["middle", "beside"]),
)


@pytest.mark.parametrize("point", BY_DAY + BY_NIGHT * NIGHTLY)
def test_finished_phases_are_not_repeated(point: str, tmp_path: Path) -> None:
    check(str(tmp_path / "jobs.db"), tmp_path, point)


@pytest.mark.nightly
def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    check(postgres_url, tmp_path, "in mend")


def check(database: str, folder: Path, point: str) -> None:
    program, ledger = folder / "program.py", folder / "ledger"
    program.write_text(PROGRAM)

    def run(at: str) -> int:
        command = [sys.executable, str(program), database, str(ledger), at, "1"]
        return subprocess.run(command, timeout=60, check=False, env=os.environ).returncode

    def done() -> Counter[str]:
        return Counter(ledger.read_text().split())

    app = Offhours(database)
    plan = Plan("survive", PHASES)
    execution = Orchestrator(app=app).execute(plan, use_background=True)
    assert run(point) == -signal.SIGKILL
    assert execution.status is TaskStatus.RUNNING
    finished = {p.name for p in execution.phases() if p.status is TaskStatus.COMPLETED}
    mended = any(step.name.startswith("phase: repair") for step in app.store.flows.steps(2))
    before = done()
    assert run("") == 0
    assert execution.status is TaskStatus.COMPLETED
    assert execution.results()["middle"] == [["first"], "mended", "middle"]
    after = done()
    assert after.keys() == {"mend", *(phase.name for phase in PHASES)}
    assert {name: after[name] for name in finished} == {name: before[name] for name in finished}
    assert not mended or after["mend"] == before["mend"]
    app.close()
