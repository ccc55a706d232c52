"""What an app remembers: its search and its graph, over what the store holds anyway."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Protocol

from offhours.core.clock import Clock
from offhours.core.ports import Store
from offhours.engine.registry import Registry

if TYPE_CHECKING:
    from offhours.graph import Graph
    from offhours.search import Embedder, Search


class HasStore(Protocol):
    """An app, as far as its memory is concerned."""

    store: Store
    clock: Clock
    registry: Registry


def search_of(app: HasStore, embedder: Embedder | None = None) -> Search:
    """The search of an app; without an embedder that of the extra `semantic`, if it is there."""
    from offhours.search import Search, installed_embedder

    chosen = installed_embedder() if embedder is None else embedder
    return Search(app.store, app.clock, chosen, lambda: described(app.registry))


def graph_of(app: HasStore) -> Graph:
    """The graph of an app."""
    from offhours.graph import Graph

    return Graph(app.store, app.clock)


def described(registry: Registry) -> list[tuple[str, str]]:
    """The tasks that outlive this process, each with the first paragraph of its docstring."""
    found = []
    for task in registry.tasks():
        if not task.local:
            text = inspect.getdoc(task.function) or ""
            found.append((task.name, " ".join(text.partition("\n\n")[0].split())))
    return found
