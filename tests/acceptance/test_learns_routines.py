"""The example that learns routines: it finds, tests, deploys, and takes back."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "learns_routines.py"


def test_it_learns_works_and_takes_back(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("learns_routines", EXAMPLE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main()
    told = capsys.readouterr().out
    assert "copy_file -> rename_file: 40 times" in told
    assert "fetch_report -> convert_report" in told
    assert told.count("deployed> after") == 2 and told.count("100% passed") == 2
    assert "15 scans are filed, 8 reports converted" in told
    assert told.count("automation.rolled_back: ") == 1
