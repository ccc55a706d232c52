"""Tasks are looked up by their names among those that are known, and never imported."""

from __future__ import annotations

from offhours.api.context import Server
from offhours.api.problems import Problem
from offhours.api.tokens import Principal
from offhours.core.access import Scope
from offhours.core.errors import TaskNotFound, did_you_mean
from offhours.engine.registry import Task
from offhours.known_tasks import is_local, is_own, served_tasks


def task_of(here: Server, name: str) -> Task:
    """A task that the app or a live worker knows; `TaskNotFound` for any other name."""
    registry = here.app.registry
    if is_local(name) or registry.find(name) is None:
        served = served_tasks(here.app)
        if name not in served:
            known = sorted({*served, *(n for n in registry.names() if not is_local(n))})
            raise TaskNotFound(f'no task "{name}" is known{did_you_mean(name, known)}')
    return here.app.task_named(name)


def submittable(here: Server, who: Principal, name: str) -> Task:
    """A task that somebody may submit by its name. The arguments of Offhours' own tasks say whose
    model is trained, or which script runs, so they are for who may do all of that."""
    if is_own(name) and (who.tenant is not None or not who.scope.includes(Scope.ADMIN)):
        raise Problem(
            403, "forbidden", f"{name[:100]!r} is a task of Offhours itself",
            "it takes an admin's token without a tenant; cycles: POST api/v1/training/cycles",
        )  # fmt: skip
    return task_of(here, name)
