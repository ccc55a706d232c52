"""The graph of what happened: derived from the store, with what users and agents add to it."""

from __future__ import annotations

from offhours.core.graph import Edge, Node
from offhours.graph.cause import Cause
from offhours.graph.export import EXPORTS
from offhours.graph.graph import Graph, Subgraph

__all__ = ["EXPORTS", "Cause", "Edge", "Graph", "Node", "Subgraph"]
