"""What a run in another process asks of its desk is done as if it were beside the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from offhours import Context
from offhours.core import wire
from offhours.core.errors import JobFailed
from offhours.engine.desk import Desk, DistantDesk, answer
from offhours.testing import MemoryApp, memory_app


def far_from(desk: Desk) -> DistantDesk:
    """A desk behind the messages that a child and its worker exchange."""

    def call(verb: str, args: list[Any]) -> Any:
        [ask] = wire.inbox_of_worker().feed(wire.pack(wire.Ask(verb, args)))
        assert isinstance(ask, wire.Ask)
        said = wire.pack(wire.Answer(answer(desk, ask.verb, ask.args)))
        [told] = wire.inbox_of_child().feed(said)
        assert isinstance(told, wire.Answer)
        return told.value

    return DistantDesk(call)


def run_far(work: Callable[[Context], Any]) -> Callable[[Context], Any]:
    def run(ctx: Context) -> Any:
        ctx._desk = far_from(ctx.desk)
        return work(ctx)

    return run


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_steps_signals_approvals_and_results(app: MemoryApp) -> None:
    calls: list[str] = []

    @run_far
    def work(ctx: Context) -> list[Any]:
        tag = ctx.step("tag", lambda: calls.append("tag") or {"v": [1, 2]})
        sent = ctx.wait_for_signal("go")
        yes, late = ctx.approve("sure?", timeout="1m"), ctx.approve("and now?", timeout="1m")
        return [tag, sent, bool(yes), yes.by, bool(late), [*ctx.results().values()]]

    first = app.submit(len, args=("four",))
    app.task(name="work")(work)
    job = app.submit("work", after=[first])
    app.drain()
    app.signal(job.id, "go", {"to": "prod"})
    app.drain()
    app.approve(app.approvals()[0].id, by="ann")
    app.drain()
    app.clock.advance("2m")
    app.drain()
    assert job.result() == [{"v": [1, 2]}, {"to": "prod"}, True, "ann", False, [4]]
    assert calls == ["tag"]


def test_what_a_run_has_used_is_counted(app: MemoryApp) -> None:
    app.budget(tokens=10, per="day", on_breach="stop")

    @run_far
    def work(ctx: Context) -> None:
        ctx.spend(tokens=9)
        ctx.spend(tokens=2)
        raise AssertionError("the budget was used up")

    app.task(name="work")(work)
    with pytest.raises(JobFailed, match="11 tokens of 10 tokens"):
        app.submit("work").result()


def test_an_unknown_wish_is_refused() -> None:
    with pytest.raises(ValueError, match="'forget', which there is not"):
        answer(far_from(None), "forget", [])  # type: ignore[arg-type]
