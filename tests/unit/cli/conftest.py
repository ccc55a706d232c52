"""Runs the command line in this process, on a database of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from offhours.app import Offhours
from offhours.cli.main import cli


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("OFFHOURS_DB", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("ls", "--json")` gives the exit code and what was printed."""

    def call(*argv: object) -> Result:
        with pytest.raises(SystemExit) as ended:
            cli([str(arg) for arg in argv], prog_name="offhours")
        printed = capsys.readouterr()
        return Result(int(ended.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def app() -> Iterator[Offhours]:
    """An app on `offhours.db` in the current folder, whose jobs run in `drain()`."""
    made = Offhours("offhours.db", executor="inline")
    made.task(name="t:add")(_add)
    made.task(name="t:boom")(_boom)
    yield made
    made.close()


def _add(a: int, b: int = 1) -> int:
    return a + b


def _boom(text: str) -> None:
    raise ValueError(text)
