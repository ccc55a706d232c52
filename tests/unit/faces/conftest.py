from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhours import BackgroundTaskManager, PriorityTaskScheduler


class Gate:
    """A task that runs until it is let go: it keeps a worker busy, and says when it does."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self.opened.wait(30)
        return "passed"


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.opened.set()


@pytest.fixture
def scheduler() -> Iterator[PriorityTaskScheduler]:
    """One worker thread, so that the order of runs is the order of starts."""
    with PriorityTaskScheduler(num_workers=1, background_throttle_ms=0) as made:
        yield made


@pytest.fixture
def manager(gate: Gate) -> Iterator[BackgroundTaskManager]:
    with BackgroundTaskManager(max_workers=1) as made:
        yield made
        gate.opened.set()


@pytest.fixture
def process_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database for the process's own scheduler and task manager, for one test."""
    path = tmp_path / "process.db"
    monkeypatch.setenv("OFFHOURS_DB", str(path))
    return path
