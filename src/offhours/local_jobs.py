"""Jobs of this process only: their functions and what they return stay in memory."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from offhours.engine.codec import Codec
from offhours.engine.lifeline import owner_name
from offhours.engine.registry import Registry, Task

MOST_RESULTS = 10_000
NO_ARGUMENTS = "[[],{}]"


class LocalJobs:
    """The unfinished local jobs by number, and the results that the store could not keep."""

    def __init__(self, registry: Registry) -> None:
        self.owner = owner_name(uuid4().hex)
        self._registry = registry
        self._names: dict[int, str] = {}
        self._results: dict[int, object] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._names)

    def make_task(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Task:
        """A task for one call; a name is made for it, which nobody else has."""
        bound = functools.partial(function, *args, **kwargs)
        label = getattr(function, "__qualname__", type(function).__qualname__)
        name = f"local:{uuid4().hex[:12]}:{label}"
        return Task(name, bound, Codec(bound, name), local=True)

    def add(self, job_id: int, name: str) -> None:
        with self._lock:
            self._names[job_id] = name

    def unfinished(self) -> list[int]:
        with self._lock:
            return list(self._names)

    def finished(self, job_ids: Iterable[int]) -> None:
        """Forget the functions of these, if they are ours."""
        with self._lock:
            for job_id in job_ids:
                name = self._names.pop(job_id, None)
                if name is not None:
                    self._registry.remove(name)

    def keep(self, job_id: int, result: object) -> None:
        """Keep what a job returned; the oldest are forgotten when there are too many."""
        with self._lock:
            self._results[job_id] = result
            while len(self._results) > MOST_RESULTS:
                self._results.pop(next(iter(self._results)))

    def result(self, job_id: int, otherwise: object) -> object:
        with self._lock:
            return self._results.get(job_id, otherwise)
