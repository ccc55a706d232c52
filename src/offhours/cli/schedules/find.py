"""A schedule by its number or name, and a task that somebody can run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from offhours.core.errors import ScheduleNotFound, TaskNotFound, did_you_mean
from offhours.known_tasks import is_local
from offhours.views import is_alive

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp, AnySchedule
    from offhours.engine.registry import Task

_LOOKED_AT = 1_000


def schedule_of(app: AnyApp, key: str) -> AnySchedule:
    """By number, else by name; an unknown one is refused with a near name."""
    book = app.schedules
    if key.isascii() and key.isdigit() and len(key) < 20:
        try:
            return book.get(int(key))
        except ScheduleNotFound as unknown:
            if app.store.schedules.named(key) is None:
                raise unknown from None
    try:
        return book.get(key)
    except ScheduleNotFound as unknown:
        handles: Iterable[AnySchedule] = book
        names = [handle.name for handle in islice(handles, _LOOKED_AT)]
        raise ScheduleNotFound(f"{unknown}{did_you_mean(key[:200], names)}") from None


def running_tasks(app: AnyApp) -> set[str]:
    """The tasks of workers that live."""
    now = app.clock.micros()
    alive = [worker for worker in app.workers() if is_alive(worker, now)]
    known = {name for worker in alive for name in json.loads(worker.tasks)}
    return {name for name in known if not is_local(name)}


def task_of(app: AnyApp, name: str, file: str | None) -> Task:
    """A task of the file or of a running worker: a schedule for any other could only wait."""
    running = running_tasks(app)
    if app.registry.find(name) is not None or name in running:
        return app.task_named(name)
    known = sorted({*app.registry.names(), *running})
    shown = name if len(name) <= 200 else name[:200] + "…"
    if file is None and not running:
        raise TaskNotFound(
            f'no worker is running that could know "{shown}"; '
            "name the task's file with --file FILE.py, or start one: offhours up FILE.py"
        )
    where = "a running worker's" if file is None else f"{file}'s or a running worker's"
    raise TaskNotFound(f'"{shown}" is not one of {where} tasks{did_you_mean(shown, known)}')
