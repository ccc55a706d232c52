"""Runs the contenders of a table in turn, round after round, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cases import Bench, Case
from peers import interpreter

SIDES = Path(__file__).parent / "sides"
QUICK_SECONDS, SECONDS = 2.0, 10.0

Results = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure, where, and which sides."""

    disk: Path
    quick: bool = False
    rounds: int | None = None
    sides: frozenset[str] = frozenset({"offhours", "sqlite", "huey", "apscheduler"})

    def rounds_of(self, bench: Bench) -> int:
        return self.rounds or (2 if self.quick else bench.rounds)


def run(bench: Bench, plan: Plan) -> Results:
    """The figures of each case, a list over the rounds. Contenders take turns: A B C A B C."""
    cases = [case for case in bench.cases if case.side in plan.sides]
    results: Results = {case.label: [] for case in cases}
    for number in range(plan.rounds_of(bench)):
        for case in cases:
            print(f"{bench.name}, round {number + 1}: {case.label}", file=sys.stderr)
            results[case.label].append(measure(case, plan))
    return results


def measure(case: Case, plan: Plan) -> dict[str, float]:
    """One case, once."""
    params = {"disk": str(plan.disk), **case.params}
    if case.n is not None:
        params["n"] = max(case.n // 10, 10) if plan.quick else case.n
    if case.measure in ("idle", "lateness", "stored_schedules"):
        params["seconds"] = QUICK_SECONDS if plan.quick else SECONDS
    script = SIDES / f"{case.side}_side.py"
    command = [interpreter(case.side), str(script), case.measure, json.dumps(params)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures
