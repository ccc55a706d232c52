"""Offhours in LangGraph. Needs langgraph: `offhours[langgraph]`.

`intercept` puts a chain (the flight recorder) around a graph's tools, `job_node` makes a node a
durable job, and `run_graph` runs a graph in a job, whose interrupts people answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from langgraph.types import Command, Interrupt, StateSnapshot

from offhours.core.errors import OptionError
from offhours.core.model import JobState
from offhours.core.times import Duration
from offhours.engine.context import Context
from offhours.handles import JobHandle, TaskHandle
from offhours.recorder.adapters.langchain import intercepted
from offhours.recorder.chain import InterceptorChain

Ask = Callable[[Context, Interrupt[Any]], Any]


def intercept(chain: InterceptorChain, graph: Pregel[Any, Any, Any, Any]) -> list[str]:
    """Put a chain around all tools that a compiled graph's tool nodes call; their names.

    From then on each call goes through the chain once. Say it once for a graph.
    """
    names: list[str] = []
    for node in graph.nodes.values():
        if isinstance(node.bound, ToolNode):
            tools = node.bound.tools_by_name
            tools.update({t.name: t for t in intercepted(chain, list(tools.values()))})
            names += tools
    return names


def job_node(
    task: TaskHandle[..., Any], args: Callable[[Any], tuple[Any, ...]] = lambda state: (state,)
) -> RunnableLambda[Any, Any]:
    """A node that is a job: it submits `task`, waits, and gives its result as the update.

    args: what of the state the task is called with; it must be storable

    The job runs wherever a worker is, with the task's retries and limits. A graph that is resumed
    from its checkpoint finds the job that it had submitted; one that has failed is submitted anew.

    >>> from langgraph.graph import END, START, StateGraph
    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> @app.task(name="double")
    ... def double(number: int) -> dict[str, int]:
    ...     return {"number": 2 * number}
    >>> graph = StateGraph(dict[str, int])
    >>> _ = graph.add_node("double", job_node(double, lambda state: (state["number"],)))
    >>> _ = graph.add_edge(START, "double").add_edge("double", END)
    >>> graph.compile().invoke({"number": 21})
    {'number': 42}
    """

    def begin(state: Any, config: RunnableConfig) -> JobHandle[Any]:
        key = _key(config)
        chosen = task if key is None else task.options(idempotency_key=key)
        job = chosen.submit(*args(state))
        again = key is not None and job.status in (JobState.FAILED, JobState.CANCELLED)
        return job.retry() if again else job

    def run(state: Any, config: RunnableConfig) -> Any:
        return begin(state, config).result()

    async def run_async(state: Any, config: RunnableConfig) -> Any:
        return await begin(state, config)

    return RunnableLambda(run, run_async, name=task.task.name)


def _key(config: RunnableConfig) -> str | None:
    """The same for each try of one step of a graph's thread; None where nothing is resumed."""
    found: Mapping[str, Any] = config.get("configurable", {})
    thread, place = found.get("thread_id"), found.get("checkpoint_ns")
    return None if thread is None or not place else f"langgraph {thread} {place}"


def by_approval(
    timeout: Duration | None = None,
    answer: Callable[[bool], Any] = bool,
    question: Callable[[Any], str] | None = None,
) -> Ask:
    """Have a person approve or deny: `offhours approve ID`, the page, `app.approve`.

    timeout: after it the answer is no
    answer: what the graph hears of a yes (true) or a no
    question: what is asked about the value of an interrupt; without it the value itself, or its
        key `question`
    """
    text = question or _question

    def ask(ctx: Context, asked: Interrupt[Any]) -> Any:
        return answer(bool(ctx.approve(text(asked.value), args=asked.value, timeout=timeout)))

    return ask


def by_signal(timeout: Duration | None = None) -> Ask:
    """Have a program answer: `app.signal(job, f"answer {interrupt.id}", value)`."""

    def ask(ctx: Context, asked: Interrupt[Any]) -> Any:
        return ctx.wait_for_signal(f"answer {asked.id}", timeout)

    return ask


def run_graph(
    ctx: Context,
    graph: Pregel[Any, Any, Any, Any],
    given: Any,
    *,
    ask: Ask | None = None,
    thread: str | None = None,
    config: RunnableConfig | None = None,
) -> Any:
    """Run a graph to its end, inside of a task; the values of its state.

    ask: how an interrupt is answered; the job is held meanwhile, and its slot is free
    thread: the id of the graph's thread, when it goes on with one; without it the job's own
    config: further configuration of the graph

    After a crash, a retry or an answer the graph goes on at its last checkpoint, so its
    checkpointer must outlive the process (SQLite, PostgreSQL).
    """
    if not graph.checkpointer:
        raise OptionError("graph: it is compiled without a checkpointer, so it cannot go on")
    answer = ask or by_approval()
    place: dict[str, Any] = {"thread_id": thread or ctx.idempotency_key}
    chosen: RunnableConfig = {**(config or {})}
    chosen["configurable"] = {**chosen.get("configurable", {}), **place}
    began = ctx.step("graph begins", lambda: _checkpoint(graph.get_state(chosen)))
    numbers = count(1)
    while True:
        state = graph.get_state(chosen)
        if _checkpoint(state) == began:
            said = given
        elif state.interrupts:
            said = _answered(ctx, state.interrupts, numbers, answer)
        elif state.next:
            said = None  # it was under way
        else:
            return state.values
        ctx.stop_if_asked()
        graph.invoke(said, chosen, durability="sync")


def _answered(
    ctx: Context, waiting: Sequence[Interrupt[Any]], numbers: Iterator[int], answer: Ask
) -> Command[Any]:
    """The answer to an interrupt that waits.

    The job finds its records by their order, so what it asked before is asked again: the answers
    are there, and the graph has had them.
    """
    ids = {asked.id for asked in waiting}
    first = {"id": waiting[0].id, "value": waiting[0].value}
    while True:
        kept = ctx.step(f"interrupt {next(numbers)}", lambda: first)
        asked: Interrupt[Any] = Interrupt(kept["value"], id=kept["id"])
        heard = answer(ctx, asked)
        if asked.id in ids:
            return Command(resume={asked.id: heard})


def _checkpoint(state: StateSnapshot) -> str:
    """Where a thread stands; nowhere before its first input."""
    return str(state.config.get("configurable", {}).get("checkpoint_id", ""))


def _question(value: Any) -> str:
    asked = value.get("question") if isinstance(value, Mapping) else value
    return asked if isinstance(asked, str) and asked else "May the graph go on?"
