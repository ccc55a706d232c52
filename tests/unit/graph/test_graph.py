"""The graph of what happened: what it derives, what is added, and what it answers."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from offhours import Defer, Offhours
from offhours.core.errors import OptionError
from offhours.core.graph import Edge, Node
from offhours.graph import names
from offhours.testing import MemoryApp, memory_app

XML = "{http://graphml.graphdrawing.org/xmlns}"


@pytest.fixture
def app() -> MemoryApp:
    return memory_app(timezone="UTC")


def told(edges: list[Edge] | tuple[Edge, ...]) -> list[tuple[str, str, str]]:
    return [edge[:3] for edge in edges]


def eventful(app: MemoryApp) -> int:
    """A job that a thought wanted: put off, failed, done at the third run."""
    turns = iter([Defer(until="10s", reason="System maintenance"), ValueError("no\nnot yet")])

    @app.task(name="work", retries=2)
    def work() -> None:
        for trouble in turns:
            raise trouble

    job = app.submit(work, metadata={"origin_thought_id": "thought_12345"}, name="Report")
    for _ in range(3):
        app.drain()
        app.clock.advance(3600)
    assert job.status == "succeeded"
    return job.id


def test_a_job_with_its_runs_and_deferrals_in_the_form_of_the_document(app: MemoryApp) -> None:
    job = eventful(app)
    graph = app.graph
    around = told(graph.neighbours(job))
    [deferral] = [src for src, type_, _ in around if type_ == "DEFERRAL_OF"]
    assert around[0] == ("job_1", "CREATED_BY", "thought_12345")
    assert around[1][:2] == ("job_1", "SCHEDULED_FOR") and around[1][2].startswith("time_2026-")
    assert around[2:] == [
        ("exec_1.3", "EXECUTION_OF", "job_1"), ("exec_1.2", "EXECUTION_OF", "job_1"),
        ("exec_1.1", "EXECUTION_OF", "job_1"), (deferral, "DEFERRAL_OF", "job_1"),
    ]  # fmt: skip
    task, run, put_off = (graph.node(each) for each in (job, "exec_1.2", deferral))
    assert task is not None and run is not None and put_off is not None
    assert (task.type, task.metadata["name"], task.metadata["status"]) == (
        "scheduled_task", "Report", "COMPLETE",
    )  # fmt: skip
    assert run.type == "task_execution"
    assert {"task_id", "execution_type", "status", "triggered_at", "completed_at",
            "duration_seconds"} <= set(run.metadata)  # fmt: skip
    assert (run.metadata["status"], run.metadata["task_id"]) == ("failed", "job_1")
    assert put_off.type == "task_deferral" and put_off.metadata["deferral_count"] == 1
    assert put_off.metadata["reason"] == "System maintenance"
    assert put_off.to_dict(graph.neighbours(deferral, direction="out"))["relationships"] == [
        {"type": "DEFERRAL_OF", "target": "job_1"},
        {"type": "REQUESTED_BY", "target": "exec_1.1"},
        {"type": "REQUESTED_BY", "target": "thought_12345"},
    ]
    assert told(graph.neighbours("thought_12345", direction="in")) == [
        ("job_1", "CREATED_BY", "thought_12345"), (deferral, "REQUESTED_BY", "thought_12345"),
    ]  # fmt: skip
    assert graph.node("thought_12345") == Node("thought_12345", "thought", {})


def test_a_schedule_with_the_runs_of_its_jobs(app: MemoryApp) -> None:
    task = app.task(name="report")(lambda: None)
    app.schedule(task, "every hour", name="hourly", metadata={"origin_thought_id": "thought_1"})
    for _ in range(3):
        app.clock.advance(3600)
        app.drain()
    graph = app.graph
    node = graph.node("schedule_1")
    assert node is not None and node.metadata["task_type"] == "recurring"
    assert (node.metadata["cron_expression"], node.metadata["status"]) == ("0 * * * *", "ACTIVE")
    runs = graph.neighbours("schedule_1", type="EXECUTION_OF", limit=2)
    assert told(runs) == [("exec_3.1", "EXECUTION_OF", "schedule_1"),
                          ("exec_2.1", "EXECUTION_OF", "schedule_1")]  # fmt: skip
    run = graph.node("exec_3.1")
    assert run is not None and run.metadata["execution_type"] == "cron_trigger"
    assert told(graph.neighbours("exec_3.1", direction="out")) == [
        ("exec_3.1", "EXECUTION_OF", "job_3"), ("exec_3.1", "EXECUTION_OF", "schedule_1"),
    ]  # fmt: skip
    assert ("schedule_1", "CREATED_BY", "thought_1") in told(graph.neighbours("thought_1"))
    at = next(e.dst for e in graph.neighbours("job_3") if e.type == "SCHEDULED_FOR")
    assert told(graph.neighbours(at)) == [("job_3", "SCHEDULED_FOR", at)]


def test_why_a_run_happened(app: MemoryApp) -> None:
    job = eventful(app)
    because = app.graph.why(f"exec_{job}.3")
    assert because.steps == (
        "run 3 of job 1 came because run 2 failed: not yet",
        "job 1 (Report) was wanted by thought_12345",
    )
    assert app.graph.why("exec_1.2").steps[0].endswith("run 1 was put off: System maintenance")
    assert app.graph.why("exec_1.1").steps[0] == "run 1 of job 1 is its first"
    assert told(because.edges) == [("exec_1.3", "EXECUTION_OF", "job_1"),
                                   ("job_1", "CREATED_BY", "thought_12345")]  # fmt: skip
    again = app.job(job).retry()
    assert app.graph.why(again.id).sentence == (
        "job 2 (Report) was wanted by thought_12345 and does again job 1; "
        "job 1 (Report) was wanted by thought_12345"
    )
    assert app.graph.why(99).sentence == "job 99 is not kept any more"


def test_a_goal_its_deferrals_and_its_thoughts(app: MemoryApp) -> None:
    kay = app.agent("kay")
    goal = kay.schedule("write the report", "0 9 * * *", origin={"thought_id": "thought_9"})
    goal.defer("5h", reason="busy")
    app.clock.advance("1d")
    app.drain()
    graph = app.graph
    shown = graph.node(goal.task_id)
    assert shown is not None and (shown.id, shown.metadata["agent"]) == ("schedule_1", "kay")
    assert told(graph.neighbours("defer_1.1", direction="out"))[0] == (
        "defer_1.1", "DEFERRAL_OF", "schedule_1",
    )  # fmt: skip
    assert ("exec_1.1", "CREATED_THOUGHT", "thought_1") in told(graph.neighbours("thought_1"))
    assert graph.why("thought_1").steps[0] == "thought_1 came of exec_1.1"
    way = graph.path("thought_1", goal.task_id)
    assert way is not None and way[-1].dst == "schedule_1"
    assert graph.node("defer_1.2") is None and graph.node("thought_7") is None
    whole = io.StringIO()
    graph.export(whole)
    kept = {node["deferral_id"] for node in json.loads(whole.getvalue())["nodes"]
            if node["node_type"] == "task_deferral"}  # fmt: skip
    assert kept == {"defer_1.1"}


def test_children_and_what_they_wait_for(app: MemoryApp) -> None:
    leaf = app.task(name="leaf")(lambda: None)

    @app.task(name="tree")
    def tree() -> None:
        leaf.submit()

    tree.submit()
    app.drain()
    assert told(app.graph.neighbours(1, type="CHILD_OF")) == [("job_2", "CHILD_OF", "job_1")]
    assert app.graph.why(2).steps == (
        "job 2 (leaf) was submitted by job 1", "job 1 (tree) was submitted by the program",
    )  # fmt: skip


def test_a_way_between_two_nodes(app: MemoryApp) -> None:
    job = eventful(app)
    way = app.graph.path("exec_1.1", "thought_12345")
    assert way is not None and len(way) == 2
    assert way[0].src == "exec_1.1" or way[0].dst == "exec_1.1"
    assert app.graph.path(job, job) == []
    app.graph.add_node("island", "place")
    assert app.graph.path("island", job) is None
    assert app.graph.path("island", "nowhere") is None


def test_what_users_add_is_part_of_it(app: MemoryApp) -> None:
    job = eventful(app)
    graph = app.graph
    graph.add_node("thought_67890", "thought", {"prompt": "what next?"})
    graph.add_edge("exec_1.3", "CREATED_THOUGHT", "thought_67890")
    graph.add_edge("thought_67890", "CREATED_BY", "goal_1", {"weight": 2})
    assert told(graph.neighbours("exec_1.3", direction="out"))[-1] == (
        "exec_1.3", "CREATED_THOUGHT", "thought_67890",
    )  # fmt: skip
    assert graph.neighbours("thought_67890")[0].metadata == {"weight": 2}
    assert graph.node("goal_1") == Node("goal_1", "thought", {})
    assert graph.path(job, "goal_1") is not None
    assert graph.remove_node("thought_67890") and graph.path(job, "goal_1") is None
    assert graph.node("thought_67890") is None


def test_it_is_added_in_the_transaction_of_a_submit(app: MemoryApp) -> None:
    task = app.task(name="t")(lambda: None)

    def broken() -> None:
        with app.transaction() as tx:
            app.graph.add_node("thought_1", "thought", connection=tx)
            task.options(connection=tx).submit()
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        broken()
    assert app.graph.node("thought_1") is None and app.jobs() == []


def test_what_cannot_be_used_is_refused(app: MemoryApp) -> None:
    graph = app.graph
    for taken in ("job_1", "exec_1.1", "schedule_2", "defer_9", "time_2026-01-01T00:00:00Z"):
        with pytest.raises(OptionError, match="choose another"):
            graph.add_node(taken, "x")
    for bad in ("", " ", "x" * 201, None, True, 1.5):
        with pytest.raises(OptionError, match="at most 200"):
            graph.add_edge(bad, "T", "b")  # type: ignore[arg-type]
    for metadata in ({"x": object()}, {"x": float("nan")}, 7):
        with pytest.raises(OptionError, match="plain JSON"):
            graph.add_node("a", "t", metadata)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="direction"):
        graph.neighbours("a", direction="up")
    with pytest.raises(OptionError, match="json or graphml"):
        graph.export(io.StringIO(), "csv")
    assert app.store.graph.nodes() == [] == app.store.graph.edges()


def test_all_of_it_as_json_is_whole(app: MemoryApp) -> None:
    job = eventful(app)
    app.schedule(app.task(name="x")(lambda: None), "every hour", name="hourly").run_now()
    app.drain()
    app.graph.add_edge(job, "ABOUT", "topic_1", {"n": 1})
    app.graph.add_edge("topic_1", "PART_OF", "topic_2")
    text = io.StringIO()
    count = app.graph.export(text)
    data = json.loads(text.getvalue())
    ids = [node["id"] for node in data["nodes"]]
    assert len(ids) == len(set(ids)) == count
    edges = [(e["source"], e["type"], e["target"]) for e in data["edges"]]
    assert len(edges) == len(set(edges)) and {end for e in edges for end in e[::2]} <= set(ids)
    assert ("topic_1", "PART_OF", "topic_2") in edges and ("job_1", "ABOUT", "topic_1") in edges
    for node_id in ids:  # what a node's neighbours say is what the file says
        out = told(app.graph.neighbours(node_id, direction="out", limit=999))
        assert sorted(out) == sorted(edge for edge in edges if edge[0] == node_id)
        if not node_id.startswith("time_"):
            into = told(app.graph.neighbours(node_id, direction="in", limit=999))
            assert sorted(into) == sorted(edge for edge in edges if edge[2] == node_id)
    relations: dict[str, Any] = {node["id"]: node["relationships"] for node in data["nodes"]}
    assert {"type": "EXECUTION_OF", "target": "job_1"} in relations["exec_1.2"]


def test_graphml_carries_the_same(app: MemoryApp) -> None:
    eventful(app)
    app.graph.add_node("odd <&\"'> \x01", "t&t", {"k<": 'v"\x02', "list": [1], "none": None})
    app.graph.add_edge("odd <&\"'> \x01", "R<", "job_1")
    as_json, as_xml = io.StringIO(), io.StringIO()
    assert app.graph.export(as_json) == app.graph.export(as_xml, "graphml")
    data = json.loads(as_json.getvalue())
    root = ET.fromstring(as_xml.getvalue())
    nodes = [node.get("id") for node in root.iter(f"{XML}node")]
    assert len(nodes) == len(data["nodes"]) and "job_1" in nodes
    edges = list(root.iter(f"{XML}edge"))
    assert len(edges) == len(data["edges"])
    assert {each.get("source") for each in edges} | {each.get("target") for each in edges} <= set(
        nodes
    )


def test_what_is_around_a_node(app: MemoryApp) -> None:
    eventful(app)
    near = app.graph.subgraph(1, depth=1)
    assert near.whole and {node.id for node in near.nodes} >= {"job_1", "exec_1.1", "exec_1.3"}
    assert all(edge.src == "job_1" or edge.dst == "job_1" for edge in near.edges)
    small = app.graph.subgraph(1, depth=3, limit=3)
    assert len(small.nodes) == 3 and not small.whole
    text = io.StringIO()
    assert app.graph.export(text, around="exec_1.1", depth=1) == 3  # the run, its job, the deferral
    ends = {end for e in json.loads(text.getvalue())["edges"] for end in (e["source"], e["target"])}
    assert "thought_12345" not in ends


def test_what_was_pruned_is_still_named(app: MemoryApp) -> None:
    job = eventful(app)
    again = app.job(job).retry()
    app.drain()
    app.clock.advance(7200)
    app.submit("work")
    app.store.prune(app.clock.micros(), 0, 10_000, app.clock.micros())
    assert app.graph.node(job) is None and app.graph.neighbours(f"exec_{job}.1") == []
    assert app.graph.node("exec_0.1") is None and app.graph.node(f"exec_{again.id}") is None
    text = io.StringIO()
    app.graph.export(text)
    assert json.loads(text.getvalue())["nodes"]


@pytest.mark.parametrize(
    "text", ["job_0", "job_01", "job_x", "exec_1", "job_1.2", "job_" + "9" * 19, "JOB_1", "job_1 "]
)
def test_only_exact_names_are_of_the_store(text: str) -> None:
    assert names.read(text) is None


def test_it_is_one_graph_for_all_processes(tmp_path: Any) -> None:
    one, other = (Offhours(tmp_path / "jobs.db", executor="inline") for _ in range(2))
    one.graph.add_edge("a", "B", "c")
    assert told(other.graph.neighbours("c")) == [("a", "B", "c")]
    one.close()
    other.close()


def test_an_export_has_every_edge_of_a_node_with_very_many() -> None:
    app = memory_app()
    app.graph.add_node("hub", "thought")
    for n in range(120):
        app.graph.add_edge("hub", "SAW", f"thing {n}")
    app.graph.add_edge("it", "SAW", "hub")
    text = io.StringIO()
    app.graph.export(text)
    edges = json.loads(text.getvalue())["edges"]
    assert len({edge["target"] for edge in edges if edge["source"] == "hub"}) == 120
    assert len(edges) == 121
