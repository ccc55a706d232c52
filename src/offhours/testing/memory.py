"""Apps in memory: a fresh one, or one's own for the length of a test."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar, Unpack, cast

import offhours.app
from offhours.app import Offhours
from offhours.config import CHECKS, Options, Settings
from offhours.core.errors import ConfigError, IllegalMove
from offhours.core.firing import first_fire, plan_of
from offhours.core.kinds import Span
from offhours.core.ports import Store
from offhours.core.schedules import NewSchedule, Schedule, ScheduleStatus
from offhours.core.times import Micros
from offhours.core.triggers import Every, Plan, Trigger
from offhours.store.opening import open_store
from offhours.testing.clock import FakeClock

A = TypeVar("A", bound=Offhours)

_MEMORY = ":memory:"
_ON_DISK = ("durability", "journal", "lock_timeout")


class MemoryApp(Offhours):
    """An `Offhours` in memory with a `FakeClock`, whose jobs run in `drain()`."""

    clock: FakeClock

    def __init__(self, clock: FakeClock | None = None, **options: Unpack[Options]) -> None:
        options.setdefault("executor", "inline")
        super().__init__(_MEMORY, clock=clock or FakeClock(), **options)


def memory_app(clock: FakeClock | None = None, **options: Unpack[Options]) -> MemoryApp:
    """A fresh app for one test: nothing on disk, no threads, no waiting."""
    return MemoryApp(clock, **options)


@contextmanager
def in_memory(app: A, clock: FakeClock | None = None, **options: Unpack[Options]) -> Iterator[A]:
    """Your own app with its own tasks, on an empty store in memory while the block runs.

    What the program calls with it goes there, too: `task.submit(...)` of its tasks needs no other
    line. Its settings hold, but jobs run in `drain()`, or in threads with `executor="thread"`.
    Channels, monitors and agents are not there: the block begins like a program's start. What a
    module scheduled when `load_app` imported it is there; intervals count from the block's start.

    Raises `IllegalMove` when the app works just now.

    >>> from offhours import Offhours
    >>> from offhours.testing import drain
    >>> app = Offhours(":memory:")
    >>> double = app.task(name="double")(lambda n: 2 * n)
    >>> with in_memory(app):
    ...     job = double.submit(21)
    ...     ran = drain(app)
    ...     job.result()
    42
    >>> app.counts()["succeeded"]
    0
    """
    if app.running:
        raise IllegalMove(f"the app on {app.store.name} works just now; stop it before a test")
    home = dict(vars(app))
    settings: Options = {**_given(app.settings), "executor": "inline", **options}
    _begin(app, home, clock or FakeClock(), settings)
    try:
        if home["store"].name == _MEMORY:
            _schedule_again(home["store"], app)
        yield app
    finally:
        tasks = app.registry.tasks()
        app.close()
        vars(app).clear()
        vars(app).update(home)
        for task in tasks:  # what was imported meanwhile will not be imported again
            if not task.local and app.registry.find(task.name) is None:
                app.registry.add(task)


def load_app(place: str) -> Offhours:
    """The app at `package.module:name`. If that is not imported yet, its apps open in memory.

    So a test never touches the database that the module names. `ConfigError` when it is not there.
    """
    name, colon, attribute = place.partition(":")
    if not (name and colon and attribute):
        raise ConfigError([f"offhours_app: expected package.module:app, got {place!r}"])
    with _only_memory():
        module = import_module(name)
    found = getattr(module, attribute, None)
    if not isinstance(found, Offhours):
        apps = [key for key, value in vars(module).items() if isinstance(value, Offhours)]
        there = f"; there is {', '.join(apps)}" if apps else ""
        raise ConfigError([f"offhours_app: {name} has no app called {attribute!r}{there}"])
    return found


@contextmanager
def _only_memory() -> Iterator[None]:
    def in_memory(address: str, **options: Any) -> Store:
        return open_store(_MEMORY, **options)

    setattr(offhours.app, "open_store", in_memory)  # noqa: B010 - on purpose, and put back
    try:
        yield
    finally:
        setattr(offhours.app, "open_store", open_store)  # noqa: B010


def _begin(app: Offhours, home: dict[str, Any], clock: FakeClock, settings: Options) -> None:
    """Make the app anew in its place; it keeps its tasks, and what a subclass has added."""
    vars(app).clear()
    Offhours.__init__(app, _MEMORY, clock=clock, **settings)
    for task in home["registry"].tasks():
        app.registry.add(task)
    for name, value in home.items():
        made_on_use = isinstance(getattr(type(app), name, None), functools.cached_property)
        if not made_on_use:
            vars(app).setdefault(name, value)


def _given(settings: Settings) -> Options:
    """Settings as the options that they come from."""
    found: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name not in _ON_DISK:
            is_length = isinstance(CHECKS[field.name], Span)
            found[field.name] = timedelta(microseconds=value) if is_length else value
    return cast(Options, found)


def _schedule_again(home: Store, app: Offhours) -> None:
    after = 0
    while page := home.schedules.page(after=after, limit=500):
        for schedule in page:
            now = app.clock.micros()
            plan = _anew(plan_of(schedule.plan), schedule, now)
            first = first_fire(plan, schedule.max_runs, 0, now)
            if first is not None:
                row = {name: getattr(schedule, name) for name in NewSchedule._fields}
                new = NewSchedule(**{**row, "plan": json.dumps(plan.to_dict())})
                app.store.schedules.add(new, first, now)
                if schedule.status is ScheduleStatus.PAUSED:
                    app.schedules.get(schedule.name).pause(schedule.reason or "")
        after = page[-1].id


def _anew(plan: Plan, schedule: Schedule, now: Micros) -> Plan:
    """The plan as if it had been made now: what counts from its making counts from now."""

    def moved(trigger: Trigger) -> Trigger:
        if isinstance(trigger, Every) and trigger.anchor == schedule.created_at:
            return Every(trigger.interval, now)
        return trigger

    return replace(plan, triggers=tuple(map(moved, plan.triggers)))
