"""What happens to recorders when the process ends or forks."""

from __future__ import annotations

import atexit
import os
from typing import Protocol
from weakref import WeakSet

EXIT_SECONDS = 1.0


class Recorder(Protocol):
    """What can be remembered."""

    def close(self, timeout: float = ...) -> None: ...
    def after_fork(self) -> None: ...


_living: WeakSet[Recorder] = WeakSet()


def remember(recorder: Recorder) -> None:
    """Close a recorder at the end of the interpreter, and begin it anew in forked children."""
    _living.add(recorder)


def forget(recorder: Recorder) -> None:
    """It was closed: nothing is left to be done for it."""
    _living.discard(recorder)


def living() -> list[Recorder]:
    """The recorders of this process that are not closed, in no order."""
    return list(_living)


@atexit.register
def _close() -> None:
    for recorder in list(_living):
        recorder.close(EXIT_SECONDS)


def _forked() -> None:
    for recorder in list(_living):
        recorder.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
