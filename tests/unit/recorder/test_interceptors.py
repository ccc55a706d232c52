"""The one protocol: order, filters, errors, sync and async."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from offhours import PerfCatcherInterceptor, get_global_interceptor_chain
from offhours.core.errors import TaskError
from offhours.recorder import Interceptor, InterceptorChain, ToolCall


class Diary(Interceptor):
    def __init__(self, name: str, lines: list[str], order: int = 50) -> None:
        self.name = name
        self.lines = lines
        self.order = order

    def before(self, call: ToolCall) -> None:
        self.lines.append(f"{self.name} before {call.args}")

    def after(self, call: ToolCall, result: Any) -> None:
        self.lines.append(f"{self.name} after {result}")

    def on_error(self, call: ToolCall, error: BaseException) -> None:
        self.lines.append(f"{self.name} error {type(error).__name__}")


def test_they_stand_in_order_round_a_call() -> None:
    lines: list[str] = []
    chain = InterceptorChain([Diary("b", lines), Diary("c", lines), Diary("a", lines, order=1)])
    assert chain.wrap("abs", abs)(-1) == 1
    assert lines == [
        "a before (-1,)", "b before (-1,)", "c before (-1,)", "c after 1", "b after 1", "a after 1",
    ]  # fmt: skip


def test_an_error_reaches_all_and_the_caller() -> None:
    lines: list[str] = []
    chain = InterceptorChain([Diary("a", lines), Diary("b", lines)])
    with pytest.raises(ZeroDivisionError):
        chain.wrap("div", lambda: 1 / 0)()
    assert lines[2:] == ["b error ZeroDivisionError", "a error ZeroDivisionError"]


def test_before_can_refuse() -> None:
    class Refuse(Interceptor):
        def before(self, call: ToolCall) -> None:
            raise PermissionError(call.tool)

    called: list[int] = []
    tool = InterceptorChain([Refuse()]).wrap("send", lambda: called.append(1))
    with pytest.raises(PermissionError, match="send"):
        tool()
    assert called == []


def test_what_fails_afterwards_is_not_the_callers_business(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Clumsy(Interceptor):
        def after(self, call: ToolCall, result: Any) -> None:
            raise ValueError

        def on_error(self, call: ToolCall, error: BaseException) -> None:
            raise ValueError

    chain = InterceptorChain([Clumsy()])
    assert chain.wrap("abs", abs)(-1) == 1
    with pytest.raises(ZeroDivisionError):
        chain.wrap("div", lambda: 1 / 0)()
    assert len(caplog.records) == 2


def test_around_can_answer_instead() -> None:
    class Cache(Interceptor):
        def __init__(self) -> None:
            self.known: dict[Any, Any] = {}

        def around(self, call: ToolCall, proceed: Any) -> Any:
            if call.args not in self.known:
                self.known[call.args] = proceed()
            return self.known[call.args]

    calls: list[int] = []
    tool = InterceptorChain([Cache()]).wrap("slow", lambda n: calls.append(n) or n)
    assert [tool(3), tool(3), tool(4)] == [3, 3, 4]
    assert calls == [3, 4]


def test_it_chooses_its_tools() -> None:
    lines: list[str] = []
    some = Diary("some", lines)
    some.tools = ["db_*", "search"]
    chain = InterceptorChain([some])
    for name in ("db_read", "search", "searching", "other"):
        chain.wrap(name, abs)(1)
    assert lines.count("some before (1,)") == 2
    some.tools = lambda name: name == "other"
    assert some.wants("other")
    assert not some.wants("db_read")


def test_async_tools_have_async_hooks() -> None:
    lines: list[str] = []

    class Guard(Interceptor):
        async def before(self, call: ToolCall) -> None:
            await asyncio.sleep(0)
            lines.append("before")

        async def around_async(self, call: ToolCall, proceed: Any) -> Any:
            return await proceed() + 1

        async def after(self, call: ToolCall, result: Any) -> None:
            lines.append(f"after {result}")

        async def on_error(self, call: ToolCall, error: BaseException) -> None:
            lines.append(type(error).__name__)
            raise ValueError

    @InterceptorChain([Guard()]).tool
    async def fetch(number: int) -> float:
        return 1 / number

    assert asyncio.run(fetch(1)) == 2.0
    with pytest.raises(ZeroDivisionError):
        asyncio.run(fetch(0))
    assert lines == ["before", "after 2.0", "before", "ZeroDivisionError"]
    with pytest.raises(TaskError, match="abs is not async"):
        InterceptorChain([Guard()]).wrap("abs", abs)


def test_a_chain_can_change_later() -> None:
    lines: list[str] = []
    chain, diary = InterceptorChain(), Diary("late", lines)
    tool = chain.tool(name="abs")(abs)
    tool(1)
    chain.add(diary)
    chain.add(diary)
    tool(2)
    chain.remove(diary)
    tool(3)
    assert lines == ["late before (2,)", "late after 2"]
    assert chain.interceptors == ()


def test_the_process_has_one_chain_with_the_recorder() -> None:
    chain = get_global_interceptor_chain()
    assert chain is get_global_interceptor_chain()
    assert [i for i in chain.interceptors if isinstance(i, PerfCatcherInterceptor)]


def test_the_recorder_stands_innermost(bench: Any) -> None:
    b = bench()

    class Slow(Interceptor):
        def before(self, call: ToolCall) -> None:
            b.clock.advance("1h")

    chain = InterceptorChain([b.recorder, Slow()])
    chain.wrap("abs", abs)(-1)
    assert b.recorder.dump_now().requests[0].execution_time_ms == 0
