"""Every attack run by an ordinary user: at the strictest level by day, at every level by night."""

from __future__ import annotations

import pytest
from tests.nightly import NIGHTLY
from tests.sandbox.all_attacks import ATTACKS
from tests.sandbox.conftest import play_as_user
from tests.sandbox.leg import Outcome

pytestmark = pytest.mark.timeout(300)
LEVELS = ("full", "partial", "minimal") if NIGHTLY else ("full",)
MATRIX = [
    (attack.name, level) for level in LEVELS for attack in ATTACKS if level in attack.levels_today()
]


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], Outcome]:
    return {(one.name, one.level): one for one in play_as_user(list(LEVELS))}


@pytest.mark.parametrize(("name", "level"), MATRIX)
def test_nothing_is_breached(
    outcomes: dict[tuple[str, str], Outcome], name: str, level: str
) -> None:
    assert outcomes[name, level].broken == []


@pytest.mark.parametrize("level", LEVELS)
def test_nobody_survives(outcomes: dict[tuple[str, str], Outcome], level: str) -> None:
    assert outcomes["survivors", level].broken == []
