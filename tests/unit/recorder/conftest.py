from __future__ import annotations

import importlib.util
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offhours.recorder import (
    Dump,
    Interceptor,
    InterceptorChain,
    PerfCatcherInterceptor,
    ToolCall,
)
from offhours.testing import FakeClock


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def streams() -> Any:
    """The latency streams of the benchmark."""
    return _load(Path(__file__).parents[3] / "benchmarks" / "streams.py")


@pytest.fixture
def loki() -> Iterator[Any]:
    double = _load(Path(__file__).with_name("loki_double.py")).LokiDouble()
    yield double
    double.close()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("PERFCATCHER_", "LOKI_")):
            monkeypatch.delenv(name)


class Bench:
    """A recorder on a clock that stands still: tools take as long as they are told to."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.recorder = PerfCatcherInterceptor(
            sinks=options.pop("sinks", ()),
            clock=self.clock,
            timer=self.clock.monotonic,
            background=False,
            **options,
        )

    def call(self, tool: str, milliseconds: float) -> None:
        self.clock.advance(milliseconds / 1000)
        self.recorder.record(tool, milliseconds)

    def usual(self, tool: str, calls: int = 50, milliseconds: float = 100.0) -> None:
        """Calls that differ by a few percent, judged."""
        for number in range(calls):
            self.call(tool, milliseconds * (1 + number % 5 / 100))
        self.recorder.flush()

    def slow(self, tool: str, milliseconds: float) -> Dump | None:
        """One call, judged; the dump that it made."""
        before = len(self.recorder.dumps)
        self.call(tool, milliseconds)
        self.recorder.flush()
        dumps = self.recorder.dumps
        return dumps[-1] if len(dumps) > before else None


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(**options))
        return made[-1]

    yield make
    for one in made:
        one.recorder.close()


class Witness(Interceptor):
    """Writes down what came by; refuses calls of `forbidden`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def before(self, call: ToolCall) -> None:
        self.lines.append(f"before {call.tool} {dict(call.kwargs)}")
        if call.tool == "forbidden":
            raise PermissionError("not today")

    def around(self, call: ToolCall, proceed: Callable[[], Any]) -> Any:
        self.lines.append("around")
        return proceed()

    async def around_async(self, call: ToolCall, proceed: Callable[[], Awaitable[Any]]) -> Any:
        self.lines.append("around")
        return await proceed()

    def after(self, call: ToolCall, result: Any) -> None:
        self.lines.append("after")

    def on_error(self, call: ToolCall, error: BaseException) -> None:
        self.lines.append(f"error {type(error).__name__}: {error}")


class Witnessed:
    """A chain as adapters get it: a witness, and a recorder inside of it."""

    def __init__(self) -> None:
        self.witness = Witness()
        self.recorder = PerfCatcherInterceptor(sinks=(), background=False)
        self.chain = InterceptorChain([self.witness, self.recorder])

    @property
    def lines(self) -> list[str]:
        """What came by since this was asked last."""
        lines, self.witness.lines = self.witness.lines, []
        return lines

    def figures(self, tool: str) -> tuple[int, int]:
        """Calls and errors that the recorder has counted."""
        stats = self.recorder.get_tool_stats(tool)
        return stats["count"], stats["errors"]


@pytest.fixture
def witnessed() -> Iterator[Witnessed]:
    made = Witnessed()
    yield made
    made.recorder.close()
