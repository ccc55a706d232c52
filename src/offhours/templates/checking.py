"""Whether a template can be kept: all that is wrong with it is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from offhours.core.errors import InputError, TemplateError, did_you_mean
from offhours.core.model import TaskPriority
from offhours.core.payload import TAG
from offhours.core.templates import LONGEST_NAME, parse_parameters, placeholders
from offhours.engine.codec import dump
from offhours.engine.registry import Task
from offhours.handles import SubmitOptions
from offhours.options import word
from offhours.templates.template import ORIGIN, Template

if TYPE_CHECKING:
    from offhours.app import Offhours

# One job's own: it waits for another, is in a transaction, or lives in this process only.
_OWN = ("after", "connection", "durable")
OPTIONS = tuple(name for name in SubmitOptions.__annotations__ if name not in _OWN)
_OF_SCHEDULE = (
    "when", "name", "timezone", "catch_up", "overlap", "jitter", "blackout", "expires", "max_runs",
    "disable_after",
)  # fmt: skip
_PAIRED = ("on_conflict", "unique")


def checked(app: Offhours, given: Mapping[str, Any]) -> Template:
    """The template that these parts make; `TemplateError` names every fault by its part."""
    faults: dict[str, str] = {}
    name = _name(given.get("name"), faults)
    task = _task(app, given.get("task"), faults)
    description = given.get("description")
    if description is not None and (not isinstance(description, str) or len(description) > 10_000):
        faults["description"] = "expected text of at most 10,000 characters"
    parts = {
        "args": _part(given.get("args") or [], list | tuple, "args", faults),
        "kwargs": _part(given.get("kwargs") or {}, Mapping, "kwargs", faults),
        "options": _part(given.get("options") or {}, Mapping, "options", faults),
        "schedule": _part(given.get("schedule") or {}, Mapping, "schedule", faults),
    }
    wanted = _part(given.get("parameters") or {}, Mapping, "parameters", faults)
    parameters = parse_parameters(wanted, faults)
    _check_names(parts["options"], OPTIONS, "options", faults)
    _check_names(parts["schedule"], _OF_SCHEDULE, "schedule", faults)
    for part, value in parts.items():
        _check_placeholders(value, wanted, part, faults)
    template = Template(
        name=name, task=task.name, parameters=parameters, description=description, **parts
    )
    _check_storable(app, template, faults)
    if not faults:
        _check_options(app, task, template, faults)
        _check_call(app, task, template, faults)
    if faults:
        raise TemplateError(faults)
    return template


def _name(given: object, faults: dict[str, str]) -> str:
    try:
        name = word(given, "name") or ""
    except InputError as error:
        faults["name"] = str(error).removeprefix("name: ")
        return "?"
    if not name.strip() or len(name) > LONGEST_NAME or any(mark in name for mark in "@/"):
        faults["name"] = f"expected 1 to {LONGEST_NAME} characters without @ and /"
    return name


def _task(app: Offhours, given: object, faults: dict[str, str]) -> Task:
    known = getattr(given, "task", None)  # that of a handle
    if isinstance(known, Task):
        return known
    try:
        if not isinstance(given, str) or not given:
            raise InputError(f"expected a task or its name, got {given!r}")
        return app.task_named(given)
    except InputError as error:
        faults["task"] = str(error).removeprefix("task: ")
        return app.task_named("unknown")


def _part(value: Any, kind: Any, part: str, faults: dict[str, str]) -> Any:
    if isinstance(value, kind):
        return list(value) if isinstance(value, list | tuple) else dict(value)
    faults[part] = f"expected a {'list' if part == 'args' else 'mapping'}, got {value!r:.80}"
    return [] if part == "args" else {}


def _check_names(
    given: Mapping[str, Any], known: tuple[str, ...], part: str, faults: dict[str, str]
) -> None:
    for key in given:
        if key not in known:
            near = did_you_mean(str(key), known)
            faults[f"{part}/{key!s:.64}"] = f"unknown{near}"


def _check_placeholders(
    value: Any, wanted: Mapping[str, Any], part: str, faults: dict[str, str]
) -> None:
    try:
        unknown = [
            f"{{{name}}} is no parameter of it{did_you_mean(name, list(wanted))}"
            for name in sorted(placeholders(value) - wanted.keys())
        ]
        if unknown:
            faults[part] = "; ".join(unknown)
    except InputError as error:
        faults[part] = str(error)


def _check_storable(app: Offhours, template: Template, faults: dict[str, str]) -> None:
    for part, value in template.body.items():
        try:
            text = dump(value, part, app.settings.max_payload)
        except InputError as error:
            faults.setdefault(part, str(error))
            continue
        if f'"{TAG}":"object"' in text:
            faults[part] = "has an object of a class of yours; give plain values"


def _check_options(app: Offhours, task: Task, template: Template, faults: dict[str, str]) -> None:
    """What has no placeholder must be as a submit would take it."""
    if ORIGIN in (template.options.get("metadata") or {}):
        faults["options/metadata"] = f"the key {ORIGIN!r} says which template made a job"
    fixed = {key: value for key, value in template.options.items() if not placeholders(value)}
    for key, value in fixed.items():
        together = {k: v for k, v in fixed.items() if k in _PAIRED} if key in _PAIRED else {}
        try:
            app.check_options(task, cast(SubmitOptions, {**together, key: value}))
        except InputError as error:
            faults[f"options/{key}"] = str(error).removeprefix(f"{key}: ")
    when = template.schedule.get("when")
    if template.schedule and not isinstance(when, str):
        faults["schedule/when"] = f"expected English or a cron expression, got {when!r}"
    elif when and not placeholders(template.schedule):
        try:
            app.schedules.preview(when, timezone=template.schedule.get("timezone"))
        except InputError as error:
            faults["schedule/when"] = str(error)


def _check_call(app: Offhours, task: Task, template: Template, faults: dict[str, str]) -> None:
    """The call must fit the task, if it is known here."""
    try:
        task.codec.encode(tuple(template.args), template.kwargs, app.settings.max_payload)
    except InputError as error:
        faults.setdefault("args", str(error))


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a template keeps them: a priority by its name."""
    found = dict(options)
    priority = found.get("priority")
    if isinstance(priority, int):
        found["priority"] = TaskPriority.parse(priority).name.lower()
    return found
