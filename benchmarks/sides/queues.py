"""What every queue is measured by: the few things that a queue must do, and its worker processes.

A side gives a `Queue`; its worker runs in a process of its own (`SIDE.py work {...}`), as long as
its stdin is open. Every job is a call of `performing.perform`; `measures` has what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import common


class Queue(ABC):
    """A queue on a broker or file that `fresh` empties. Jobs are calls of `performing.perform`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder

    def fresh(self) -> None:
        """Nothing is stored any more."""
        for file in self.folder.glob("jobs.db*"):
            file.unlink()

    @abstractmethod
    def submit(self, what: str, number: float) -> object:
        """Store one job; when this returns the broker has it."""

    def submit_many(self, what: str, numbers: Iterable[float]) -> object:
        """Store jobs in as few steps as the queue offers."""
        for number in numbers:
            self.submit(what, number)
        return None

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> object:
        """Store jobs of a number and the moment (seconds since 1970) at which it is due."""
        raise NotImplementedError("no job for later")

    @abstractmethod
    def stored(self) -> int:
        """How many jobs wait to be run, the later ones left out or not."""

    def settle(self, n: int) -> None:  # noqa: B027  most keep nothing of a job that has run
        """Wait until the outcomes of n jobs are recorded."""

    @abstractmethod
    def work(self) -> None:
        """Run jobs until the process is ended."""

    def leave(self) -> None:
        """The worker's process is asked to end."""
        os._exit(0)

    def foreground(self) -> AbstractContextManager[object]:
        """While it is open, the person in front is active."""
        return nullcontext()

    def close(self) -> None:  # noqa: B027  most have nothing to do
        """Let go of the broker, and leave nothing there."""


Kind = Callable[..., Queue]


class Setting:
    """A kind of queue on a folder, with options, and the worker processes that it starts."""

    def __init__(self, kind: Kind, folder: Path, options: dict[str, Any]) -> None:
        self.kind, self.folder, self.options = kind, folder, options
        self.queue = kind(folder, **options)
        self.queue.fresh()

    def worker(self, expected: int = 0) -> Worker:
        return Worker(str(self.folder), self.options, expected)


class Worker:
    """A worker process, and what it tells."""

    def __init__(self, folder: str, options: dict[str, Any], expected: int) -> None:
        params = {"folder": folder, "options": options, "expected": expected}
        self.process = subprocess.Popen(
            [sys.executable, sys.argv[0], "work", json.dumps(params)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def told(self) -> Any:
        """The next thing that it tells."""
        assert self.process.stdout is not None
        patience = threading.Timer(common.PATIENCE, self.process.kill)
        patience.start()
        line = self.process.stdout.readline()
        patience.cancel()
        if not line:
            raise RuntimeError("the worker ended, or told nothing in time")
        return json.loads(line)

    def ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.told()

    def started(self, number: int) -> float:
        told, moment = self.told()
        assert told == number, (told, number)
        return float(moment)
