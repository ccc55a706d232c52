"""What a model of yours implements to be trained, judged and served."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, runtime_checkable

from offhours.core.errors import ConfigError

Predict = Callable[[Any], Any]
"""Inputs in, as many outputs out."""


@runtime_checkable
class Learner(Protocol):
    """Six methods, each of which may be a coroutine. None of them is trusted: what decides is
    measured from the bytes of `export`, on examples that the learner does not see.

    A cycle that was killed goes on with the step that it was in; `collect` may then be asked again.
    """

    def collect(self, tenant_id: str, limit: int) -> Any:
        """The data to train on, at most `limit` pieces; `len()` of it is how many."""
        ...

    def quality(self, data: Any) -> Any:
        """How good the data is, from 0 to 1."""
        ...

    def train(self, data: Any, previous: Predict | None, seed: int) -> Any:
        """A model. `previous` is what serves now, as `load` gives it; the same seed, the same
        model."""
        ...

    def validate(self, predict: Predict, data: Any) -> Any:
        """Metrics of your own by name, or one score: they are kept, and decide nothing."""
        ...

    def export(self, model: Any) -> Any:
        """The model as bytes that hold data only."""
        ...

    def load(self, artefact: bytes) -> Any:
        """From such bytes, a function that takes inputs and gives as many outputs."""
        ...


METHODS = ("collect", "quality", "train", "validate", "export", "load")


def check_learner(learner: object) -> None:
    """Refuse what is no learner, with all that is missing."""
    missing = [name for name in METHODS if not callable(getattr(learner, name, None))]
    if missing:
        raise ConfigError(
            [f"learner: {type(learner).__name__} has no {name}()" for name in missing]
        )


class Caller:
    """Calls methods that may be coroutines, all of them on one event loop.

    >>> async def two() -> int:
    ...     return 2
    >>> with Caller() as caller:
    ...     caller(two), caller(len, "three")
    (2, 5)
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not inspect.isawaitable(result):
            return result
        return self._run(_awaited(result))

    def _run(self, coroutine: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self._runner is None:
                self._runner = asyncio.Runner()
            return self._runner.run(coroutine)
        return _in_a_thread(coroutine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner is not None:
            self._runner.close()


async def _awaited(result: Any) -> Any:
    return await result


def _in_a_thread(coroutine: Any) -> Any:
    """A loop runs in this thread already (jobs that run in line): use another one."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, asyncio.run(coroutine)))
        except BaseException as error:
            outcome.extend((False, error))

    thread = threading.Thread(target=run, name="offhours-learner")
    thread.start()
    thread.join()
    good, value = outcome
    if not good:
        raise value
    return value


def metrics_of(told: object) -> dict[str, float]:
    """What a learner says of its model, as numbers by name; what is no number is left out.

    >>> metrics_of(0.9), metrics_of({"f1": 0.8, "note": "fine"})
    ({'score': 0.9}, {'f1': 0.8})
    """
    items: list[tuple[Any, Any]]
    items = list(told.items()) if isinstance(told, Mapping) else [("score", told)]
    found: dict[str, float] = {}
    for name, value in items:
        try:
            found[str(name)] = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
    return found
