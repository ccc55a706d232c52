"""A ledger outside of the database: what each run did, in its own words, and when.

One line a fact, `job attempt pid what monotonic_ns`, written by a single write() to a file opened
for appending, so that a kill leaves a whole line or none. The monotonic clock is one for all
processes of a machine. `job` is 0 where a process is meant and not a run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

WORDS = frozenset(
    {
        "submitted",  # the store has acknowledged the job
        "start",  # a run is in the user's code
        "end",  # it leaves it
        "killing",  # the process stands still, and SIGKILL will be sent now
        "reaped",  # the process is gone
        "stopping",  # SIGSTOP will be sent now
        "stopped",  # the process stands still
        "disowned",  # the store has given the jobs of the process to others
        "waking",  # SIGCONT will be sent now
    }
)


class Mark(NamedTuple):
    """One line."""

    job: int
    attempt: int
    pid: int
    what: str
    at: int


class Pen:
    """Writes lines. Every process has its own."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, what: str, *, job: int = 0, attempt: int = 0, pid: int | None = None) -> int:
        """Write a line; returns its time."""
        at = time.monotonic_ns()
        line = f"{job} {attempt} {os.getpid() if pid is None else pid} {what} {at}\n"
        os.write(self._file, line.encode())
        return at

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)


def read(lines: Iterable[str]) -> Iterator[Mark]:
    """The marks of a ledger; `ValueError` at a line that is none."""
    for number, line in enumerate(lines, 1):
        match line.split():
            case [job, attempt, pid, what, at] if what in WORDS:
                yield Mark(int(job), int(attempt), int(pid), what, int(at))
            case _:
                raise ValueError(f"line {number} of the ledger cannot be read: {line!r}")
