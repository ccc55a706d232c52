"""How well and how fast planted routines are found: `python benchmarks/optimize.py`.

Each log is mined in a process of its own, whose peak of memory is read at the end: its tasks are in
it, since the identifier remembers them. PrefixSpan (closed patterns, in an environment of its own)
gets the same log cut where an actor pauses. Exits 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.peers import PEERS, interpreter
from benchmarks.planted import DEFAULT, HARD, HARD_UNNAMED, Log, plant

from offhours.optimize import RepetitiveTaskIdentifier
from offhours.optimize.parameter import Example
from offhours.optimize.patterns import reproduces

TIERS = {"default": DEFAULT, "hard": HARD, "hard, no actors": HARD_UNNAMED}
GOALS = {10_000: 1.0, 100_000: 5.0, 1_000_000: 60.0}
MEMORY_MB = 1_000
PEER_SECONDS = 60
PEERS["prefixspan"] = ["prefixspan==0.5.2"]


def mine(tier: str, tasks: int, seed: int) -> dict[str, Any]:
    """One log: seconds, peak memory, and how many of the planted routines were found."""
    log = plant(TIERS[tier], tasks, seed)
    identifier = RepetitiveTaskIdentifier(max_history_size=2 * tasks)
    began = time.perf_counter()
    for task in log.tasks:
        identifier.add_task(task)
    added = time.perf_counter()
    found = {pattern.steps: pattern for pattern in identifier.identify_routines()}
    done = time.perf_counter()
    planted = {routine.steps for routine in log.routines}
    right = planted & found.keys()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "tasks": len(log.tasks),
        "add_us": 1e6 * (added - began) / len(log.tasks),
        "seconds": done - added,
        "mb": memory,
        "precision": len(right) / max(1, len(found)),
        "recall": len(right) / len(planted),
        "reproduced": reproduced(log, found) if tasks <= 20_000 else None,
    }


def reproduced(log: Log, found: dict[tuple[str, ...], Any]) -> float:
    """Learn from the first 70 % of the log; the share of whole later runs that come out right."""
    cut = int(0.7 * len(log.tasks))
    identifier = RepetitiveTaskIdentifier(max_history_size=len(log.tasks))
    identifier.add_tasks(log.tasks[:cut])
    learnt = {pattern.steps: pattern for pattern in identifier.identify_routines()}
    good = runs = 0
    for number, routine in enumerate(log.routines):
        pattern = learnt.get(routine.steps)
        if pattern is None:
            continue
        for run in log.runs:
            if run.routine == number and run.whole and run.tasks[0] >= cut:
                tasks = [log.tasks[index] for index in run.tasks]
                values = tuple(task.parameters for task in tasks)
                runs += 1
                good += reproduces(pattern.rules, Example(tasks[0].timestamp, values))
    return good / max(1, runs)


def prefixspan(tier: str, tasks: int, seed: int) -> dict[str, Any]:
    """The same log by PrefixSpan, cut into sequences at an actor's pauses of five minutes."""
    log = plant(TIERS[tier], tasks, seed)
    actors: dict[str, list[Any]] = {}
    for task in log.tasks:
        actors.setdefault(task.actor, []).append(task)
    sequences: list[list[str]] = []
    for line in actors.values():
        sequences.append([line[0].task_type])
        for one, other in pairwise(line):
            if (other.timestamp - one.timestamp).total_seconds() > 300:
                sequences.append([])
            sequences[-1].append(other.task_type)
    told = json.dumps({"sequences": sequences, "least": max(3, tasks // 2_000)})
    side = Path(__file__).parent / "sides" / "prefixspan_side.py"
    try:
        done = subprocess.run(
            [interpreter("prefixspan"), str(side)], input=told, text=True, capture_output=True,
            check=True, timeout=PEER_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"seconds": None}
    answer = json.loads(done.stdout)
    found = {tuple(steps) for steps in answer["patterns"]}
    planted = {routine.steps for routine in log.routines}
    return {
        "seconds": answer["seconds"],
        "patterns": len(found),
        "precision": len(found & planted) / max(1, len(found)),
        "recall": len(found & planted) / len(planted),
    }


def in_its_own_process(tier: str, tasks: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", tier, str(tasks), str(seed)]
    answer: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
    return answer


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(GOALS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[901, 902, 903])
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        tier, tasks, seed = given.one
        print(json.dumps(mine(tier, int(tasks), int(seed))))
        return 0
    missed = []
    print(f"{'log':24}{'P':>7}{'R':>7}{'runs':>7}{'s':>9}{'MB':>7}{'add µs':>8}")
    for tier in TIERS:
        for seed in given.seeds:
            found = in_its_own_process(tier, 10_000, seed)
            told(f"{tier}, seed {seed}", found)
            if tier != "hard, no actors" and (
                found["precision"] < 0.85 or found["recall"] < 0.90 or found["reproduced"] < 0.95
            ):
                missed.append(f"{tier}, seed {seed}")
    for tasks in given.sizes:
        found = in_its_own_process("hard", tasks, given.seeds[0])
        told(f"hard, {tasks:,} tasks", found)
        if found["seconds"] > GOALS.get(tasks, 60.0) or found["mb"] > MEMORY_MB:
            missed.append(f"{tasks} tasks")
        if not given.no_peer and tasks <= 100_000:
            told("  PrefixSpan, closed", prefixspan("hard", tasks, given.seeds[0]))
    print(f"missed: {', '.join(missed)}" if missed else "all goals are met")
    return bool(missed)


def told(name: str, found: dict[str, Any]) -> None:
    """A line of the table."""
    if found["seconds"] is None:
        print(f"{name:24} not done after {PEER_SECONDS} s")
        return
    cells = [
        (found.get("precision"), 7, ".3f"), (found.get("recall"), 7, ".3f"),
        (found.get("reproduced"), 7, ".3f"), (found.get("seconds"), 9, ".2f"),
        (found.get("mb"), 7, ".0f"), (found.get("add_us"), 8, ".2f"),
    ]  # fmt: skip
    print(
        name.ljust(24) + "".join("".rjust(w) if v is None else f"{v:>{w}{f}}" for v, w, f in cells)
    )


if __name__ == "__main__":
    sys.exit(main())
