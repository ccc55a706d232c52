"""What happened, as nodes and edges: their types, their names, and the form of the document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from offhours.core.times import Micros

SCHEDULED_TASK = "scheduled_task"
TASK_EXECUTION = "task_execution"
TASK_DEFERRAL = "task_deferral"
THOUGHT = "thought"
TIME = "time"

EXECUTION_OF = "EXECUTION_OF"
DEFERRAL_OF = "DEFERRAL_OF"
CREATED_BY = "CREATED_BY"
SCHEDULED_FOR = "SCHEDULED_FOR"
REQUESTED_BY = "REQUESTED_BY"
CREATED_THOUGHT = "CREATED_THOUGHT"
RETRY_OF = "RETRY_OF"
CHILD_OF = "CHILD_OF"
DEPENDS_ON = "DEPENDS_ON"

_ID_OF = {
    SCHEDULED_TASK: "task_id",
    TASK_EXECUTION: "execution_id",
    TASK_DEFERRAL: "deferral_id",
    THOUGHT: "thought_id",
}


class Node(NamedTuple):
    """Something that was planned, done, put off or thought."""

    id: str
    type: str
    metadata: Mapping[str, Any]

    def to_dict(self, edges: Sequence[Edge] = ()) -> dict[str, Any]:
        """In the document's form, with those of the edges that leave it.

        >>> Node("defer_9", "task_deferral", {}).to_dict([Edge("defer_9", "DEFERRAL_OF", "job_4")])
        {'node_type': 'task_deferral', 'deferral_id': 'defer_9', 'metadata': {}, \
'relationships': [{'type': 'DEFERRAL_OF', 'target': 'job_4'}]}
        """
        return {
            "node_type": self.type,
            _ID_OF.get(self.type, "node_id"): self.id,
            "metadata": dict(self.metadata),
            "relationships": [
                {"type": edge.type, "target": edge.dst} for edge in edges if edge.src == self.id
            ],
        }


class Edge(NamedTuple):
    """How two nodes are related: `src` is, for example, an EXECUTION_OF `dst`."""

    src: str
    type: str
    dst: str
    metadata: Mapping[str, Any] = {}


class StoredNode(NamedTuple):
    """A row of what users and agents added. `metadata` is JSON."""

    id: str
    type: str
    metadata: str | None
    at: Micros

    def read(self) -> Node:
        return Node(self.id, self.type, json.loads(self.metadata or "{}"))


class StoredEdge(NamedTuple):
    """A row of what users and agents added. `metadata` is JSON."""

    src: str
    type: str
    dst: str
    metadata: str | None
    at: Micros

    def read(self) -> Edge:
        return Edge(self.src, self.type, self.dst, json.loads(self.metadata or "{}"))
