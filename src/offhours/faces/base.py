"""What every face stands on: an app of its own, or the one that the process shares."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol, Self, TypeVar, cast
from weakref import WeakSet

from offhours.app import Offhours
from offhours.core.errors import ArgumentError, ConfigError, PayloadTooLarge, TaskError
from offhours.faces.local_time import LOCAL
from offhours.handles import SubmitOptions
from offhours.notify.configured import Configured
from offhours.sources.configuration import read

MEMORY = ":memory:"
NOT_STORABLE = (TaskError, ArgumentError, PayloadTooLarge)
SHARED_OPTIONS = {"threads": 4, "max_queue_size": 1000, "background_throttle": "100ms"}
EXIT_SECONDS = 0.5

F_co = TypeVar("F_co", covariant=True)

_log = logging.getLogger("offhours")


class Face(Protocol[F_co]):
    """A class that can be put on an app."""

    def __call__(self, *, app: Offhours) -> F_co: ...


class FaceApp(Offhours):
    """An app that takes naive times as the machine's own, as the documents do.

    Once started, it is stopped when the interpreter ends.
    """

    def __init__(self, database: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(database, **{"timezone": LOCAL, **options})
        self._faces: dict[Any, Any] = {}

    def start(self) -> Self:
        """Begin to run jobs in this process; again, after `stop`."""
        _started.add(self)
        return super().start()

    def face(self, kind: Face[F_co]) -> F_co:
        """The one face of a kind on this app."""
        if kind not in self._faces:
            self._faces[kind] = kind(app=self)
        return cast(F_co, self._faces[kind])


def open_app(
    database: str | os.PathLike[str], options: Mapping[str, Any], called: Mapping[str, str]
) -> FaceApp:
    """An app for one face. `called` says what the face calls an option, for its errors."""
    try:
        return FaceApp(database, **options)
    except ConfigError as error:
        split = [fault.partition(":") for fault in error.faults]
        raise ConfigError([f"{called.get(key, key)}:{rest}" for key, _, rest in split]) from None


def submit(
    app: Offhours,
    function: Callable[..., Any],
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
    options: SubmitOptions,
) -> str:
    """Submit any callable; the id of its task.

    Where the store outlives the process, what can be stored is; all else runs in this process,
    with its arguments as they are, and is lost with it.
    """
    args = tuple(args)
    options["name"] = options.get("name") or label(function)
    if app.store.name != MEMORY:
        try:
            return str(app.submit(function, args=args, kwargs=kwargs, **options).id)
        except NOT_STORABLE as error:
            _log.info("%s lives in this process only: %s", options["name"], error)
    options["durable"] = False
    return str(app.submit(function, args=args, kwargs=kwargs, **options).id)


def label(function: Callable[..., Any]) -> str:
    """What a task is called when nobody gave it a name."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


# -- the process's own app ------------------------------------------------------------------

_lock = threading.Lock()
_shared: FaceApp | None = None
_started: WeakSet[FaceApp] = WeakSet()
_of_the_parent: list[FaceApp] = []


def shared(kind: Face[F_co]) -> F_co:
    """The process's one face of a kind, started.

    All of them stand on one app, made as `Offhours.from_config()` does in the folder where the
    process was when it first asked.
    """
    with _lock:
        return _the_app().start().face(kind)


def shared_app() -> FaceApp:
    """The app of all shared faces, as it is: started or not."""
    with _lock:
        return _the_app()


def is_shared(app: Offhours) -> bool:
    """Whether this is the app of all shared faces."""
    return app is _shared


def _the_app() -> FaceApp:
    global _shared
    if _shared is None:
        found = read()
        found.set_log_level()
        _shared = FaceApp(found["db"], **{**SHARED_OPTIONS, **found.options})
        if monitoring := found.section("monitoring"):
            _shared.set_monitoring(monitoring)
        if notify := found.section("notify"):
            _shared.notify(Configured(notify, found.settings["timezone"].value))
    return _shared


def forget_shared() -> None:
    """Stop the shared app; who asks next gets a new one, on the database then named."""
    global _shared
    with _lock:
        app, _shared = _shared, None
    if app is not None:
        app.stop()


@atexit.register
def _stop_at_exit() -> None:
    """Hand back what still runs, so that it does not count as a crash; wait for it briefly."""
    deadline = time.monotonic() + EXIT_SECONDS
    for app in list(_started):
        with suppress(Exception):
            app.stop(max(0.0, deadline - time.monotonic()))


def _leave_to_parent() -> None:
    """In a forked child: its threads are not here, and its connections must not be touched."""
    global _lock, _shared, _started
    _of_the_parent.extend(_started)
    _lock, _shared, _started = threading.Lock(), None, WeakSet()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
