"""The registry of tools: every call is recorded, nothing of it is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from offhours import PerfCatcherInterceptor, ToolsManager, get_perfcatcher_interceptor
from offhours.core.errors import ArgumentError, TaskError, ToolNotFound
from offhours.recorder import InterceptorChain


@pytest.fixture
def recorder() -> Iterator[PerfCatcherInterceptor]:
    with PerfCatcherInterceptor(sinks=()) as made:
        yield made


@pytest.fixture
def tools(recorder: PerfCatcherInterceptor) -> ToolsManager:
    return ToolsManager(chain=InterceptorChain([recorder]))


def test_calls_are_recorded(tools: ToolsManager, recorder: PerfCatcherInterceptor) -> None:
    tools.register("power", lambda base, exponent=2: base**exponent)
    assert tools.execute_tool("power", {"base": 3}) == 9
    assert tools.execute_tool("power", {"base": 2, "exponent": 5}) == 32
    assert recorder.get_tool_stats("power")["count"] == 2


def test_an_async_tool_is_awaited(tools: ToolsManager, recorder: PerfCatcherInterceptor) -> None:
    @tools.tool
    async def fetch(url: str) -> str:
        return url.upper()

    async def main() -> object:
        return await tools.execute_tool("fetch", {"url": "a"})

    assert asyncio.run(main()) == "A"
    assert recorder.get_tool_stats("fetch")["count"] == 1
    assert asyncio.run(fetch("b")) == "B", "the function itself stays as it is"


def test_tools_can_stand_in_the_configuration(recorder: PerfCatcherInterceptor) -> None:
    chain = InterceptorChain([recorder])
    mapping = {"tools": {"double": lambda n: 2 * n, "described": {"type": "llm"}}}
    assert ToolsManager(mapping, chain=chain).execute_tool("double", {"n": 4}) == 8
    named = SimpleNamespace(tools={"double": lambda n: 2 * n})
    assert ToolsManager(named, "client", "rag", chain=chain).list_tools() == ["double"]
    assert ToolsManager("something else", chain=chain).list_tools() == []


def test_errors_say_what_to_do(tools: ToolsManager) -> None:
    tools.register("search", len)
    with pytest.raises(ToolNotFound, match='did you mean "search"'):
        tools.execute_tool("serch")
    with pytest.raises(ArgumentError, match="expected names with values, got list"):
        tools.execute_tool("search", [1])  # type: ignore[arg-type]
    with pytest.raises(TaskError, match="must be a function, got str"):
        tools.register("bad", "code")  # type: ignore[arg-type]
    tools.register("fail", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tools.execute_tool("fail")


def test_without_a_chain_the_process_records() -> None:
    before = get_perfcatcher_interceptor().get_tool_stats("abs")["count"]
    tools = ToolsManager()
    tools.register("abs", lambda n: abs(n))
    assert tools.execute_tool("abs", {"n": -1}) == 1
    assert get_perfcatcher_interceptor().get_tool_stats("abs")["count"] == before + 1
