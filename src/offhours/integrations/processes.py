"""What each process has for itself: servers fork, and threads and loops do not come along."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value of which a process makes its own when it first asks for it.

    >>> numbers = iter(range(9))
    >>> mine = PerProcess(lambda: next(numbers))
    >>> mine.made, mine.get(), mine.get(), mine.made
    (None, 0, 0, 0)
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = None
        self._lock = threading.Lock()
        _all.add(self)

    @property
    def made(self) -> T | None:
        """The value, if this process has asked for it."""
        return self._made

    def get(self) -> T:
        """The value of this process."""
        found = self._made
        if found is not None:
            return found
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> None:
        """Make another one when somebody asks."""
        self._made = None
        self._lock = threading.Lock()  # that of a parent may be held for ever


_all: WeakSet[PerProcess[Any]] = WeakSet()


def _after_fork() -> None:
    for value in list(_all):
        value.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
