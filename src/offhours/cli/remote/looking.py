"""What a server finds, and what it knows of what led to what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from offhours.cli.remote.wire import Wire
from offhours.core.artifacts import Artifact
from offhours.core.errors import NotFound
from offhours.core.graph import Edge, Node
from offhours.core.model import Job, JobState
from offhours.core.times import parse_moment
from offhours.graph.cause import Cause
from offhours.graph.graph import About
from offhours.search.search import Found


class RemoteSearch:
    """What `Search` is of a database, as far as the commands use it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def everything(
        self,
        text: str,
        *,
        type: str | None = None,  # noqa: A002
        tags: Sequence[str] = (),
        limit: int = 10,
    ) -> Found:
        """What fits a text best, and jobs of that text."""
        told = self._wire.get("search", q=text, type=type, tag=list(tags), limit=limit)
        return Found(
            told["mode"],
            [_artifact(each) for each in told["found"]],
            [_job(each) for each in told["jobs"]],
        )


class RemoteGraph:
    """What `Graph` is of a database, as far as the commands use it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def about(
        self,
        ref: str,
        *,
        type: str | None = None,  # noqa: A002
        limit: int = 20,
    ) -> About | None:
        """A node, why it happened and the edges at it; None when nothing is known of it."""
        try:
            told = self._wire.get("graph", node=ref, type=type, limit=limit)
        except NotFound:
            return None
        node, because = told["node"], told["why"]
        return About(
            Node(told["id"], node["node_type"], node["metadata"]),
            Cause(tuple(because["steps"]), tuple(_edge(each) for each in because["edges"])),
            [_edge(each) for each in told["edges"]],
        )

    def export(
        self,
        file: TextIO,
        format: str = "json",  # noqa: A002
        *,
        around: str | None = None,
        depth: int = 2,
    ) -> int:
        """Write all of the graph, or what is `around` a node; how many nodes were written."""
        text, headers = self._wire.file("graph:export", format=format, around=around, depth=depth)
        file.write(text)
        return int(headers["X-Nodes"])


def _artifact(told: Mapping[str, Any]) -> Artifact:
    """When it was stored is not told."""
    metadata = None if told["metadata"] is None else json.dumps(told["metadata"])
    return Artifact(
        0, told["id"], told["type"], told["name"], told["description"], told["content"],
        tuple(told["tags"]), metadata, None, 0, 0, told["score"],
    )  # fmt: skip


def _job(told: Mapping[str, Any]) -> Job:
    """Of a job that was found, only what it is."""
    blank: dict[str, Any] = dict.fromkeys(Job._fields)
    state, made = JobState(told["state"]), parse_moment(told["created_at"])
    return Job(**{**blank, **told, "state": state, "created_at": made})


def _edge(told: Mapping[str, Any]) -> Edge:
    return Edge(told["src"], told["type"], told["dst"])
