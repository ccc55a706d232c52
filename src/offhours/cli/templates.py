"""`template`: jobs written down beforehand, filled and submitted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any, TypeVar

import click

from offhours.cli.calls import app_of, call_options, file_options, parse_value
from offhours.cli.schedules.views import tell_schedule
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.text import printable, to_json
from offhours.core.errors import TemplateError
from offhours.core.templates import Kind, Parameter
from offhours.handles import job_dict
from offhours.templates import Template
from offhours.views import filled_dict, template_dict

C = TypeVar("C", bound=Callable[..., Any])

HEADERS = ("NAME", "VERSION", "TASK", "PARAMETERS", "DESCRIPTION")
_PARTS = ("args", "kwargs", "parameters", "options", "schedule", "description")


@click.group()
@common
def template() -> None:
    """Jobs written down beforehand, with parameters.

    A name may have a version: `report@2`; without one, the newest is meant.
    """


# -- asking -------------------------------------------------------------------------------------


@template.command("ls")
@click.option("--task", help="Those of this task only.")
@click.option("--after", default="", metavar="NAME", help="Go on after this one.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@json_option
@common
def list_templates(task: str | None, after: str, limit: int) -> None:
    """List templates by name.

    \b
    With --json: {"templates": [{"name", "version", "task", "description", "args", "kwargs",
    "parameters", "options", "schedule", "created_at", "created_by"}...]}
    """
    state = session()
    with state.open() as app:
        found, name = app.templates.list(task=task, after=after, limit=limit), app.store.name
    if state.json:
        state.emit({"templates": [template_dict(each) for each in found]})
    elif found:
        rows = [
            (t.name, str(t.version), t.task, ", ".join(map(_wanted, t.parameters.items())),
             t.description or "")
            for t in found
        ]  # fmt: skip
        state.table(HEADERS, rows)
    else:
        state.note(f"no templates in {name}; keep one: offhours template create NAME TASK")


def _wanted(entry: tuple[str, Parameter]) -> str:
    name, parameter = entry
    return name if parameter.required else f"[{name}]"


@template.command()
@click.argument("name")
@click.option("--versions", is_flag=True, help="All its versions, the newest first.")
@json_option
@common
def show(name: str, versions: bool) -> None:
    """All about a template.

    With --json: the template as `ls` has it, with --versions {"templates": [...]}
    """
    state = session()
    with state.open() as app:
        found = app.templates.versions(name) if versions else [app.templates.get(name)]
    if state.json:
        told = [template_dict(each) for each in found]
        state.emit({"templates": told} if versions else told[0])
        return
    for each in found:
        _show(each)


def _show(each: Template) -> None:
    told = template_dict(each)
    click.secho(f"{printable(each.name)}@{each.version}, {printable(each.task)}", bold=True)
    click.echo(f"  {'kept':<11}  {told['created_at'][:19]}Z by {printable(each.created_by)}")
    if each.description:
        click.echo(f"  {'description':<11}  {printable(each.description)}")
    for part in ("args", "kwargs", "options", "schedule"):
        if told[part]:
            click.echo(f"  {part:<11}  {printable(to_json(told[part]))}")
    for name, parameter in each.parameters.items():
        default = "" if parameter.required else f", else {printable(parameter.default)}"
        about = f": {printable(parameter.description)}" if parameter.description else ""
        click.echo(f"  {{{name}}}  {printable(parameter.wants)}{default}{about}")


# -- keeping ------------------------------------------------------------------------------------


def _parts_options(function: C) -> C:
    """What a template is made of."""
    for option in reversed(
        (
            click.option(
                "--param", "parameters", multiple=True, callback=_declared, metavar="NAME=TYPE",
                help="A parameter: str, int, float, bool, date or a|b|c; `int:3` has a default. "
                "Repeatable.",
            ),
            click.option(
                "--option", "options", multiple=True, callback=_pairs, metavar="KEY=VALUE",
                help="An option of its jobs: priority=high, retries=3, name='for {day}'. "
                "Repeatable.",
            ),
            click.option("--tag", "tags", multiple=True, help="A tag of its jobs. Repeatable."),
            click.option("--when", help="When a schedule of it fires, if nothing else is said."),
            click.option("--timezone", metavar="ZONE", help="Of that schedule."),
            click.option("--description", help="What it is for."),
            click.option(
                "--parts", "file_of_parts", type=click.File(encoding="utf-8"), metavar="FILE.json",
                help='More of it: {"args", "kwargs", "parameters", "options", "schedule", '
                '"description"}.',
            ),
        )
    ):  # fmt: skip
        function = option(function)
    return call_options(function)


def _pairs(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    return {key: parse_value(value) for key, value in _split(texts).items()}


def _split(texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"expected NAME=VALUE, got {text!r}")
        if key in found:
            raise click.BadParameter(f"{key} is given twice")
        found[key] = value
    return found


def _declared(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    return {name: declared(text) for name, text in _split(texts).items()}


def declared(text: str) -> dict[str, Any]:
    """A parameter as it is said on a line.

    >>> declared("int:3"), declared("sales|legal")
    ({'type': 'int', 'default': 3}, {'type': 'choice', 'choices': ['sales', 'legal']})
    """
    kind, colon, default = text.partition(":")
    choices = kind.split("|") if "|" in kind else []
    told: dict[str, Any] = {"type": "choice", "choices": choices} if choices else {"type": kind}
    if colon:
        known = kind in list(Kind) and kind != Kind.CHOICE
        told["default"] = Parameter(Kind(kind)).read(default) if known else default
    return told


def _given(file_of_parts: IO[str] | None, **said: Any) -> dict[str, Any]:
    """The parts that were given, those on the line before those of a file."""
    parts: dict[str, Any] = {}
    if file_of_parts is not None:
        try:
            parts = json.load(file_of_parts)
        except ValueError as error:
            raise TemplateError({"parts": f"is not JSON: {error}"}) from None
        if not isinstance(parts, dict) or (unknown := sorted(set(parts) - set(_PARTS))):
            what = f"{unknown[0]} is unknown; " if isinstance(parts, dict) else ""
            raise TemplateError({"parts": f"{what}expected a mapping of {', '.join(_PARTS)}"})
    schedule = {key: said.pop(key) for key in ("when", "timezone")}
    tags = said.pop("tags")
    said["options"] = {**said["options"], **({"tags": list(tags)} if tags else {})}
    said["schedule"] = {key: value for key, value in schedule.items() if value is not None}
    for part, value in said.items():
        if isinstance(value, dict) and value:
            parts[part] = {**parts.get(part, {}), **value}
        elif value:
            parts[part] = value
    return parts


@template.command()
@click.argument("name")
@click.argument("task")
@_parts_options
@file_options
@json_option
@common
def create(name: str, task: str, file: str | None, app_name: str | None, **said: Any) -> None:
    """Keep a template for TASK (`module:function`, as registered). All faults are told at once.

    With --json: the template, as `show` has it.

    \b
    Example:
      offhours template create report shop:report --arg '{team}/{day}' --param day=date \\
          --param 'team=sales|legal:sales' --option 'name=report of {day}' --tag weekly
    """
    state, parts = session(), _given(**said)
    options = parts.pop("options", {})
    with app_of(state, file, app_name) as app:
        made = app.templates.create(name, task, **parts, **options)
    _tell(state, made)


@template.command()
@click.argument("name")
@click.option("--task", help="Another task.")
@_parts_options
@click.option("--without", multiple=True, metavar="KEY", help="An option to take off.")
@click.option("--expect", type=click.IntRange(1), help="Only if this is still the version.")
@file_options
@json_option
@common
def update(
    name: str, task: str | None, without: tuple[str, ...], expect: int | None, file: str | None,
    app_name: str | None, **said: Any,
) -> None:  # fmt: skip
    """Make a new version: what is given takes the place of what was there, all else stays.

    With --json: the template, as `show` has it.
    """
    state, parts = session(), _given(**said)
    options = parts.pop("options", {})
    if task is not None:
        parts["task"] = task
    if not parts and not options and not without:
        raise click.UsageError("nothing to change; give --option or another part")
    with app_of(state, file, app_name, create=False) as app:
        made = app.templates.update(name, expect=expect, without=without, **parts, **options)
    _tell(state, made)


def _tell(state: Session, made: Template) -> None:
    if state.json:
        state.emit(template_dict(made))
    else:
        click.echo(f"{printable(made.name)}@{made.version}")


@template.command()
@click.argument("name")
@json_option
@common
def rm(name: str) -> None:
    """Take a template away; what was made of it stays.

    With --json: {"template"}
    """
    state = session()
    with state.open() as app:
        app.templates.delete(name)
    if state.json:
        state.emit({"template": name})


# -- using --------------------------------------------------------------------------------------


def _values(function: C) -> C:
    """--param, as somebody types it: what type it is says the template."""
    return click.option(
        "--param", "-p", "values", multiple=True, metavar="NAME=VALUE",
        callback=lambda ctx, param, texts: _split(texts), help="A parameter. Repeatable.",
    )(function)  # fmt: skip


@template.command()
@click.argument("name")
@_values
@json_option
@common
def preview(name: str, values: dict[str, str]) -> None:
    """What a submit would store, as JSON. Stores nothing."""
    state = session()
    with state.open() as app:
        state.emit(filled_dict(app.templates.fill(name, values, typed=False)))


@template.command()
@click.argument("name")
@_values
@json_option
@common
def submit(name: str, values: dict[str, str]) -> None:
    """Store a job of a template; print its id.

    With --json: the job, as `show` has it under "job".

    \b
    Example:
      offhours template submit report -p day=2026-06-01
    """
    state = session()
    with state.open() as app:
        filled = app.templates.fill(name, values, typed=False)
        job = app.templates.submit_filled(filled)
        if state.json:
            state.emit(job_dict(job.record))
        else:
            click.echo(job.id)


@template.command()
@click.argument("name")
@click.argument("when", required=False)
@_values
@json_option
@common
def schedule(name: str, when: str | None, values: dict[str, str]) -> None:
    """Have jobs of a template made again and again, and tell what that means.

    WHEN is English or a cron expression; without it, as the template says.

    With --json: as `schedule add`.
    """
    state = session()
    with state.open() as app:
        filled = app.templates.fill(name, values, typed=False)
        tell_schedule(state, app, app.templates.schedule_filled(filled, when))
