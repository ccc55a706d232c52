"""`template`: jobs written down beforehand, filled and submitted."""

from __future__ import annotations

from typing import Any

import click

from offhours.cli.calls import app_of, file_options, pairs
from offhours.cli.options import limit_option
from offhours.cli.schedules.views import tell_schedule
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.template_parts import parts_of, parts_options
from offhours.cli.text import printable, to_json
from offhours.core.templates import Parameter
from offhours.handles import job_dict
from offhours.templates import Template
from offhours.views import filled_dict, template_dict

HEADERS = ("NAME", "VERSION", "TASK", "PARAMETERS", "DESCRIPTION")


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
@limit_option(20)
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


@template.command()
@click.argument("name")
@click.argument("task")
@parts_options
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
    state, parts = session(), parts_of(**said)
    options = parts.pop("options", {})
    with app_of(state, file, app_name) as app:
        made = app.templates.create(name, task, **parts, **options)
    _tell(state, made)


@template.command()
@click.argument("name")
@click.option("--task", help="Another task.")
@parts_options
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
    state, parts = session(), parts_of(**said)
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


# As somebody types it: what type it is says the template.
_values = click.option(
    "--param", "-p", "given", multiple=True, metavar="NAME=VALUE",
    callback=lambda ctx, param, texts: pairs(texts), help="A parameter. Repeatable.",
)  # fmt: skip


@template.command()
@click.argument("name")
@_values
@json_option
@common
def preview(name: str, given: dict[str, str]) -> None:
    """What a submit would store, as JSON. Stores nothing."""
    state = session()
    with state.open() as app:
        state.emit(filled_dict(app.templates.fill(name, given, typed=False)))


@template.command()
@click.argument("name")
@_values
@json_option
@common
def submit(name: str, given: dict[str, str]) -> None:
    """Store a job of a template; print its id.

    With --json: the job, as `show` has it under "job".

    \b
    Example:
      offhours template submit report -p day=2026-06-01
    """
    state = session()
    with state.open() as app:
        filled = app.templates.fill(name, given, typed=False)
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
def schedule(name: str, when: str | None, given: dict[str, str]) -> None:
    """Have jobs of a template made again and again, and tell what that means.

    WHEN is English or a cron expression; without it, as the template says.

    With --json: as `schedule add`.
    """
    state = session()
    with state.open() as app:
        filled = app.templates.fill(name, given, typed=False)
        tell_schedule(state, app, app.templates.schedule_filled(filled, when))
