"""The jobs of an APScheduler: of the live object, or what of a job store is not pickled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

from apscheduler.schedulers.base import STATE_STOPPED, BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

from offhours.core.errors import OffhoursError
from offhours.core.times import MINUTE, SECOND, Micros, iso_second, to_micros
from offhours.engine.registry import is_durable, task_name
from offhours.migrate.aps_triggers import plan_of
from offhours.migrate.database import Database
from offhours.migrate.foreign import Foreign, Refused, only_one, storable, unless_over
from offhours.schedules import ScheduleOptions

SOURCE = "APScheduler"
TABLE = "apscheduler_jobs"
_ON_TIME = 10.0  # seconds; a fire that is so late is not missed here
_LIVE = (
    "its job store has it as a pickle, which is not read: a pickle runs what it wants. Name the "
    "live scheduler instead: offhours migrate apscheduler FILE.py:scheduler, with "
    "scheduler.start(paused=True) in the file"
)


def scheduler_in(module: ModuleType, name: str | None) -> BaseScheduler:
    """The scheduler in a module; `ValueError` says what there is when there is not one."""
    found = only_one(module, BaseScheduler, "APScheduler scheduler", name)
    if found is None:
        raise ValueError("no APScheduler scheduler in it")
    return found


def read_scheduler(scheduler: BaseScheduler, now: Micros) -> list[Foreign]:
    """The jobs that a scheduler knows: all when it was started, else those that were added."""
    return [_job(job, scheduler, now) for job in scheduler.get_jobs()]


def only_pending(scheduler: BaseScheduler) -> bool:
    """Whether its job stores are closed, so that only what the file adds is seen."""
    return bool(scheduler.state == STATE_STOPPED)


def read_store(database: Database) -> list[Foreign]:
    """What a job store says in plain columns: numbers and next run times. All are refused."""
    found = []
    for row in database.rows(TABLE, ("id", "next_run_time")):
        at = row["next_run_time"]
        said = "paused" if at is None else f"next at {iso_second(round(at * SECOND))}"
        found.append(Foreign(SOURCE, str(row["id"]), "?", said, paused=at is None, refused=_LIVE))
    return found


def _job(job: Any, scheduler: BaseScheduler, now: Micros) -> Foreign:
    found = Foreign(
        SOURCE, str(job.id), job.func_ref or repr(job.func), str(job.trigger),
        paused=getattr(job, "next_run_time", job) is None,
    )  # fmt: skip
    try:
        if not is_durable(job.func):
            raise Refused(f"{job.func!r} is no function of a module; make it one")
        args, kwargs = storable(job.args, job.kwargs)
        plan, theirs = plan_of(job.trigger, now)
        every = _from_its_start(job.trigger, now) if only_pending(scheduler) else None
        options, notes = _options(job, scheduler)
    except Refused as refused:
        return replace(found, refused=refused.reason)
    except OffhoursError as error:
        return replace(found, refused=str(error))
    found = replace(
        found, task=task_name(job.func), args=args, kwargs=kwargs, plan=plan, every=every,
        options=options, notes=notes, theirs=theirs,
    )  # fmt: skip
    return unless_over(found, now)


def _from_its_start(trigger: Any, now: Micros) -> timedelta | None:
    """The length of an interval that has no start but that of this very process."""
    if not isinstance(trigger, IntervalTrigger):
        return None
    since = now + trigger.interval // timedelta(microseconds=1) - to_micros(trigger.start_date)
    return trigger.interval if abs(since) < MINUTE and trigger.end_date is None else None


def _options(job: Any, scheduler: BaseScheduler) -> tuple[ScheduleOptions, tuple[str, ...]]:
    """`coalesce`, `misfire_grace_time`, `max_instances` and jitter in our terms."""

    def said(name: str) -> Any:
        return getattr(job, name, scheduler._job_defaults.get(name))

    options: ScheduleOptions = {}
    notes = list(_missed(options, said("misfire_grace_time"), bool(said("coalesce"))))
    most = int(said("max_instances") or 1)
    if most > 1:
        options["overlap"] = "allow"
        notes.append(
            f"max_instances={most}: jobs may overlap; @app.task(concurrency={most}) on the task "
            "limits them, and what is over the limit waits instead of being skipped"
        )
    if jitter := getattr(job.trigger, "jitter", None):
        options["jitter"] = timedelta(seconds=jitter)
    if job.executor != "default":
        notes.append(f'executor {job.executor!r}: say it of the task, as @app.task(executor="...")')
    return options, tuple(notes)


def _missed(options: ScheduleOptions, grace: float | None, coalesce: bool) -> Iterator[str]:
    """What becomes of fires that were missed. The default here: the latest is made up for."""
    if grace is None:
        if not coalesce:
            options["catch_up"] = "all"
            yield "all missed fires are made up for, here the latest 100"
    elif grace <= _ON_TIME:
        options["catch_up"] = "skip"
        yield f"misfire_grace_time={grace:g}: here a fire that is up to 10 s late is on time"
    elif coalesce:
        options["expires"] = timedelta(seconds=grace)
        yield (
            f"misfire_grace_time={grace:g}: a job that cannot start that soon is not run, also "
            "when it waits in its queue"
        )
    else:
        options["catch_up"] = f"window:{grace:g}s"
