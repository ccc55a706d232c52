"""Celery's beat schedule: of an application, or of a module that configures one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import maybe_schedule, schedule

from offhours.core.errors import OffhoursError
from offhours.core.model import TaskPriority
from offhours.core.times import Micros, parse_moment
from offhours.migrate.beat_times import bounded, times_of
from offhours.migrate.foreign import Foreign, Refused, only_one, storable, unless_over
from offhours.schedules import ScheduleOptions

SOURCE = "Celery"
_CLEANUP = "celery.backend_cleanup"
_CONFIGURES = ("beat_schedule", "CELERY_BEAT_SCHEDULE")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a beat schedule, from wherever it was read. Moments in microseconds."""

    name: str
    task: str
    schedule: Any
    args: Any = ()
    kwargs: Any = None
    options: Mapping[str, Any] | None = None
    start: Micros | None = None
    end: Micros | None = None
    max_runs: int | None = None
    paused: bool = False


def celery_in(module: ModuleType, name: str | None) -> Celery:
    """The Celery application in a module, or one that the module configures.

    `ValueError` says what there is when there is none, or more than one.
    """
    made = only_one(module, Celery, "Celery application", name)
    if made is not None:
        return made
    said = next((key for key in _CONFIGURES if key in vars(module)), None)
    if said is None:
        raise ValueError("no Celery application and no beat_schedule in it")
    made = Celery("beat", set_as_current=False)
    made.config_from_object(module, namespace=None if said.islower() else "CELERY")
    return made


def read_celery(app: Celery, now: Micros) -> list[Foreign]:
    """What beat would fire for an application, with what its modules add when they are imported."""
    app.finalize()
    app.loader.import_default_modules()
    entries = [_entry(name, given) for name, given in app.conf.beat_schedule.items()]
    return [brought(entry, app, now) for entry in entries if entry.task != _CLEANUP]


def brought(entry: Entry, app: Celery, now: Micros) -> Foreign:
    """An entry as a schedule of ours, or as one that is refused."""
    times = maybe_schedule(entry.schedule, app=app)
    found = Foreign(
        SOURCE, entry.name, entry.task, said=str(times).strip("<>"), paused=entry.paused
    )
    try:
        args, kwargs = _arguments(entry)
        options, end, notes = _options(entry, app, times)
        plan, every, theirs = times_of(times, app, now)
        end = min((at for at in (entry.end, end) if at is not None), default=None)
        if entry.start is not None or end is not None:
            plan, every = replace(plan, start=entry.start, end=end), None
            theirs = bounded(theirs, entry.start, end)
    except Refused as refused:
        return replace(found, refused=refused.reason)
    except OffhoursError as error:
        return replace(found, refused=str(error))
    found = replace(
        found, args=args, kwargs=kwargs, plan=plan, every=every,
        options=options, notes=notes, theirs=theirs,
    )  # fmt: skip
    return unless_over(found, now)


def _entry(name: str, given: Mapping[str, Any]) -> Entry:
    times = maybe_schedule(given["schedule"], bool(given.get("relative", False)))
    args, kwargs = given.get("args"), given.get("kwargs")
    return Entry(name, given["task"], times, args, kwargs, given.get("options"))


def _arguments(entry: Entry) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, if they can be stored."""
    for value in (*(entry.args or ()), *(entry.kwargs or {}).values()):
        if isinstance(value, BeatLazyFunc):
            raise Refused(
                "an argument is computed at each fire (BeatLazyFunc); compute it in the task: "
                "offhours.context().fire_at is the instant for which it runs"
            )
    return storable(entry.args, entry.kwargs)


def _options(
    entry: Entry, app: Celery, times: Any
) -> tuple[ScheduleOptions, Micros | None, tuple[str, ...]]:
    """Celery's options as ours, when it ends because of them, and what is left out."""
    given = dict(entry.options or {})
    options: ScheduleOptions = {}
    notes: list[str] = []
    end = None
    if queue := given.pop("queue", None) or _routed(entry, app):
        options["queue"] = str(getattr(queue, "name", queue))
    if (number := given.pop("priority", None)) is not None:
        options["priority"] = level = _priority(int(number), app)
        notes.append(f"Celery's priority {number} is {level.name} here")
    expires = given.pop("expires", None)
    if isinstance(expires, datetime):
        end = parse_moment(expires, "expires", app.timezone)
    elif expires is not None:
        is_length = isinstance(expires, timedelta)
        options["expires"] = expires if is_length else timedelta(seconds=float(expires))
    if entry.max_runs is not None:
        options["max_runs"] = entry.max_runs
    notes += [f"the option {name} is left out" for name in sorted(given)]
    return options, end, (*notes, *_interval_notes(times))


def _routed(entry: Entry, app: Celery) -> Any:
    """The queue to which Celery's routes send the task, unless that is the default one."""
    if not app.conf.task_routes:
        return None
    route = app.amqp.router.route({}, entry.task, (), {})
    queue = getattr(route.get("queue"), "name", route.get("queue"))
    return None if queue == app.conf.task_default_queue else queue


def _priority(number: int, app: Celery) -> TaskPriority:
    """Redis takes small numbers first, RabbitMQ large ones; to both 0 is what is not said."""
    if number == 0:
        return TaskPriority.NORMAL
    if str(app.conf.broker_url or "").startswith(("redis", "rediss", "sentinel", "valkey")):
        return TaskPriority.LOW if number < 6 else TaskPriority.BACKGROUND
    return TaskPriority.HIGH if number < 9 else TaskPriority.CRITICAL


def _interval_notes(times: Any) -> Iterator[str]:
    if type(times) is schedule and not times.relative:
        yield (
            "it counts from when it is stored and keeps to that; beat counts from the last run, "
            "and so drifts"
        )
