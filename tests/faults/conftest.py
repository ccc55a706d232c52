"""Programs that faults are done to, and the tools that do them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.nightly import NIGHTLY

HERE = Path(__file__).parent

Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def nightly() -> bool:
    """Whether there is time for all of it."""
    return NIGHTLY


@pytest.fixture
def program() -> Iterator[Program]:
    """Start a program of this folder; what still runs at the end is killed.

    `under` is put in front of the command: strace, or a sandbox with a small disk.
    """
    started: list[subprocess.Popen[str]] = []

    def start(
        name: str, *arguments: object, under: tuple[str, ...] = (), **options: Any
    ) -> subprocess.Popen[str]:
        command = [*under, sys.executable, str(HERE / name), *map(str, arguments)]
        options.setdefault("env", {**os.environ, "PYTHONPATH": str(HERE.parents[1])})
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def worker(
    request: pytest.FixtureRequest, program: Program, tmp_path: Path, ledger: Any
) -> Callable[..., subprocess.Popen[str]]:
    """Start a worker and wait until it is about to work: on the `database` of the test that asks
    for one, else on `tmp_path/jobs.db`."""
    there = "database" in request.fixturenames
    usual = request.getfixturevalue("database") if there else tmp_path / "jobs.db"

    def start(
        under: tuple[str, ...] = (), database: str | Path = usual, **options: Any
    ) -> subprocess.Popen[str]:
        process = program("worker.py", database, ledger.path, json.dumps(options), under=under)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    return start


def _works(command: list[str]) -> bool:
    return (
        shutil.which(command[0]) is not None
        and not subprocess.run(command, capture_output=True, timeout=30).returncode
    )


@pytest.fixture(scope="session")
def strace() -> Callable[..., tuple[str, ...]]:
    """`strace(call, fault)`: what to put in front of a command so that its system calls fail."""
    if not _works(["strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]):
        pytest.skip("strace is missing, or may not trace here")

    def inject(call: str, fault: str) -> tuple[str, ...]:
        # Stopped at that call alone, and not at each: which tells errors, but can send no signal.
        quick = ["--seccomp-bpf"] if fault.startswith("error") else []
        return (
            "strace", "-f", *quick, "-qq", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:{fault}",
        )  # fmt: skip

    return inject


@pytest.fixture(scope="session")
def bwrap() -> tuple[str, ...]:
    """What to put in front of a command to run it in a mount namespace of its own."""
    command = ["bwrap", "--dev-bind", "/", "/"]
    if not _works([*command, "--size", "65536", "--tmpfs", "/mnt", "true"]):
        pytest.skip("bubblewrap is missing, or may not make namespaces here")
    return tuple(command)
