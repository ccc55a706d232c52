"""Waiting for what should happen, programs run as a user would, and a ledger of what they did."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import apsw
import hypothesis
import pytest
from tests.acceptance.proxy import proxy
from tests.nightly import NIGHTLY
from tests.servers import (
    database,
    emptied_postgres,
    postgres,
    postgres_url,
    schema_made_once,
)

from offhours.core.addresses import is_server
from offhours.core.here import running
from offhours.executors import processes

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

__all__ = [  # fixtures
    "database",
    "emptied_postgres",
    "postgres",
    "postgres_url",
    "proxy",
    "schema_made_once",
]


if os.environ.get("COVERAGE_PROCESS_CONFIG"):
    # Children are not hurried when they leave: what they have run is yet to be written down.
    processes.LEAVE_SECONDS = 30


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Programs and helpers beside the tests hold no tests; importing them twice would harm."""
    helper = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if helper else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is for the night is left out by day, not skipped: nothing is missing there."""
    if not NIGHTLY:
        late = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]


@pytest.fixture(autouse=True)
def _nothing_runs_here() -> Iterator[None]:
    """No test leaves the context of a job behind: what comes after it would be that job's."""
    yield
    left = running.get()
    running.set(None)
    assert left is None, f"the context of {left.task}, job {left.job_id}, was not left"


@pytest.fixture(autouse=True)
def _process_begins_anew() -> Iterator[None]:
    """The app and the recorder that a process shares are one test's: the next gets its own."""
    yield
    if faces := sys.modules.get("offhours.faces.base"):
        faces.forget_shared()
    if faces := sys.modules.get("offhours.faces.interceptors"):
        faces.forget_global_chain()


Until = Callable[..., None]


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


def _until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline, pause = time.monotonic() + seconds, 0.002
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)
        pause = min(1.1 * pause, 0.02)  # a look may cost a query of all that is stored


@pytest.fixture
def until() -> Until:
    """Wait for a condition; fail when it does not come true in time."""
    return _until


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python program; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        file = tmp_path / f"program{len(started)}.py"
        file.write_text(textwrap.dedent(code))
        process = subprocess.Popen(
            [sys.executable, file, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def is_sound() -> Callable[[Path | str], bool]:
    """SQLite's own verdict about a file; a server looks after its own."""

    def look(database: Path | str) -> bool:
        if is_server(str(database)):
            return True
        connection = apsw.Connection(str(database))
        try:
            return bool(connection.execute("pragma integrity_check").get == "ok")
        finally:
            connection.close()

    return look
