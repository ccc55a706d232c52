"""Assertions about what was submitted and scheduled; when they fail they show what there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

from offhours.app import Offhours
from offhours.core.errors import OptionError
from offhours.core.model import Job, TaskPriority
from offhours.core.times import Moment, iso_second, parse_moment
from offhours.core.triggers import Every, Plan, Trigger
from offhours.engine.codec import dump
from offhours.engine.registry import task_name
from offhours.handles import JobHandle, TaskHandle
from offhours.schedules import ScheduleHandle, When

AnyTask: TypeAlias = TaskHandle[..., Any] | Callable[..., Any] | str

_SHOWN = 20
_PAGE = 500


def assert_submitted(
    task: AnyTask,
    *,
    times: int | None = None,
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
    priority: TaskPriority | None = None,
    name: str | None = None,
    tenant: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: Moment | None = None,
    app: Offhours | None = None,
) -> list[JobHandle[Any]]:
    """Jobs of a task were submitted like this, done or not; they are returned, oldest first.

    times: how often exactly; at least once without it
    metadata: what theirs contains; at: when they are to run at the earliest
    app: needed when the task is named, or is a plain function

    What schedules have made does not count, see `assert_scheduled`. Retries by hand do.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> mail = app.task(name="mail")(lambda to: None)
    >>> job = mail.options(queue="slow").submit("ann")
    >>> assert_submitted(mail, args=("ann",), queue="slow")
    [<job 1>]
    >>> assert_submitted(mail, args=("bob",))
    Traceback (most recent call last):
      ...
    AssertionError: mail args=('bob',) was not submitted; submitted were:
      job 1: mail("ann") queue=slow
    """
    app, wanted = _found(task, app)
    asked = _given(
        args=None if args is None else tuple(args), kwargs=kwargs, queue=queue, priority=priority,
        name=name, tenant=tenant, metadata=metadata, at=at,
    )  # fmt: skip
    jobs = list(_submitted(app))
    good = [job for job in jobs if job.task == wanted and _fits(app, job, asked)]
    if len(good) == times or (times is None and good):
        return [JobHandle(app, job.id) for job in good]
    told = " ".join([wanted, *(f"{key}={value!r}" for key, value in asked.items())])
    there = _list(map(_shown, jobs), "submitted")
    raise AssertionError(f"{told} {_problem(len(good), times)}; {there}")


def assert_not_submitted(task: AnyTask, **conditions: Any) -> None:
    """No job of a task was submitted like this; the conditions are those of `assert_submitted`."""
    assert_submitted(task, times=0, **conditions)


def assert_scheduled(
    task: AnyTask,
    when: When | None = None,
    *,
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timezone: str | None = None,
    name: str | None = None,
    app: Offhours | None = None,
) -> ScheduleHandle:
    """A task is scheduled like this; the (first) schedule that is.

    when: any way to say the same times; of intervals their length counts, not their anchor

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> report = app.task(name="report")(lambda: None)
    >>> _ = app.schedule(report, "every weekday at 9am")
    >>> assert_scheduled(report, "0 9 * * 1-5").name
    'report'
    """
    app, wanted = _found(task, app)
    call = None if args is None and kwargs is None else _call(tuple(args or ()), kwargs or {})
    schedules = list(app.schedules)
    for handle in schedules:
        record = handle.record
        if (
            record.task == wanted
            and (call is None or json.loads(record.args) == call)
            and (name is None or record.name == name)
            and (timezone is None or handle.plan.timezone == timezone)
            and (when is None or _same(app, handle.plan, when))
        ):
            return handle
    times = "" if when is None else f" {when!r}"
    there = (f"{h.record.task} {h.record.text!r} in {h.plan.timezone} ({h.name})"
             for h in schedules)  # fmt: skip
    raise AssertionError(f"{wanted}{times} is not scheduled like this; {_list(there, 'scheduled')}")


def _found(task: AnyTask, app: Offhours | None) -> tuple[Offhours, str]:
    """The app and the name of a task."""
    if isinstance(task, TaskHandle):
        return app or task.app, task.task.name
    if app is None:
        raise OptionError(f"app: {task!r} does not know its app; say app=")
    return app, task if isinstance(task, str) else task_name(task)


def _given(**conditions: Any) -> dict[str, Any]:
    return {key: value for key, value in conditions.items() if value is not None}


def _submitted(app: Offhours) -> Iterator[Job]:
    after = 0
    while page := app.store.jobs(after=after, newest_first=False, limit=_PAGE):
        yield from (job for job in page if job.schedule_id is None)
        after = page[-1].id


def _fits(app: Offhours, job: Job, asked: Mapping[str, Any]) -> bool:
    args, kwargs = json.loads(job.args)
    metadata = json.loads(job.metadata or "{}")
    for key, value in asked.items():
        match key:
            case "args":
                good = args == _plain(list(value))
            case "kwargs":
                good = kwargs == _plain(dict(value))
            case "metadata":
                good = _plain(dict(value)).items() <= metadata.items()
            case "at":
                good = job.run_at == parse_moment(value, "at", app.settings.timezone)
            case _:
                good = getattr(job, key) == value
        if not good:
            return False
    return True


def _call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    return [_plain(list(args)), _plain(dict(kwargs))]


def _plain(value: object) -> Any:
    """A value as the store has it."""
    return json.loads(dump(value, "expected", 2**31))


def _same(app: Offhours, plan: Plan, when: When) -> bool:
    wanted, _ = app.schedules.plan(when, plan.timezone)
    return wanted.to_dict() == plan.to_dict() or (
        [_unanchored(trigger) for trigger in wanted.triggers]
        == [_unanchored(trigger) for trigger in plan.triggers]
        and isinstance(plan.triggers[0], Every)
    )


def _unanchored(trigger: Trigger) -> object:
    return trigger.interval if isinstance(trigger, Every) else trigger


def _shown(job: Job) -> str:
    args, kwargs = json.loads(job.args)
    words = chain(
        (json.dumps(value) for value in args),
        (f"{key}={json.dumps(value)}" for key, value in kwargs.items()),
    )
    extras = {
        "queue": None if job.queue == "default" else job.queue,
        "name": job.name,
        "tenant": job.tenant,
        "at": iso_second(job.run_at) if job.run_at > job.created_at else None,
    }
    more = "".join(f" {key}={value}" for key, value in extras.items() if value is not None)
    return f"job {job.id}: {job.task}({', '.join(words)}){more}"


def _list(lines: Iterable[str], what: str) -> str:
    found = list(lines)
    if not found:
        return f"nothing was {what}"
    left = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "\n  ".join([f"{what} were:", *found[:_SHOWN], *left])


def _problem(found: int, times: int | None) -> str:
    if times is None:
        return "was not submitted"
    expected = f", expected {_times(times)}" if times else ""
    return f"was submitted {_times(found)}{expected}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
