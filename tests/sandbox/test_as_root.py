"""Every attack run by root: nothing of the host is touched, all limits hold."""

from __future__ import annotations

import os

import pytest
from tests.sandbox.all_attacks import ATTACKS
from tests.sandbox.attack import EVERYWHERE as LEVELS
from tests.sandbox.leg import Outcome, suite

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root; the ordinary user has its own leg"),
    pytest.mark.timeout(300),
]
MATRIX = [
    (attack.name, level) for level in LEVELS for attack in ATTACKS if level in attack.levels_today()
]


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], Outcome]:
    return {(one.name, one.level): one for level in LEVELS for one in suite(level)}


@pytest.mark.parametrize(("name", "level"), MATRIX)
def test_nothing_is_breached(
    outcomes: dict[tuple[str, str], Outcome], name: str, level: str
) -> None:
    assert outcomes[name, level].broken == []


@pytest.mark.parametrize("level", LEVELS)
def test_nobody_survives(outcomes: dict[tuple[str, str], Outcome], level: str) -> None:
    assert outcomes["survivors", level].broken == []
