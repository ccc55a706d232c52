"""A job to ask the gates about."""

from __future__ import annotations

import pytest

from offhours.core.model import Claimed

JOB = Claimed(1_000, "t", "[[],{}]", 50, 1, None, None, None, "retry", 0, 1, 0, 0, 0, None, None)


@pytest.fixture
def job() -> Claimed:
    return JOB
