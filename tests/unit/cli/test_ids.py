"""What is no number is told as such, of whatever it is the number."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "line",
    ["why x", "token revoke x", "flow show x", "approve x", "alerts ack x", "workflow end x",
     "operations stop x", "thoughts ack x"],
)  # fmt: skip
def test_what_is_no_number_is_refused(run, app, line: str) -> None:
    result = run(*line.split())
    assert result.code == 2 and "expected a number such as 42, got 'x'" in result.err
    assert "job" not in result.err
