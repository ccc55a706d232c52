"""The chain around real LangChain tools: functions, coroutines, classes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_core")
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException, tool

from offhours.recorder.adapters.langchain import intercepted


@tool
def search(query: str, limit: int = 3) -> list[str]:
    """Search the web."""
    if query == "fail":
        raise LookupError("nothing there")
    return [query] * limit


@tool
async def fetch(address: str, config: RunnableConfig) -> str:
    """Fetch a page."""
    return f"{address} for {config['metadata']['user']}"


@tool
def forbidden() -> str:
    """Never called."""
    raise AssertionError


class Reverse(BaseTool):
    name: str = "reverse"
    description: str = "Reverse a text."
    used: int = 0

    def _run(self, text: str, run_manager: Any = None) -> str:
        assert run_manager is not None
        self.used += 1
        return text[::-1]


def test_a_function(witnessed: Any) -> None:
    [mine] = intercepted(witnessed.chain, [search])
    assert mine.invoke({"query": "a", "limit": 2}) == ["a", "a"]
    assert witnessed.lines == ["before search {'query': 'a', 'limit': 2}", "around", "after"]
    with pytest.raises(LookupError, match="nothing there"):
        mine.invoke({"query": "fail"})
    assert witnessed.lines[-1] == "error LookupError: nothing there"
    assert asyncio.run(mine.ainvoke({"query": "a"})) == ["a"] * 3
    assert witnessed.figures("search") == (3, 1)
    assert mine.args == search.args and mine.description == search.description
    assert search.invoke({"query": "b", "limit": 1}) == ["b"]
    assert witnessed.figures("search") == (3, 1), "what was given stays as it is"


def test_a_coroutine_that_wants_its_config(witnessed: Any) -> None:
    [mine] = intercepted(witnessed.chain, [fetch])
    config = RunnableConfig(metadata={"user": "ann"})
    assert asyncio.run(mine.ainvoke({"address": "x"}, config)) == "x for ann"
    [before, *rest] = witnessed.lines
    assert before.startswith("before fetch {'address': 'x'") and rest == ["around", "after"]
    assert witnessed.figures("fetch") == (1, 0)


def test_a_tool_for_both_is_recorded_once(witnessed: Any) -> None:
    async def twice_async(number: int) -> int:
        return 2 * number

    both = StructuredTool.from_function(
        lambda number: 2 * number, twice_async, name="twice", description="Twice."
    )
    [mine] = intercepted(witnessed.chain, [both])
    assert mine.invoke({"number": 2}) == 4 == asyncio.run(mine.ainvoke({"number": 2}))
    assert witnessed.figures("twice") == (2, 0)


def test_a_class(witnessed: Any) -> None:
    given = Reverse()
    [mine] = intercepted(witnessed.chain, [given])
    assert mine.invoke("abc") == "cba" == asyncio.run(mine.ainvoke("abc"))
    assert witnessed.figures("reverse") == (2, 0)
    assert (mine.used, given.used) == (2, 0)  # type: ignore[attr-defined]


def test_a_refusal_is_a_tool_exception(witnessed: Any) -> None:
    [mine] = intercepted(witnessed.chain, [forbidden])
    with pytest.raises(ToolException, match="not today") as caught:
        mine.invoke({})
    assert isinstance(caught.value.__cause__, PermissionError)
    assert witnessed.lines == ["before forbidden {}"]
    mine.handle_tool_error = True
    call = {"type": "tool_call", "id": "1", "name": "forbidden", "args": {}}
    answer = mine.invoke(call)
    assert (answer.status, answer.content) == ("error", "not today")


def test_a_refusal_of_a_coroutine(witnessed: Any) -> None:
    @tool("forbidden")
    async def closed() -> None:
        """Never called."""

    [mine] = intercepted(witnessed.chain, [closed])
    with pytest.raises(ToolException, match="not today"):
        asyncio.run(mine.ainvoke({}))


def test_a_tools_own_permission_error_is_its_own(witnessed: Any) -> None:
    def read(path: str) -> str:
        """Read a file."""
        raise PermissionError(path)

    [mine] = intercepted(witnessed.chain, [read])
    with pytest.raises(PermissionError):
        mine.invoke({"path": "x"})
