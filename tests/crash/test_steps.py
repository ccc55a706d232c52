"""kill -9 in the midst of a run of steps: what was recorded is never done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from offhours import JobState, Offhours

STEPS = 5
PROGRAM = """
    import os, signal
    from offhours import Context, Offhours
    from offhours.core import points

    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    app = Offhours(os.environ["DATABASE"], lease="1.2s", processes=1)
    left = int(os.environ["NTH"])

    def die(point):
        global left
        if point == os.environ["POINT"]:
            left -= 1
            if left == 0:
                os.kill(int(os.environ.get("WORKER", os.getpid())), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)

    points.on_reach = die

    def effect(number: int) -> int:
        os.write(ledger, f"{number}\\n".encode())
        return number

    @app.task(name="release", retries=0, executor=os.environ["EXECUTOR"])
    def release(ctx: Context) -> int:
        return sum(ctx.step(f"step {n}", effect, n) for n in range(5))

    @app.task(name="whole")
    def whole() -> str:
        return "whole"

    if __name__ == "__main__":
        os.environ["WORKER"] = str(os.getpid())
        with app:
            app.job(2).wait(60)
"""


EVERY = range(1, STEPS + 1)


@pytest.mark.parametrize(("executor", "numbers"), [("thread", EVERY), ("process", (2, STEPS))])
def test_a_flow_that_is_killed_at_every_step_goes_on(
    executor: str, numbers: Iterable[int], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))

    def run(folder: Path, point: str, nth: int) -> int:
        told = {
            "LEDGER": str(folder / "ledger"), "DATABASE": str(folder / "jobs.db"),
            "EXECUTOR": executor, "POINT": point, "NTH": str(nth),
        }  # fmt: skip
        command = [sys.executable, str(program)]
        return subprocess.run(command, timeout=60, check=False, env=os.environ | told).returncode

    for point in ("after step", "step recorded"):
        for nth in numbers:
            folder = tmp_path / f"{point} {nth}"
            folder.mkdir()
            app = Offhours(folder / "jobs.db")
            first = app.submit_by_name("release")
            behind = app.submit_by_name("whole", after=[first])
            assert run(folder, point, nth) == -signal.SIGKILL
            assert run(folder, "", 0) == 0
            assert first.status is behind.status is JobState.SUCCEEDED
            assert first.result() == sum(range(STEPS))
            done = Counter(map(int, (folder / "ledger").read_text().split()))
            assert set(done) == set(range(STEPS))
            again = {nth - 1} if point == "after step" else set()
            assert {n for n, times in done.items() if times > 1} == again
            assert sum(event.kind == "job.step" for event in first.history()) == STEPS
            app.close()
