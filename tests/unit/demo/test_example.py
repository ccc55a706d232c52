"""The demo finds its example where it ships, and runs the one that a reader sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhours.demo import example


def test_a_checkout_uses_the_file_in_examples() -> None:
    found = example.find()
    assert found.name == "housekeeping.py" and found.parent.name in ("examples", "demo")


def test_an_installation_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "PLACES", (Path("/nowhere/housekeeping.py"),))
    with pytest.raises(FileNotFoundError, match="lacks the demo's example: no /nowhere"):
        example.find()
