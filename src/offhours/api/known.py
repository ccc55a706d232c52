"""Tasks are looked up by their names among those that are known, and never imported."""

from __future__ import annotations

from offhours.api.context import Server
from offhours.core.errors import TaskNotFound, did_you_mean
from offhours.engine.registry import Task
from offhours.known_tasks import is_local, served_tasks


def task_of(here: Server, name: str) -> Task:
    """A task that the app or a live worker knows; `TaskNotFound` for any other name."""
    registry = here.app.registry
    if is_local(name) or registry.find(name) is None:
        served = served_tasks(here.app)
        if name not in served:
            known = sorted({*served, *(n for n in registry.names() if not is_local(n))})
            raise TaskNotFound(f'no task "{name}" is known{did_you_mean(name, known)}')
    return here.app.task_named(name)
