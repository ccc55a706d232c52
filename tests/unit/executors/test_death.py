"""What a process died of, in words."""

from __future__ import annotations

import os

import pytest

if os.name != "posix":
    pytest.skip("needs POSIX", allow_module_level=True)

from offhours.executors.childprocess import death


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (-11, "its process died of signal 11 (segmentation fault)"),
        (-6, "its process died of signal 6 (abort)"),
        (-9, "its process died of signal 9 (killed; perhaps out of memory)"),
        (-40, "its process died of signal 40"),
        (0, "its process left with exit code 0 before the run had ended"),
        (3, "its process left with exit code 3 before the run had ended"),
    ],
)
def test_death(status: int, said: str) -> None:
    assert death(status) == said
