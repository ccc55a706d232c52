"""A dispatcher whose rounds the test calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.engine.rounds import Round


@pytest.fixture
def round_() -> Iterator[Round]:
    made = Round()
    yield made
    made.store.close()
