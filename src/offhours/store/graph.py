"""Nodes and edges that users and agents add, and the ways back along those that are derived."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from offhours.core.events import Event
from offhours.core.graph import Edge, Node, StoredEdge, StoredNode
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database


class SqlGraph:
    """Implements `core.ports.GraphRows` on a database."""

    def __init__(self, database: Database, sql: Mapping[str, str]) -> None:
        self._db = database
        self._sql = sql

    def add(
        self, nodes: Sequence[Node], edges: Sequence[Edge], now: Micros, connection: Any = None
    ) -> None:
        """Store nodes and edges, all or none; in the transaction that `connection` has open."""
        if connection is None:
            self._db.write(lambda db: self.add_in(db, nodes, edges, now))
            return
        with self._db.joined(connection) as db:
            self.add_in(db, nodes, edges, now)

    def add_in(
        self, db: Connection, nodes: Sequence[Node], edges: Sequence[Edge], now: Micros
    ) -> None:
        """The same inside a transaction of the store: that of the run which they belong to."""
        for node in nodes:
            values = (node.id, node.type, _json(node.metadata), now)
            db.execute(self._sql["put_node"], values)
        for edge in edges:
            db.execute(
                self._sql["put_edge"], (edge.src, edge.type, edge.dst, _json(edge.metadata), now)
            )

    def remove(self, node_id: str) -> bool:
        """Forget a node that was added, with all edges that were; false when there was none."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["delete_node"], (node_id,))
            found = db.changes() > 0
            db.execute(self._sql["delete_edges"], (node_id,))
            return found or db.changes() > 0

        return self._db.write(unit)

    def node(self, node_id: str) -> Node | None:
        rows = self._db.read(self._sql["node"], (node_id,))
        return StoredNode(*rows[0]).read() if rows else None

    def nodes(self, after: str = "", limit: int = 1000) -> list[Node]:
        """A page of what was added, by id."""
        rows = self._db.read(self._sql["nodes"], (after, limit))
        return [StoredNode(*row).read() for row in rows]

    def edges_from(self, node_id: str, type: str | None, limit: int) -> list[Edge]:  # noqa: A002
        return self._edges("edges_from", node_id, type, limit)

    def edges_to(self, node_id: str, type: str | None, limit: int) -> list[Edge]:  # noqa: A002
        return self._edges("edges_to", node_id, type, limit)

    def edges(self, after: tuple[str, str, str] = ("", "", ""), limit: int = 1000) -> list[Edge]:
        """A page of the edges that were added, in their order."""
        return self._edges("edges_after", *after, limit)

    def _edges(self, name: str, *values: object) -> list[Edge]:
        return [StoredEdge(*row).read() for row in self._db.read(self._sql[name], values)]

    # -- back along derived edges -------------------------------------------------------------

    def retries(self, job_id: int, limit: int) -> list[int]:
        """The jobs that were submitted to do this one again, the newest first."""
        return self._numbers("retries", job_id, limit)

    def downstream(self, job_id: int, limit: int) -> list[int]:
        """The jobs that wait for this one, or did."""
        return self._numbers("downstream", job_id, limit)

    def jobs_of_thought(self, thought: str, limit: int) -> list[int]:
        return self._numbers("jobs_of_thought", thought, limit)

    def schedules_of_thought(self, thought: str, limit: int) -> list[int]:
        return self._numbers("schedules_of_thought", thought, limit)

    def event(self, seq: int) -> Event | None:
        rows = self._db.read(self._sql["event"], (seq,))
        return Event(*rows[0]) if rows else None

    def _numbers(self, name: str, *values: object) -> list[int]:
        return [number for (number,) in self._db.read(self._sql[name], values)]


def _json(metadata: Mapping[str, Any]) -> str | None:
    return json.dumps(dict(metadata), ensure_ascii=False) if metadata else None
