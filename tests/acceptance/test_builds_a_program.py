"""The example that builds a program: planned, written, tested, repaired, packaged, and run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "builds_a_program.py"


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("builds_a_program", EXAMPLE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_builds_repairs_and_runs(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert example.main() == 0
    told = capsys.readouterr().out
    assert "execution 1: completed, 14 of 14 phases done" in told
    assert "tests counts words: completed\n" in told
    assert "tests finds the longest word: completed at attempt 2\n" in told
    assert "tests lists the most frequent words: completed at attempt 3\n" in told
    assert "-    return max(text.split(), key=len)" in told
    assert "integration: 12 tests passed" in told
    assert "finds the longest word: astonished" in told
    assert "lists the most frequent words: ['the', 'dog', 'saw']" in told


def test_what_no_rule_can_do_is_told_and_the_rest_is_done(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert example.main("Build a tool that counts lines and translates them to French") == 1
    told = capsys.readouterr().out
    assert "code translates them to French: failed: no rule says how" in told
    assert "tests counts lines: completed\n" in told
    assert "packaging: cancelled: not done, because code translates them to French failed" in told


def test_there_is_one_place_for_a_language_model() -> None:
    assert EXAMPLE.read_text("utf-8").count("A LANGUAGE MODEL IS PLUGGED IN HERE") == 1
