"""A graph in LangGraph that outlives its process, asks a person, and is recorded.

    python examples/with_langgraph.py

The graph drafts a text, asks whether it may be published, and publishes it in a job of its own.
While nobody has answered, no thread waits and nothing is lost: the job is held in the store.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypedDict

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

import offhours
from offhours import Offhours, PerfCatcherInterceptor
from offhours.core.errors import ResultTimeout
from offhours.integrations.langgraph import intercept, job_node, run_graph
from offhours.recorder import InterceptorChain

app = Offhours(":memory:")  # to keep it: a file, and a checkpointer that writes to one, too
recorder = PerfCatcherInterceptor()


class State(TypedDict, total=False):
    """What the graph knows."""

    messages: list[Any]
    text: str
    approved: bool
    address: str


@tool
def search(query: str) -> str:
    """Find something to write about."""
    return f"all about {query}"


@app.task(retries=3)
def publish(text: str) -> dict[str, str]:
    """A node that is a job: with retries, limits and a place on the page."""
    return {"address": f"https://example.org/{text.replace(' ', '-')}"}


def ask(state: State) -> State:
    """Where the graph stops until somebody has decided."""
    return {"approved": interrupt({"question": "publish this?", "text": state["text"]})}


def draft(state: State) -> State:
    """What the tool found is the text."""
    return {"text": state["messages"][-1].content}


def made() -> Any:
    """The graph: tools, draft, ask, publish."""
    graph = StateGraph(State)
    graph.add_node("tools", ToolNode([search]))
    graph.add_node("draft", draft)
    graph.add_node("ask", ask)
    graph.add_node("publish", job_node(publish, lambda state: (state["text"],)))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", "draft")
    graph.add_edge("draft", "ask")
    graph.add_conditional_edges("ask", lambda state: "publish" if state["approved"] else END)
    graph.add_edge("publish", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    intercept(InterceptorChain([recorder]), compiled)
    return compiled


graph = made()


@app.task(retries=3)
def write(ctx: offhours.Context, about: str) -> str | None:
    """The whole graph as one job."""
    call = {"name": "search", "args": {"query": about}, "id": "1", "type": "tool_call"}
    given = {"messages": [AIMessage("", tool_calls=[call])]}
    return run_graph(ctx, graph, given).get("address")


def main() -> None:
    """Write about snow; ann reads it and says yes."""
    with app:
        job = write.submit("snow")
        with suppress(ResultTimeout):
            job.wait("500ms")  # it will not end by itself
        print(job.why())
        for asked in app.approvals():
            print(asked.question, asked.args)
            app.approve(asked.id, by="ann")
        print(job.result(timeout="20s"))
    print("search was called", recorder.get_tool_stats("search")["count"], "time")


if __name__ == "__main__":
    main()
