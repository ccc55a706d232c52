"""LangGraph: tools that are recorded, nodes that are jobs, interrupts that people answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from offhours import Offhours, PerfCatcherInterceptor, context
from offhours.core.errors import JobFailed, OptionError
from offhours.core.model import JobState
from offhours.integrations.langgraph import by_approval, by_signal, intercept, job_node, run_graph
from offhours.recorder import Interceptor, InterceptorChain
from offhours.testing import MemoryApp, memory_app


class State(TypedDict, total=False):
    number: int
    said: list[Any]


class Talk(TypedDict):
    messages: Annotated[list[Any], add_messages]


def graph_of(*nodes: tuple[str, Any], saver: Any = None) -> Any:
    """A graph of one node after the other."""
    made = StateGraph(State)
    before = START
    for name, node in nodes:
        made.add_node(name, node)
        made.add_edge(before, name)
        before = name
    made.add_edge(before, END)
    return made.compile(checkpointer=saver)


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


# -- tools ----------------------------------------------------------------------------------


def search(query: str) -> str:
    """Search the web."""
    return query.upper()


def talk(graph: Any) -> ToolMessage:
    call = {"name": "search", "args": {"query": "snow"}, "id": "1", "type": "tool_call"}
    answer = graph.invoke({"messages": [AIMessage("", tool_calls=[call])]})
    last = answer["messages"][-1]
    assert isinstance(last, ToolMessage)
    return last


def tool_graph() -> Any:
    made = StateGraph(Talk)
    made.add_node("tools", ToolNode([search], handle_tool_errors=True))
    made.add_edge(START, "tools")
    made.add_edge("tools", END)
    return made.compile()


def test_the_recorder_sees_the_tools_of_a_graph() -> None:
    recorder, graph = PerfCatcherInterceptor(), tool_graph()
    assert intercept(InterceptorChain([recorder]), graph) == ["search"]
    assert talk(graph).content == "SNOW"
    assert recorder.get_tool_stats("search")["count"] == 1


def test_a_refusal_is_told_to_the_model() -> None:
    class No(Interceptor):
        def before(self, call: Any) -> None:
            raise PermissionError("not today")

    graph = tool_graph()
    intercept(InterceptorChain([No()]), graph)
    told = talk(graph)
    assert told.status == "error" and "not today" in told.content


# -- nodes that are jobs --------------------------------------------------------------------


def test_a_node_is_a_job_in_either_colour(app: MemoryApp) -> None:
    @app.task(name="double")
    def double(number: int) -> State:
        return {"number": 2 * number}

    graph = graph_of(("double", job_node(double, lambda state: (state["number"],))))
    assert graph.invoke({"number": 4}) == {"number": 8}
    with Offhours(":memory:") as working:
        double = working.task(name="double")(lambda state: {"number": 2 * state["number"]})
        assert asyncio.run(graph_of(("double", job_node(double))).ainvoke({"number": 4})) == {
            "number": 8
        }
    assert [job.task for job in app.jobs()] == ["double"]


def test_a_graph_that_is_resumed_finds_its_job(app: MemoryApp) -> None:
    """The process dies after the node's job has ended, and before the graph's own checkpoint."""
    runs: list[int] = []
    crashes = [KeyboardInterrupt]

    @app.task(name="charge")
    def charge(number: int) -> State:
        runs.append(number)
        return {"number": number + 1}

    node = job_node(charge, lambda state: (state["number"],))

    def dies(state: Any, config: RunnableConfig) -> Any:
        found = node.invoke(state, config)
        if crashes:
            raise crashes.pop()
        return found

    graph = graph_of(("charge", dies), saver=InMemorySaver())
    config = {"configurable": {"thread_id": "order 7"}}
    with pytest.raises(KeyboardInterrupt):
        graph.invoke({"number": 1}, config, durability="sync")
    assert graph.invoke(None, config) == {"number": 2}
    assert runs == [1]
    assert graph.invoke({"number": 5}, config) == {"number": 6}  # another turn is another job
    assert runs == [1, 5]


def test_a_node_whose_job_failed_is_submitted_anew(app: MemoryApp) -> None:
    bad = [True]

    @app.task(name="fetch")
    def fetch(state: State) -> State:
        if bad:
            raise OSError("no network")
        return {"number": 1}

    graph = graph_of(("fetch", job_node(fetch)), saver=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    with pytest.raises(JobFailed, match="no network"):
        graph.invoke({"number": 0}, config, durability="sync")
    bad.clear()
    assert graph.invoke(None, config) == {"number": 1}
    assert app.jobs()[0].retry_of == app.jobs()[1].id


# -- graphs in jobs -------------------------------------------------------------------------


def asks(*questions: Any) -> Callable[[State], State]:
    def node(state: State) -> State:
        return {"said": [interrupt(question) for question in questions]}

    return node


def count(runs: list[str], name: str) -> Callable[[State], State]:
    def node(state: State) -> State:
        runs.append(name)
        return {"number": state.get("number", 0) + 1}

    return node


def test_interrupts_are_approvals(app: MemoryApp) -> None:
    runs: list[str] = []
    twice = asks({"question": "publish?", "page": 7}, {"question": "publish?", "page": 7})
    graph = graph_of(("build", count(runs, "build")), ("ask", twice), saver=InMemorySaver())

    @app.task(name="publish")
    def publish() -> Any:
        return run_graph(context(), graph, {"number": 0})

    job = publish.submit()
    app.drain()
    assert job.status is JobState.HELD and "publish?" in str(job.why())
    [asked] = app.approvals()
    assert (asked.question, asked.args) == ("publish?", '{"page":7,"question":"publish?"}')
    app.approve(asked.id, by="ann")
    app.drain()
    assert job.status is JobState.HELD, "the same words about another interrupt are asked again"
    app.deny(app.approvals()[0].id, by="bob")
    app.drain()
    assert job.result() == {"number": 1, "said": [True, False]}
    assert runs == ["build"] and job.record.attempts == 1


def test_nobody_in_time_means_no(app: MemoryApp) -> None:
    graph = graph_of(("ask", asks("go?")), saver=InMemorySaver())
    words = {True: "approve", False: "reject"}

    @app.task(name="go")
    def go() -> Any:
        ask = by_approval(
            "1h", lambda yes: words[yes], lambda value: f"{value} (by {context().name})"
        )
        return run_graph(context(), graph, {}, ask=ask)

    job = go.options(name="kay").submit()
    app.drain()
    assert app.approvals()[0].question == "go? (by kay)"
    app.clock.advance("2h")
    app.drain()
    assert job.result() == {"said": ["reject"]}


def test_interrupts_are_signals(app: MemoryApp) -> None:
    graph = graph_of(("ask", asks("which one?")), saver=InMemorySaver())

    @app.task(name="choose")
    def choose() -> Any:
        return run_graph(context(), graph, {}, ask=by_signal("1h"), thread="t")

    job = choose.submit()
    app.drain()
    [asked] = graph.get_state({"configurable": {"thread_id": "t"}}).interrupts
    job.signal(f"answer {asked.id}", {"choice": "blue"})
    app.drain()
    assert job.result() == {"said": [{"choice": "blue"}]}


def test_a_retry_goes_on_where_the_graph_was(app: MemoryApp) -> None:
    runs: list[str] = []
    faults = [OSError("no network")]

    def send(state: State) -> State:
        runs.append("send")
        if faults:
            raise faults.pop()
        return {"number": 10 + state["number"]}

    graph = graph_of(("build", count(runs, "build")), ("send", send), saver=InMemorySaver())

    @app.task(name="release", retries=1, backoff=0)
    def release() -> Any:
        return run_graph(context(), graph, {"number": 0})

    job = release.submit()
    app.clock.advance("1m")
    app.drain()
    assert job.result() == {"number": 11}
    assert runs == ["build", "send", "send"] and job.record.attempts == 2


def test_a_thread_may_go_on_with_another_job(app: MemoryApp) -> None:
    runs: list[str] = []
    graph = graph_of(("build", count(runs, "build")), saver=InMemorySaver())

    @app.task(name="turn")
    def turn(number: int) -> Any:
        return run_graph(context(), graph, {"number": number}, thread="ann")

    assert [turn.submit(n).result()["number"] for n in (1, 5)] == [2, 6]
    assert runs == ["build", "build"]


def test_a_graph_without_a_checkpointer_is_refused(app: MemoryApp) -> None:
    @app.task(name="release")
    def release() -> Any:
        with pytest.raises(OptionError, match="checkpointer"):
            run_graph(context(), graph_of(("build", count([], "build"))), {})

    release.submit().result()
