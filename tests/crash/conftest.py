"""Processes that are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("program.py")

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def spawn(database: str, ledger: Any) -> Iterator[Spawn]:
    """Start the program on the database; whatever is left is killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(verb: str, point: str = "", nth: int = 1) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, verb, database, ledger.path, point, str(nth)],
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
