"""Nodes and edges that were added, and ways back along derived ones: the same in every store."""

from __future__ import annotations

from typing import Any

import pytest

from offhours.core.graph import Edge, Node
from offhours.core.model import NewJob
from offhours.core.ports import Store
from offhours.core.times import SECOND

NOW = 1_800_000_000 * SECOND


def job(**more: Any) -> NewJob:
    return NewJob("app:mail", "[[],{}]", 50, NOW, None, **more)


def test_what_is_added_comes_back_both_ways(store: Store) -> None:
    graph = store.graph
    thought, other = Node("thought_1", "thought", {"prompt": "why?", "n": 1}), Node("x", "y", {})
    edges = [Edge("job_1", "CREATED_BY", "thought_1"), Edge("x", "ABOUT", "thought_1", {"w": 2})]
    graph.add([thought, other], edges, NOW)
    assert graph.node("thought_1") == thought and graph.node("none") is None
    assert graph.edges_from("job_1", None, 9) == [edges[0]]
    assert graph.edges_to("thought_1", None, 9) == [edges[1], edges[0]]
    assert graph.edges_to("thought_1", "CREATED_BY", 9) == [edges[0]]
    assert graph.edges_to("thought_1", None, 1) == [edges[1]]
    assert graph.nodes() == [thought, other] and graph.nodes("thought_1", 5) == [other]
    assert graph.edges() == edges and graph.edges(edges[0][:3]) == edges[1:]


def test_what_is_added_again_is_one(store: Store) -> None:
    graph, edge = store.graph, Edge("a", "B", "c")
    graph.add([Node("a", "t", {"v": 1})], [edge], NOW)
    graph.add([Node("a", "t", {"v": 2})], [edge._replace(metadata={"k": 1})], NOW + 1)
    assert graph.nodes() == [Node("a", "t", {"v": 2})]
    assert graph.edges() == [Edge("a", "B", "c", {"k": 1})]
    assert graph.remove("a") and not graph.remove("a")
    assert graph.nodes() == [] == graph.edges()


def test_it_is_written_in_the_transaction_of_the_user(store: Store) -> None:
    def broken() -> None:
        with store.transaction() as connection:
            store.graph.add([Node("a", "t", {})], [], NOW, connection)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        broken()
    assert store.graph.nodes() == []
    with store.transaction() as connection:
        store.graph.add([Node("a", "t", {})], [Edge("a", "B", "c")], NOW, connection)
    assert store.graph.node("a") is not None and store.graph.edges() == [Edge("a", "B", "c")]


def test_the_ways_back_along_derived_edges(store: Store) -> None:
    thought = '{"origin_thought_id":"thought_1"}'
    ids = store.submit(
        [job(metadata=thought), job(metadata='{"origin_thought_id":"thought_2"}'), job(),
         job(metadata='{"note":"origin_thought_id"}'), job(metadata=thought)],
        NOW,
    )  # fmt: skip
    assert store.graph.jobs_of_thought("thought_1", 9) == [ids[4], ids[0]]
    assert store.graph.jobs_of_thought("thought_1", 1) == [ids[4]]
    assert store.graph.schedules_of_thought("thought_1", 9) == []
    again = store.submit([job(retry_of=ids[0]), job(retry_of=ids[0])], NOW)
    assert store.graph.retries(ids[0], 9) == again[::-1]
    assert store.graph.retries(ids[1], 9) == []


def test_an_event_by_its_number(store: Store) -> None:
    store.tell(NOW, "job.held", 7, 1, reason="x")
    [event] = store.events()
    assert store.graph.event(event.seq) == event
    assert store.graph.event(event.seq + 1) is None
