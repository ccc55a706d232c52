"""Tools of every kind are timed rightly, and pass their results and errors unchanged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from offhours.recorder import workflow


def last(bench: Any) -> Any:
    return bench.recorder.dump_now().requests[-1]


def test_results_are_told_by_class_and_length(bench: Any) -> None:
    b = bench()
    told = []
    for result in ("text", b"abc", [1, 2], {"a": 1}, 7, None, object()):
        assert b.recorder.wrap("give", lambda result=result: result)() is result
        told.append(last(b).result_summary)
    assert told == [
        "str of 4", "bytes of 3", "list of 2", "dict of 1", "int", "NoneType", "object",
    ]  # fmt: skip


def test_no_code_of_a_result_is_run(bench: Any) -> None:
    class Trap(list[int]):
        def __len__(self) -> int:
            raise AssertionError("asked for its length")

        def __repr__(self) -> str:
            raise AssertionError("asked for its text")

    b = bench()
    b.recorder.wrap("give", Trap)()
    assert last(b).result_summary == "Trap"


def test_an_error_passes_unchanged(bench: Any) -> None:
    b = bench()
    error = KeyError("x")

    def fail() -> None:
        b.clock.advance("3s")
        raise error

    with pytest.raises(KeyError) as caught:
        b.recorder.tool(fail)()
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    request = last(b)
    assert (request.result_summary, request.execution_time_ms) == ("Error: KeyError", 3000)


def test_an_async_tool_is_timed_until_it_is_done(bench: Any) -> None:
    b = bench()

    async def fetch(seconds: int) -> list[int]:
        await asyncio.sleep(0)
        b.clock.advance(seconds)
        return [1, 2]

    async def fail() -> None:
        raise asyncio.CancelledError

    async def main() -> None:
        assert await b.recorder.tool(fetch)(2) == [1, 2]
        assert await b.recorder.wrap("lambda", lambda: fetch(3))() == [1, 2]
        with pytest.raises(asyncio.CancelledError):
            await b.recorder.tool(fail)()

    asyncio.run(main())
    requests = b.recorder.dump_now().requests
    assert [(r.tool_name, r.execution_time_ms, r.result_summary) for r in requests] == [
        ("fetch", 2000, "list of 2"),
        ("lambda", 3000, "list of 2"),
        ("fail", 0, "Error: CancelledError"),
    ]


def test_a_generator_is_timed_without_its_consumer(bench: Any) -> None:
    b = bench()

    def count(to: int) -> Iterator[int]:
        for number in range(to):
            b.clock.advance("1s")
            sent = yield number
            if sent == "stop":
                return "stopped"
        return "done"

    tool = b.recorder.tool(count)
    for _ in tool(3):
        b.clock.advance("5s")
    assert last(b).execution_time_ms == 3000
    assert last(b).result_summary == "generator of 3"
    steps = tool(9)
    assert next(steps) == 0
    with pytest.raises(StopIteration) as stopped:
        steps.send("stop")
    assert stopped.value.value == "stopped"
    steps = tool(9)
    next(steps)
    steps.close()
    assert (last(b).execution_time_ms, last(b).result_summary) == (1000, "generator of 1")
    steps = tool(9)
    next(steps)
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError())
    assert last(b).result_summary == "Error: ZeroDivisionError"
    assert list(b.recorder.wrap("made", lambda: count(2))()) == [0, 1]
    assert last(b).tool_name == "made"


def test_an_async_generator_is_timed_without_its_consumer(bench: Any) -> None:
    b = bench()

    async def count(to: int) -> AsyncIterator[int]:
        for number in range(to):
            b.clock.advance("1s")
            yield number

    async def main() -> list[int]:
        found = []
        async for number in b.recorder.tool(count)(3):
            b.clock.advance("5s")
            found.append(number)
        return found

    assert asyncio.run(main()) == [0, 1, 2]
    assert (last(b).execution_time_ms, last(b).result_summary) == (3000, "async_generator of 3")


def test_threads_are_told_apart(bench: Any) -> None:
    b = bench()
    meet = threading.Barrier(8)

    def work(number: int) -> int:
        meet.wait(10)
        with workflow(f"wf{number}"):
            return tool(number)

    tool = b.recorder.wrap("abs", abs)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))
    requests = b.recorder.dump_now().requests
    assert {r.workflow_id for r in requests} == {f"wf{number}" for number in range(8)}


def test_no_record_is_lost_between_threads() -> None:
    from offhours import PerfCatcherInterceptor

    with PerfCatcherInterceptor(sinks=()) as recorder:
        tool = recorder.tool(abs)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: [tool(-1) for _ in range(2000)], range(8)))
        assert recorder.get_tool_stats("abs")["count"] == 16_000
        assert recorder.get_buffer_stats()["buffer_size"] == 16_000


def test_nothing_of_a_result_is_kept(bench: Any) -> None:
    import weakref

    class Big:
        pass

    b = bench()
    made = b.recorder.wrap("make", Big)()
    gone = weakref.ref(made)
    del made
    assert gone() is None


def test_a_wrapped_function_looks_like_itself(bench: Any) -> None:
    import inspect

    def search(query: str, limit: int = 10) -> list[str]:
        """Finds things."""
        return [query] * limit

    wrapped = bench().recorder.tool(search)
    assert wrapped.__name__ == "search"
    assert wrapped.__doc__ == "Finds things."
    assert inspect.signature(wrapped) == inspect.signature(search)


def test_a_recorded_function_is_a_task_too(bench: Any) -> None:
    from offhours.testing import memory_app

    b = bench()
    app = memory_app()
    job = app.submit(b.recorder.wrap("power", _power), args=(2, 5), durable=False)
    app.drain()
    assert job.result() == 32
    assert b.recorder.get_tool_stats("power")["count"] == 1


def _power(base: int, exponent: int) -> int:
    return base**exponent
