"""All of the graph, node after node: for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from offhours.core.graph import Edge, Node
from offhours.core.ports import GraphRows, Store
from offhours.graph.derived import Derived
from offhours.graph.export import Entry
from offhours.graph.forms import deferral_edges, deferral_node, job_node, run_node, schedule_edges

_FAN = 100
_PAGE = 500


def everything(store: Store, derived: Derived, shown: Callable[[str], Node]) -> Iterator[Entry]:
    """Each node that is kept or named by an edge, once, with the edges that leave it.

    shown: gives the node of a name that only an edge has told
    """
    kept: set[str] = set()
    named: dict[str, None] = {}
    for node, edges in _kept(store, derived):
        kept.add(node.id)
        named.update(dict.fromkeys(edge.dst for edge in edges))
        yield node, edges
    loose: dict[str, list[Edge]] = {}
    for edge in _added(store.graph, ("", "", "")):
        named.update(dict.fromkeys((edge.src, edge.dst)))
        if edge.src not in kept:
            loose.setdefault(edge.src, []).append(edge)
    for node_id in named:
        if node_id not in kept:
            yield shown(node_id), loose.get(node_id, [])


def _kept(store: Store, derived: Derived) -> Iterator[Entry]:
    for node, edges in _derived(store, derived):
        yield node, [*edges, *_added_to(store.graph, node.id)]
    after = ""
    while page := store.graph.nodes(after, _PAGE):
        for node in page:
            yield node, _added_to(store.graph, node.id)
        after = page[-1].id


def _derived(store: Store, derived: Derived) -> Iterator[Entry]:
    after = 0
    while schedules := store.schedules.page(after=after, limit=_PAGE):
        for schedule in schedules:
            yield derived.schedule_node(schedule), schedule_edges(schedule)
            yield from _deferrals_of_goal(derived, schedule.id)
        after = schedules[-1].id
    after = 0
    while jobs := store.jobs(after=after, newest_first=False, limit=_PAGE):
        for job in jobs:
            yield job_node(job), derived.job_edges(job)
            for run in derived.runs(job):
                yield run_node(job, run), derived.run_edges(job, run.attempt)
            for deferral in derived.deferrals(job):
                yield deferral_node(job, deferral), deferral_edges(job, deferral)
        after = jobs[-1].id


def _deferrals_of_goal(derived: Derived, schedule_id: int) -> Iterator[Entry]:
    for name in derived.goals.deferral_ids(schedule_id):
        if (node := derived.goals.deferral(name)) is not None:
            yield node, derived.goals.deferral_edges(name)


def _added_to(rows: GraphRows, node_id: str) -> list[Edge]:
    """All edges that were added to a node; few have more than a page of them."""
    found = rows.edges_from(node_id, None, _FAN)
    if len(found) < _FAN:
        return found
    every = []
    for edge in _added(rows, (node_id, "", "")):
        if edge.src != node_id:
            break
        every.append(edge)
    return every


def _added(rows: GraphRows, after: tuple[str, str, str]) -> Iterator[Edge]:
    while page := rows.edges(after, _PAGE):
        yield from page
        after = page[-1][:3]
