"""What can be said of a schedule, checked and encoded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypedDict, cast

from offhours.core.errors import OptionError, ScheduleError, did_you_mean
from offhours.core.fire_rules import Blackout, CatchUp, Overlap
from offhours.core.firing import plan_of
from offhours.core.model import TaskPriority
from offhours.core.schedules import NewSchedule, Schedule
from offhours.core.times import (
    DAY,
    SECOND,
    Duration,
    Micros,
    iso_second,
    parse_duration,
    parse_moment,
    spoken,
    to_datetime,
)
from offhours.core.triggers import At, Calendar, Cron, Every, Plan, Trigger
from offhours.core.triggers.zones import load_zone
from offhours.handles import SubmitOptions
from offhours.options import new_job

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.engine.registry import Task

When = str | Plan | Trigger | timedelta | datetime

_JOB_OPTIONS = ("priority", "queue", "retries", "timeout", "metadata", "on_lost")
_LONGEST_NAME = 200
_MOST_BLACKOUTS = 400
_SHORTEST: Micros = SECOND // 10
_LONGEST_LIFE: Micros = 36_525 * DAY


class ScheduleOptions(TypedDict, total=False):
    """How a schedule fires, and what its jobs are like.

    name: what it is called; a second `schedule` of the same name changes the first. Without one it
        is called by its task and arguments
    timezone: an IANA name (the app's, or UTC)
    catch_up: the fires missed while no worker was there: "skip", "once" (the latest only: the
        default), "all" (the latest 100), "all:20", or "window:2h" (those of the last two hours)
    overlap: while an earlier job is not finished: "skip" (the default), "queue_one", "queue_all",
        "cancel_old" or "allow"
    jitter: fire up to so much later, each time by another share
    blackout: times in which fires are skipped: "22:00-06:00", "2026-12-24..2026-12-26"
    expires: a job that cannot start so soon after its fire is not run
    max_runs: the fires that make a job, in all; the schedule has then ended
    disable_after: jobs that fail in a row before it is disabled (5); None for never
    priority, queue, retries, timeout, metadata, on_lost: of its jobs, as for `submit`
    """

    name: str | None
    timezone: str | tzinfo | None
    catch_up: str | int | timedelta
    overlap: str
    jitter: Duration
    blackout: str | Sequence[str]
    expires: Duration | None
    max_runs: int | None
    disable_after: int | None
    priority: TaskPriority | int | str
    queue: str
    retries: int
    timeout: Duration | None
    metadata: Mapping[str, Any] | None
    on_lost: str


OPTION_NAMES = tuple(ScheduleOptions.__annotations__)
_FIELD = {"retries": "max_attempts", "blackout": "blackouts"}
_JOB_FIELDS = tuple(_FIELD.get(option, option) for option in _JOB_OPTIONS)


class Writer:
    """Turns what was said into what is stored."""

    def __init__(self, app: Offhours) -> None:
        self._app = app

    def new(
        self,
        task: Task,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: ScheduleOptions,
    ) -> NewSchedule:
        """A schedule of which only the plan is missing."""
        arguments = task.codec.encode(args, kwargs, self._app.settings.max_payload)
        pattern = self._pattern(task, options)._replace(args=arguments)
        return pattern._replace(name=_name(options.get("name"), task.name, arguments))

    def merged(self, old: Schedule, when: When | None, options: Mapping[str, Any]) -> NewSchedule:
        """The schedule as it is, with what is given changed."""
        given = cast(ScheduleOptions, {k: v for k, v in options.items() if k in OPTION_NAMES})
        task = self._app.task_named(old.task)
        fresh = self._pattern(task, given)
        fields = {_FIELD.get(option, option) for option in given} - {"name", "timezone"}
        new = NewSchedule(**{field: getattr(old, field) for field in NewSchedule._fields})
        new = new._replace(**{field: getattr(fresh, field) for field in fields})
        if "args" in options or "kwargs" in options:
            call = call_of(options.get("args"), options.get("kwargs"))
            arguments = task.codec.encode(*call, self._app.settings.max_payload)
            new = new._replace(args=arguments)
        if given.get("name") is not None:
            new = new._replace(name=_name(given["name"], "", ""))
        zone = given.get("timezone")
        if when is not None:
            name = self.zone(plan_of(old.plan).timezone if zone is None else zone)
            plan, text = self.plan(when, name, self._app.clock.micros())
            return new._replace(plan=json.dumps(plan.to_dict()), text=text)
        if zone is not None:
            from offhours.core.phrases import describe

            plan = replace(plan_of(old.plan), timezone=self.zone(zone))
            text = describe(plan, plan.timezone)  # the old one may name the old zone
            return new._replace(plan=json.dumps(plan.to_dict()), text=text)
        return new

    def _pattern(self, task: Task, options: ScheduleOptions) -> NewSchedule:
        check_known(options)
        if task.local:
            raise ScheduleError(f"{task.name} lives in this process only", "task")
        get = cast(dict[str, Any], options).get
        wanted = cast(SubmitOptions, {k: v for k, v in options.items() if k in _JOB_OPTIONS})
        job = new_job(task, wanted, self._app.clock.micros(), self._app.settings)
        expires = get("expires")
        return NewSchedule(
            name="",
            task=task.name,
            args="",
            **{field: getattr(job, field) for field in _JOB_FIELDS},
            plan="",
            text="",
            catch_up=str(CatchUp.parse(get("catch_up", "once"))),
            overlap=Overlap.parse(get("overlap", Overlap.SKIP)),
            jitter=parse_duration(get("jitter") or 0, "jitter"),
            blackouts=_blackouts(get("blackout")),
            expires=None if expires is None else _lifetime(expires),
            max_runs=_count(get("max_runs"), "max_runs"),
            disable_after=_count(get("disable_after", 5), "disable_after"),
        )

    def zone(self, zone: str | tzinfo | None) -> str:
        """The IANA name of what was given, or of the app's own timezone."""
        zone = self._app.settings.timezone if zone is None else zone
        if zone is None:
            return "UTC"
        name = zone if isinstance(zone, str) else getattr(zone, "key", None)
        if name is None and zone is UTC:
            name = "UTC"
        if name is None:
            raise ScheduleError(
                f"timezone: {zone} has no IANA name; give one like Europe/Berlin", "timezone"
            )
        return load_zone(name).key

    def plan(self, when: When, timezone: str, now: Micros) -> tuple[Plan, str]:
        """A plan and the text that stands for it."""
        match when:
            case str():
                from offhours.core.phrases import parse

                return parse(when, to_datetime(now), timezone), when.strip()
            case Plan():
                plan = when
            case timedelta():
                plan = Plan((Every(parse_duration(when, "when"), now),), timezone)
            case datetime():
                moment = parse_moment(when, "when", self._app.settings.timezone)
                if moment <= now:
                    raise ScheduleError(f"when: {iso_second(moment)} has passed", "when")
                plan = Plan((At(moment),), timezone)
            case Cron() | Every() | Calendar() | At():
                plan = Plan((when,), timezone)
            case _:
                raise ScheduleError(
                    "when: expected a phrase, a cron expression, a timedelta, a datetime, a "
                    f"trigger or a Plan, got {type(when).__name__}",
                    "when",
                )
        from offhours.core.phrases import describe

        return plan, describe(plan, plan.timezone)


def call_of(args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, if they are a sequence and a mapping."""
    if isinstance(args, str | bytes) or not isinstance(args or (), Iterable):
        raise OptionError(f"args: expected a tuple or list, got {type(args).__name__}")
    if not isinstance(kwargs or {}, Mapping):
        raise OptionError(f"kwargs: expected a mapping, got {type(kwargs).__name__}")
    return tuple(args or ()), dict(kwargs or {})


def check_known(options: Iterable[str], *others: str) -> None:
    """Refuse options that there are not."""
    known = (*OPTION_NAMES, *others)
    for key in options:
        if key not in known:
            raise OptionError(f"{key}: unknown option{did_you_mean(key, known)}")


def check_density(plan: Plan, jitter: Micros, now: Micros) -> None:
    """Refuse fires that no store could keep up with, and a jitter in which they overtake."""
    if any(isinstance(each, Every) and each.interval < _SHORTEST for each in plan.triggers):
        raise ScheduleError(f"when: expected at least {spoken(_SHORTEST)} between fires", "when")
    gap = plan.shortest_gap(now) if jitter else None
    if gap is not None and gap < jitter:
        raise ScheduleError(
            f"jitter: {spoken(jitter)} is longer than the {spoken(gap)} between two fires", "jitter"
        )


def said(new: NewSchedule, when: When, timezone: str) -> str:
    """A digest of what the program said, to tell whether it says the same at its next start."""
    words = when if isinstance(when, str) else repr(when)
    text = json.dumps([words, timezone, *new])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def with_old_plan(new: NewSchedule, old: Schedule) -> NewSchedule:
    """An interval keeps its anchor when its words are the same as before."""
    same = new.text == old.text and plan_of(new.plan).timezone == plan_of(old.plan).timezone
    return new._replace(plan=old.plan) if same else new


def _name(given: object, task: str, args: str) -> str:
    if given is None:
        name = task if args == "[[],{}]" else f"{task}{args}"
        if len(name) > _LONGEST_NAME:
            digest = blake2b(name.encode(), digest_size=8).hexdigest()
            name = f"{task[: _LONGEST_NAME - 17]} {digest}"
        return name
    if not isinstance(given, str) or not 0 < len(given.strip()) <= _LONGEST_NAME:
        raise OptionError(f"name: expected text of 1 to {_LONGEST_NAME} characters")
    if not given.isprintable():
        raise OptionError("name: contains a control character")
    return given.strip()


def _blackouts(value: Any) -> str | None:
    if value is None:
        return None
    items = list(value) if isinstance(value, list | tuple) else [value]
    if len(items) > _MOST_BLACKOUTS:
        raise ScheduleError(f"blackout: at most {_MOST_BLACKOUTS}, got {len(items):,}", "blackout")
    return json.dumps([Blackout.parse(item).text for item in items]) if items else None


def _lifetime(value: Duration) -> Micros:
    length = parse_duration(value, "expires")
    if not 0 < length <= _LONGEST_LIFE:
        raise OptionError(f"expires: expected more than 0 and at most 100 years, got {value!r}")
    return length


def _count(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise OptionError(f"{name}: expected a whole number from 1 on, or None, got {value!r}")
    return value
