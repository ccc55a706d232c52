"""Jobs that are to be stored together: each is checked before any is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from offhours.core.errors import BatchError, InputError, NotFound, OptionError
from offhours.core.model import NewJob
from offhours.handles import SubmitOptions

if TYPE_CHECKING:
    from offhours.app import Offhours

MOST = 10_000
_NOT_HERE = ("after", "connection", "durable", "on_conflict", "idempotency_key")
_CALL = ("task", "args", "kwargs")


def read_batch(app: Offhours, items: Iterable[Mapping[str, Any]], *, by_name: bool) -> list[NewJob]:
    """The jobs; `BatchError` tells what is wrong with each that cannot be stored."""
    jobs: list[NewJob] = []
    faults: dict[str, str] = {}
    keys: dict[str, int] = {}
    for place, item in enumerate(items):
        if place >= MOST:
            raise BatchError({"": f"at most {MOST:,} jobs at once; store the others after them"})
        try:
            job = _job(app, item, by_name)
            if job.unique_key is not None and keys.setdefault(job.unique_key, place) != place:
                first = keys[job.unique_key]
                raise OptionError(f"unique: {job.unique_key!r} is that of {first} already")
            jobs.append(job)
        except (InputError, NotFound) as error:
            faults[str(place)] = str(error)
    if faults:
        raise BatchError(faults)
    return jobs


def _job(app: Offhours, item: object, by_name: bool) -> NewJob:
    if not isinstance(item, Mapping) or "task" not in item:
        raise OptionError('expected {"task": ..., "args": [...], ...}')
    for option in _NOT_HERE:
        if option in item:
            raise OptionError(f"{option}: not for a job of a batch")
    args, kwargs = item.get("args") or (), item.get("kwargs") or {}
    if isinstance(args, str | bytes) or not isinstance(args, Iterable):
        raise OptionError(f"args: expected a list, got {type(args).__name__}")
    if not isinstance(kwargs, Mapping):
        raise OptionError(f"kwargs: expected a mapping, got {type(kwargs).__name__}")
    options = {key: value for key, value in item.items() if key not in _CALL}
    task = item["task"]
    if by_name and isinstance(task, str):
        task = app.task_named(task)
    return app.new_job(task, tuple(args), kwargs, cast(SubmitOptions, options))
