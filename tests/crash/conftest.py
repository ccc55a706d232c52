"""Processes that are killed, and a ledger outside of the database that tells what they did."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PROGRAM = Path(__file__).with_name("program.py")


class Run(NamedTuple):
    """One stretch of a job's code; `end` is None when its process died in it."""

    attempt: int
    pid: int
    start: int
    end: int | None


class Ledger:
    """What the processes wrote down."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[list[str]]:
        if not self.path.exists():
            return []
        return [line.split() for line in self.path.read_text().splitlines()]

    def stored(self) -> list[int]:
        return [int(words[1]) for words in self.lines() if words[0] == "stored"]

    def runs(self) -> dict[int, list[Run]]:
        found: dict[int, list[Run]] = defaultdict(list)
        for kind, job, attempt, pid, at in self.lines():
            if kind == "start":
                found[int(job)].append(Run(int(attempt), int(pid), int(at), None))
            elif kind == "end":
                runs = found[int(job)]
                open_run = next(
                    n for n, run in enumerate(runs) if run.attempt == int(attempt) and not run.end
                )
                runs[open_run] = runs[open_run]._replace(end=int(at))
        return found

    def overlaps(self) -> list[tuple[int, Run, Run]]:
        """Runs of one job that were going on at once. A run without an end died with its process;
        the next one must be another process's, after it."""
        found = []
        for job, runs in self.runs().items():
            ordered = sorted(runs, key=lambda run: run.start)
            for one, other in itertools.pairwise(ordered):
                bad = one.pid == other.pid if one.end is None else one.end > other.start
                if bad or one.attempt >= other.attempt:
                    found.append((job, one, other))
        return found


Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def spawn(tmp_path: Path, ledger: Ledger) -> Iterator[Spawn]:
    """Start the program on `tmp_path/jobs.db`; whatever is left is killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(verb: str, point: str = "", nth: int = 1) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, verb, tmp_path / "jobs.db", ledger.path, point, str(nth)],
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
