"""Asking the graph: neighbours, ways, causes; and what users and agents add to it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TextIO

from offhours.core.clock import Clock
from offhours.core.errors import OptionError
from offhours.core.graph import Edge, Node
from offhours.core.ports import Store
from offhours.graph import cause, names
from offhours.graph.derived import Derived
from offhours.graph.everything import everything
from offhours.graph.export import EXPORTS
from offhours.graph.forms import thought_node

Ref = str | int
"""A node by its name, or a job by its number."""

LONGEST_NAME = 200
_FAN = 100
_KIND = {"job": "scheduled_task", "schedule": "scheduled_task", "exec": "task_execution",
         "defer": "task_deferral"}  # fmt: skip


class Subgraph(NamedTuple):
    """Some nodes, and all edges between them that were met. `whole` is false at the limit."""

    nodes: list[Node]
    edges: list[Edge]
    whole: bool = True


class About(NamedTuple):
    """A node, why it happened, and the edges at it."""

    node: Node
    why: cause.Cause
    edges: list[Edge]

    def to_dict(self) -> dict[str, Any]:
        edges = [{"src": src, "type": type_, "dst": dst} for src, type_, dst, _ in self.edges]
        return {
            "node": self.node.to_dict(self.edges), "why": self.why.to_dict(), "edges": edges,
        }  # fmt: skip


class Graph:
    """What led to what in a store.

    Nodes: a schedule is `schedule_7`, a job `job_42`, its second run `exec_42.2`, a deferral
    `defer_1234`, a moment `time_2026-01-01T09:00:00Z`; thoughts and what users add have the names
    that they were given, those in an agent's inbox `thought_5`. A goal is its schedule, and is
    found by its own id, too. Everything but what was added is read out of jobs, schedules and
    events: it is there when they are, and goes when they are pruned.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rows = store.graph
        self._derived = Derived(store)

    # -- adding -------------------------------------------------------------------------------

    def add_node(
        self,
        node_id: str,
        type: str,  # noqa: A002
        metadata: Mapping[str, Any] | None = None,
        *,
        connection: Any = None,
    ) -> Node:
        """Keep a node of your own; again, it is replaced. Metadata must be plain JSON.

        With `connection` it is written in the transaction that this has open, like a job's submit.
        """
        node = Node(_own_name(node_id), _word(type, "type"), _plain(metadata))
        self._rows.add([node], [], self._clock.micros(), connection)
        return node

    def add_edge(
        self,
        src: Ref,
        type: str,  # noqa: A002
        dst: Ref,
        metadata: Mapping[str, Any] | None = None,
        *,
        connection: Any = None,
    ) -> Edge:
        """Keep an edge of your own between any two nodes; again, it is replaced."""
        edge = Edge(_name(src), _word(type, "type"), _name(dst), _plain(metadata))
        self._rows.add([], [edge], self._clock.micros(), connection)
        return edge

    def remove_node(self, node_id: str) -> bool:
        """Forget a node that was added, with the edges that were; false when there was none."""
        return self._rows.remove(node_id)

    # -- asking -------------------------------------------------------------------------------

    def node(self, ref: Ref) -> Node | None:
        """What is known of a node; None when nothing is."""
        node_id = self._found(ref)
        found = self._derived.node(node_id) or self._rows.node(node_id)
        if found is not None or names.read(node_id) is not None:
            return found
        if (thought := self._derived.goals.thought(node_id)) is not None:
            return thought
        known = self._derived.is_thought(node_id) or self._rows.edges_to(node_id, None, 1)
        return thought_node(node_id) if known else None

    def neighbours(
        self,
        ref: Ref,
        *,
        direction: str = "both",
        type: str | None = None,  # noqa: A002
        limit: int = 20,
    ) -> list[Edge]:
        """The edges at a node, `out` of it, `in` to it, or `both`; the newest first of each kind.

        type: only edges of this type, like `EXECUTION_OF`
        """
        if direction not in ("out", "in", "both"):
            raise OptionError(f'direction: expected "out", "in" or "both", got {direction!r}')
        node_id = self._found(ref)
        found: list[Edge] = []
        if direction != "in":
            found += self._out(node_id, type, limit)
        if direction != "out" and len(found) < limit:
            found += self._into(node_id, type, limit)
        return found[:limit]

    def path(self, src: Ref, dst: Ref, *, most: int = 10_000) -> list[Edge] | None:
        """A shortest way between two nodes, along edges in either direction.

        None when there is none; at most `most` nodes are looked at, and 100 edges at each.
        """
        start, end = self._found(src), self._found(dst)
        came: dict[str, tuple[str, Edge] | None] = {start: None}
        waiting = deque([start])
        while waiting and end not in came and len(came) <= most:
            here = waiting.popleft()
            for edge in self.neighbours(here, limit=_FAN):
                there = edge.dst if edge.src == here else edge.src
                if there not in came:
                    came[there] = (here, edge)
                    waiting.append(there)
        if end not in came:
            return None
        way: list[Edge] = []
        step = came[end]
        while step is not None:
            way.append(step[1])
            step = came[step[0]]
        return way[::-1]

    def why(self, ref: Ref) -> cause.Cause:
        """Why a run or job happened: who or what wanted it, and who wanted that."""
        return cause.why(self._store, self._found(ref))

    def about(
        self,
        ref: Ref,
        *,
        type: str | None = None,  # noqa: A002
        limit: int = 20,
    ) -> About | None:
        """A node, why it happened and the edges at it; None when nothing is known of it."""
        found = self.node(ref)
        if found is None:
            return None
        return About(found, self.why(ref), self.neighbours(ref, type=type, limit=limit))

    def subgraph(self, ref: Ref, *, depth: int = 2, limit: int = 1_000) -> Subgraph:
        """All that is at most `depth` edges away, up to `limit` nodes."""
        depths = {self._found(ref): 0}
        edges: dict[tuple[str, str, str], Edge] = {}
        waiting = deque(depths)
        whole = True
        while waiting:
            here = waiting.popleft()
            if depths[here] == depth:
                continue
            for edge in self.neighbours(here, limit=_FAN):
                there = edge.dst if edge.src == here else edge.src
                if there not in depths:
                    if len(depths) >= limit:
                        whole = False
                        continue
                    depths[there] = depths[here] + 1
                    waiting.append(there)
                edges[edge[:3]] = edge
        return Subgraph([self._shown(each) for each in depths], list(edges.values()), whole)

    # -- as a file ----------------------------------------------------------------------------

    def export(
        self,
        file: TextIO,
        format: str = "json",  # noqa: A002
        *,
        around: Ref | None = None,
        depth: int = 2,
    ) -> int:
        """Write all of the graph, or what is `around` a node, as `json` or `graphml`; how many
        nodes were written."""
        if format not in EXPORTS:
            raise OptionError(f"format: expected {' or '.join(EXPORTS)}, got {format!r}")
        if around is None:
            return EXPORTS[format](everything(self._store, self._derived, self._shown), file)
        found = self.subgraph(around, depth=depth)
        entries = [(node, [e for e in found.edges if e.src == node.id]) for node in found.nodes]
        return EXPORTS[format](entries, file)

    # -- parts --------------------------------------------------------------------------------

    def _found(self, ref: Ref) -> str:
        """The name of a node; a goal is found by its own id, too."""
        return self._derived.goals.named(_name(ref))

    def _out(self, node_id: str, type_: str | None, limit: int) -> list[Edge]:
        derived = _of_type(self._derived.out(node_id), type_)
        return [*derived, *self._rows.edges_from(node_id, type_, limit)][:limit]

    def _into(self, node_id: str, type_: str | None, limit: int) -> list[Edge]:
        derived = self._derived.into(node_id, type_, limit)
        return [*derived, *self._rows.edges_to(node_id, type_, limit)][:limit]

    def _shown(self, node_id: str) -> Node:
        """A node that an edge names, even if its row was pruned."""
        found = self.node(node_id)
        if found is not None:
            return found
        name = names.read(node_id)
        return thought_node(node_id) if name is None else Node(node_id, _KIND[name.kind], {})


def _of_type(edges: Iterable[Edge], type_: str | None) -> list[Edge]:
    return [edge for edge in edges if type_ is None or edge.type == type_]


def _name(ref: Ref) -> str:
    if isinstance(ref, int) and not isinstance(ref, bool):
        return names.job(ref)
    return _word(ref, "node")


def _own_name(node_id: str) -> str:
    found = _word(node_id, "node")
    if names.read(found) is not None or names.moment_of(found) is not None:
        raise OptionError(f"node: {found} is the name of something in the store; choose another")
    return found


def _word(text: object, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_NAME:
        raise OptionError(f"{what}: expected a text of at most {LONGEST_NAME} letters")
    return text


def _plain(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(metadata or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise OptionError(f"metadata: expected a mapping of plain JSON ({error})") from None
    return found
