"""Runs the contenders of a table in turn, round after round, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, CalledProcessError, Popen, TimeoutExpired

from cases import Bench, Case
from peers import interpreter

SIDES = Path(__file__).parent / "sides"
# Name of a parameter: what it is in a whole and in a quick run.
LENGTHS = {
    "idle": {"seconds": (4.0, 1.0)},
    "due": {"seconds": (5.0, 1.0)},
    "growth": {"seconds": (3.0, 0.5)},
    "lateness": {"seconds": (5.0, 2.0)},
    "stored_schedules": {"seconds": (4.0, 2.0)},
    "recovery": {"patience": (10.0, 2.0)},
    "interference": {"seconds": (1.0, 0.3), "n": (10_000, 10_000)},
}
LONGEST = 180.0

Results = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure, where, and which sides (the others and why they are not here)."""

    disk: Path
    quick: bool = False
    rounds: int | None = None
    sides: frozenset[str] = frozenset({"offhours", "sqlite"})
    absent: tuple[str, ...] = ()

    def rounds_of(self, bench: Bench) -> int:
        return self.rounds or (2 if self.quick else bench.rounds)


def run(bench: Bench, plan: Plan) -> Results:
    """The figures of each case, a list over the rounds. Contenders take turns: A B C A B C.

    A case that fails has its turn no more, and no figures.
    """
    cases = [case for case in bench.cases if case.side in plan.sides]
    results: Results = {case.label: [] for case in cases}
    able = [case for case in cases if not case.none]
    for number in range(plan.rounds_of(bench)):
        for case in list(able):
            began = time.monotonic()
            try:
                results[case.label].append(measure(case, plan))
            except (CalledProcessError, TimeoutExpired) as error:
                print(f"{bench.name}: {case.label} failed: {error}", file=sys.stderr)
                able.remove(case)
                results[case.label].clear()
            took = time.monotonic() - began
            print(f"{bench.name}, round {number + 1}: {case.label}, {took:.1f} s", file=sys.stderr)
    return results


def measure(case: Case, plan: Plan) -> dict[str, float]:
    """One case, once."""
    params = {"disk": str(plan.disk), **case.params}
    if case.n is not None:
        params["n"] = min(case.n, max(case.n // 10, 10)) if plan.quick else case.n
    for name, (whole, quick) in LENGTHS.get(case.measure, {}).items():
        params.setdefault(name, quick if plan.quick else whole)
    script = SIDES / f"{case.side}_side.py"
    command = [interpreter(case.side), str(script), case.measure, json.dumps(params)]
    with Popen(command, stdout=PIPE, text=True, start_new_session=True) as it:
        try:
            out, _ = it.communicate(timeout=LONGEST)
        finally:
            if it.poll() is None:
                os.killpg(it.pid, signal.SIGKILL)
    if it.returncode:
        raise CalledProcessError(it.returncode, f"{case.side} {case.measure}")
    figures: dict[str, float] = json.loads(out.splitlines()[-1])
    return figures
