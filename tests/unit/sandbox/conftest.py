"""A sandbox at full level, and one at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from offhours.sandbox import SandboxManager


@pytest.fixture
def sandbox() -> Iterator[SandboxManager]:
    with SandboxManager("full", timeout_seconds=20) as manager:
        yield manager


@pytest.fixture
def at_level() -> Iterator[Callable[[str], SandboxManager]]:
    made: list[SandboxManager] = []

    def make(level: str) -> SandboxManager:
        made.append(SandboxManager(level, timeout_seconds=20))
        return made[-1]

    yield make
    for manager in made:
        manager.close()
