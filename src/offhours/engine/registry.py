"""Tasks by name. A stored name is only ever looked up here, never imported."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from offhours.core.errors import TaskError, TaskNotFound, did_you_mean
from offhours.core.gates import Gate
from offhours.core.limits import Limit, Rate, Scope
from offhours.core.model import TaskPriority
from offhours.core.retries import RetryPolicy
from offhours.core.times import HOUR, Micros
from offhours.engine.codec import Codec

# Given a name and a function, the function with something around it.
Around = Callable[[str, Callable[..., Any]], Callable[..., Any]]

MAIN = "__main__"
# What multiprocessing calls a script in a child: it is imported, so what it guards does not run.
CHILDS_MAIN = "__mp_main__"

importing = False  # in a child: a task's module is being imported, and nothing may start there


@dataclass(frozen=True, slots=True)
class Task:
    """What can be run: a name, a function, and the policy for its jobs.

    `step_aside` says what a running background job does while the person in front is active:
    `cooperate` (it waits in `ctx.checkpoint()`), `finish` (it goes on to its end), and in a process
    of its own `yield` (lowest scheduling class) or `freeze` (stopped, and continued after).
    `executor` is `thread` (a coroutine: the event loop), `process`, or `celery` (elsewhere).
    `concurrency` and `rate` hold for all workers together. Workers run it that have all the labels
    which it `requires`. `gates` may hold a job back just before it runs. `call` is what its runs
    call: the function, with what was put around it.
    """

    name: str
    function: Callable[..., Any]
    codec: Codec
    priority: TaskPriority = TaskPriority.NORMAL
    retries: int | None = 0
    timeout: Micros | None = HOUR
    queue: str = "default"
    policy: RetryPolicy = field(default=RetryPolicy())
    on_lost: str = "retry"
    step_aside: str = "cooperate"
    executor: str = "thread"
    concurrency: int | None = None
    rate: Rate | None = None
    requires: frozenset[str] = frozenset()
    gates: tuple[Gate, ...] = ()
    local: bool = False
    call: Callable[..., Any] | None = None
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))
        if self.executor != "thread":
            from offhours.engine.place import place_of  # costs nothing where nobody wants it

            place_of(self.function)

    @property
    def max_attempts(self) -> int | None:
        return None if self.retries is None else self.retries + 1

    @property
    def limit(self) -> Limit:
        """What the code says about how many may run."""
        count, per = self.rate or (None, None)
        return Limit(Scope.TASK, self.name, self.concurrency, count, per)


class Registry:
    """The tasks that this process knows; it runs those that require no label it has not."""

    def __init__(
        self, on_change: Callable[[], None] = lambda: None, labels: Collection[str] = ()
    ) -> None:
        self._on_change = on_change
        self.labels = frozenset(labels)
        self._tasks: dict[str, Task] = {}
        self._around: Around | None = None
        self._surroundings: Around | None = None
        self._lock = threading.Lock()
        self.version = 0

    def add(self, task: Task) -> None:
        """Register a task; the same function again replaces its policy."""
        with self._lock:
            known = self._tasks.get(task.name)
            if known is not None and not _same_place(known.function, task.function):
                raise TaskError(
                    f"task {task.name} is already another function; give one of them a name"
                )
            self._tasks[task.name] = self._wrapped(task)
            self.version += 1
        self._on_change()

    def intercept(self, around: Around) -> None:
        """Put something around the runs of all tasks, also of those to come."""
        with self._lock:
            before, self._around = self._around, around
            try:
                self._tasks = {name: self._wrapped(t) for name, t in self._tasks.items()}
            except BaseException:
                self._around = before
                raise
            self.version += 1

    def surround(self, surroundings: Around) -> None:
        """Put something around all that runs in this process, outside of what intercepts it.

        Runs in other processes have surroundings of their own.
        """
        with self._lock:
            self._surroundings = surroundings
            self._tasks = {name: self._wrapped(task) for name, task in self._tasks.items()}
            self.version += 1

    def _wrapped(self, task: Task) -> Task:
        task = self._intercepted(task)
        if self._surroundings is None or task.executor != "thread":
            return task
        around = self._surroundings(task.name, task.call or task.function)
        return replace(task, call=around)

    def _intercepted(self, task: Task) -> Task:
        if self._around is None:
            return task if task.call is None else replace(task, call=None)
        if task.executor != "thread":
            raise TaskError(
                f"app.intercept does not reach {task.name}, which runs in another process; "
                f"put the chain around its function there: @app.task over @chain.tool"
            )
        # A job of this process only has a name of its own, and is known by that of its function.
        name = task.name.split(":", 2)[-1] if task.local else task.name
        return replace(task, call=self._around(name, task.function))

    def remove(self, name: str) -> None:
        with self._lock:
            self._tasks.pop(name, None)
            self.version += 1

    def get(self, name: str) -> Task:
        try:
            return self._tasks[name]
        except KeyError:
            near = did_you_mean(name, self.names())
            raise TaskNotFound(f'no task "{name}" is registered{near}') from None

    def find(self, name: str) -> Task | None:
        return self._tasks.get(name)

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._tasks)

    def tasks(self) -> list[Task]:
        with self._lock:
            return list(self._tasks.values())

    def served(self) -> list[Task]:
        """The tasks that run here."""
        return [task for task in self.tasks() if task.requires <= self.labels]

    def limits(self) -> list[Limit]:
        """What the code says of each task that is in the store by its name."""
        return [task.limit for task in self.tasks() if not task.local]

    def served_names(self) -> list[str]:
        """Their names, in order."""
        return sorted(task.name for task in self.served())


def task_name(function: Callable[..., Any]) -> str:
    """`module:function`; a script's own functions carry its file's name, run or imported."""
    function = inspect.unwrap(function)
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not module or not name:
        raise TaskError(f"{function!r} has no module and name to be found by; wrap it in a def")
    if module in (MAIN, CHILDS_MAIN):
        file = getattr(sys.modules[MAIN], "__file__", None)
        module = Path(file).stem if file else module
    return f"{module}:{name}"


def is_durable(function: Callable[..., Any]) -> bool:
    """Whether its name leads back to it, in any process: not a lambda, closure or method."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    found: Any = module
    for part in getattr(function, "__qualname__", "<none>").split("."):
        found = getattr(found, part, None)
    # A decorated function is found as its handle.
    return found is not None and function in (found, getattr(found, "function", None))


def _same_place(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    one, other = inspect.unwrap(one), inspect.unwrap(other)
    if one is other:
        return True
    left, right = getattr(one, "__code__", None), getattr(other, "__code__", None)
    if left is None or right is None:
        return False
    return (left.co_filename, left.co_firstlineno) == (right.co_filename, right.co_firstlineno)
