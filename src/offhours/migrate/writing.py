"""Schedules that were read elsewhere, written down for us: Python, commands, JSON; or stored."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import InputError, ScheduleNotFound
from offhours.core.model import TaskPriority
from offhours.core.phrases import describe, parse
from offhours.core.times import SECOND, Micros, iso, parse_duration, to_datetime
from offhours.core.triggers import Calendar, Cron, Every, Plan
from offhours.migrate.foreign import Foreign, told
from offhours.schedules import ScheduleOptions

_TOLD = 6


def when_text(foreign: Foreign, now: Micros) -> str | None:
    """Its times as a phrase or cron expression that `schedule add` reads back to the same."""
    plan = foreign.plan
    if plan is None:
        return None
    only = plan.triggers[0]
    bare = Plan((only,), plan.timezone) == plan
    text = only.expression if bare and isinstance(only, Cron) else describe(plan, plan.timezone)
    try:
        same = parse(text, to_datetime(now), plan.timezone) == plan
    except InputError:
        return None
    return text if same else None


def python_line(foreign: Foreign, now: Micros) -> str:
    """The call of `app.schedule` that makes it."""
    assert foreign.plan is not None
    text = when_text(foreign, now)
    when = repr(foreign.plan) if text is None else repr(text)
    if foreign.every is not None:
        when = f"timedelta(seconds={foreign.every.total_seconds():g})"
    words = [repr(foreign.task), when]
    if foreign.args:
        words.append(f"args={foreign.args!r}")
    if foreign.kwargs:
        words.append(f"kwargs={dict(foreign.kwargs)!r}")
    words += [f"{key}={_python(value)}" for key, value in _options(foreign).items()]
    line = f"app.schedule({', '.join(words)})"
    return f"{line}.pause({_REASON!r})" if foreign.paused else line


def python_imports(lines: Iterable[str]) -> list[str]:
    """What these lines need beside `app`."""
    text = "\n".join(lines)
    needed = {
        "timedelta(": "from datetime import timedelta",
        "TaskPriority.": "from offhours import TaskPriority",
        "Plan(": "from offhours.core.triggers import At, Calendar, Cron, Every, Plan",
    }
    return [line for word, line in needed.items() if word in text]


def command(foreign: Foreign, now: Micros) -> str | None:
    """The `offhours schedule add` that makes it; None when no phrase says its times."""
    text = when_text(foreign, now)
    if text is None:
        return None
    words = ["offhours", "schedule", "add", text, foreign.task]
    for value in foreign.args:
        words += ["--arg", json.dumps(value)]
    for key, value in foreign.kwargs.items():
        words += ["--kwarg", f"{key}={json.dumps(value)}"]
    for key, value in _options(foreign).items():
        words += [f"--{key.replace('_', '-')}", _word(value)]
    line = shlex.join(words)
    if foreign.paused:
        line += f" && {shlex.join(['offhours', 'schedule', 'pause', foreign.name])}"
    return line


def as_dict(foreign: Foreign, now: Micros) -> dict[str, Any]:
    """All about it, as plain JSON."""
    there, here = foreign.next_fires(now)
    brought = foreign.refused is None
    return {
        "source": foreign.source,
        "name": foreign.name,
        "task": foreign.task,
        "said": foreign.said,
        "refused": foreign.refused,
        "paused": foreign.paused,
        "arguments": [list(foreign.args), dict(foreign.kwargs)],
        "plan": None if foreign.plan is None else foreign.plan.to_dict(),
        "sentence": None if foreign.plan is None else describe(foreign.plan, foreign.plan.timezone),
        "options": {key: _word(value) for key, value in _options(foreign).items()},
        "fires": {"there": list(map(iso, there)), "here": list(map(iso, here))},
        "differences": differences(foreign, now),
        "notes": list(foreign.notes),
        "python": python_line(foreign, now) if brought else None,
        "command": command(foreign, now) if brought else None,
    }


def differences(foreign: Foreign, now: Micros) -> list[str]:
    """What fires differently, in sentences; the first few."""
    found = foreign.differences(now)
    lines = [told(each, foreign) for each in found[:_TOLD]]
    return [*lines, f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else lines


def apply(app: Offhours, foreign: Foreign) -> str:
    """Store it: `created`, `changed`, or `unchanged` when it was stored like this before."""
    assert foreign.plan is not None
    when, before = foreign.every or foreign.plan, None
    with suppress(ScheduleNotFound):
        known = app.schedules.get(foreign.name)
        before = known.record.revision
        if isinstance(when, Plan) and _unanchored(when) == _unanchored(known.plan):
            when = known.plan  # read again, an interval may count from another moment
    options = ScheduleOptions(**_options(foreign))  # type: ignore[typeddict-item]
    task = app.task_named(foreign.task)
    handle = app.schedules.add(task, when, foreign.args, foreign.kwargs, options, redeclare=True)
    if before is None:
        if foreign.paused:
            handle.pause(_REASON)
        return "created"
    return "unchanged" if handle.record.revision == before else "changed"


def _unanchored(plan: Plan) -> Plan:
    """The plan, all its intervals counted from one and the same moment."""
    moved = (
        replace(trigger, anchor=0) if isinstance(trigger, Every)
        else replace(trigger, anchor_date=date(1970, 1, 1)) if isinstance(trigger, Calendar)
        else trigger
        for trigger in plan.triggers
    )  # fmt: skip
    return replace(plan, triggers=tuple(moved))


_REASON = "it was paused where it came from"


def _options(foreign: Foreign) -> dict[str, Any]:
    zone = {} if foreign.plan is None else {"timezone": foreign.plan.timezone}
    return {"name": foreign.name, **zone, **foreign.options}


def _python(value: Any) -> str:
    if isinstance(value, TaskPriority):
        return f"TaskPriority.{value.name}"
    return repr(_span(value)) if isinstance(value, timedelta) else repr(value)


def _word(value: Any) -> str:
    """An option as the command line takes it."""
    if isinstance(value, TaskPriority):
        return value.name.lower()
    return _span(value) if isinstance(value, timedelta) else str(value)


def _span(length: timedelta) -> str:
    return f"{parse_duration(length) / SECOND:g}s"
