"""What stands around all runs of a process, and how it goes with the interceptors of its user."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest

from offhours.core.errors import JobFailed
from offhours.recorder import Interceptor, InterceptorChain
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def around(told: list[str]) -> Callable[..., Any]:
    def surround(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any) -> Any:
            told.append(f"in {name}")
            try:
                return function(*args)
            finally:
                told.append("out")

        return run

    return surround


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_they_are_around_all_tasks_before_and_after(
    app: MemoryApp, told: list[str], around: Callable[..., Any]
) -> None:
    early = app.task(name="early")(lambda: told.append("ran"))
    app.registry.surround(around)
    late = app.task(name="late")(lambda: 1 / 0)
    early.submit().result()
    with pytest.raises(JobFailed):
        late.submit().result()
    assert told == ["in early", "ran", "out", "in late", "out"]


def test_interceptors_are_inside_whoever_came_first(
    app: MemoryApp, told: list[str], around: Callable[..., Any]
) -> None:
    class Told(Interceptor):
        def before(self, call: Any) -> None:
            told.append("before")

    task = app.task(name="t")(lambda: told.append("ran"))
    app.intercept(InterceptorChain([Told()]))
    app.registry.surround(around)
    task.submit().result()
    app.intercept(InterceptorChain([Told()]))
    task.submit().result()
    assert told == ["in t", "before", "ran", "out"] * 2


def test_runs_in_other_processes_have_their_own(
    app: MemoryApp, told: list[str], around: Callable[..., Any]
) -> None:
    app.registry.surround(around)
    app.task(name="away", executor="process")(len)
    assert app.registry.get("away").call is None
