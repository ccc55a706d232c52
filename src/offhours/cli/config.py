"""`config`: which settings hold, where each comes from, and the schema of the files."""

from __future__ import annotations

from typing import Any

import click

from offhours.cli.lazy import Entry, LazyGroup
from offhours.cli.session import common, json_option, session
from offhours.cli.text import to_json
from offhours.sources.configuration import Configuration, Setting, read
from offhours.sources.keys import KEYS, Key
from offhours.sources.schema import schema

SECTIONS = {
    "Ask": {
        "show": Entry("offhours.cli.config:show", "The settings that hold in this folder."),
        "keys": Entry("offhours.cli.config:print_keys", "Every key, as a table in Markdown."),
        "schema": Entry("offhours.cli.config:print_schema", "The JSON Schema of the files."),
    },
}


@click.group(cls=LazyGroup, sections=SECTIONS, aliases={}, invoke_without_command=True)
@common
@click.pass_context
def config(ctx: click.Context) -> None:
    """Settings: defaults, below the files of this folder, below the environment."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@click.command()
@click.option("--file", metavar="PATH", help="This file only [OFFHOURS_CONFIG].")
@click.option("--env-file", metavar="PATH", help="Variables from a .env file, too.")
@click.option("--sources", is_flag=True, help="Say where each value comes from, and who uses it.")
@click.option("--all", "everything", is_flag=True, help="What nobody chose, too.")
@json_option
@common
def show(file: str | None, env_file: str | None, sources: bool, everything: bool) -> None:
    """The settings that were chosen, in files of this folder or in the environment.

    What `Offhours.from_config()` finds here. Passwords and tokens are not shown. With a fault
    anywhere, every fault is told and the exit code is 2.

    \b
    With --json, always all: {"settings": {KEY: {"value", "source", "used_by"}...}}

    \b
    Example:
      offhours config show --sources --all
    """
    state = session()
    state.check_here()
    found = read(file, env_file=env_file)
    if state.json:
        state.emit({"settings": {one.key.path: _told(one) for one in found}})
        return
    shown = [one for one in found if everything or one.given]
    if sources:
        rows = [(one.key.path, _text(one), one.source, one.key.used_by) for one in shown]
        state.table(("KEY", "VALUE", "SOURCE", "USED BY"), rows)
    else:
        for one in shown:
            click.echo(f"{one.key.path} = {_text(one)}")
    if not everything:
        state.note(_rest(found, len(shown)))


def _told(one: Setting) -> dict[str, Any]:
    return {"value": one.shown, "source": one.source, "used_by": one.key.used_by}


def _text(one: Setting) -> str:
    return to_json(one.shown)


def _rest(found: Configuration, shown: int) -> str:
    rest = len(found.settings) - shown
    return f"{rest} settings have their default; see them with --all"


@click.command("schema")
@common
def print_schema() -> None:
    """The JSON Schema of offhours.toml and offhours.yaml, for editors."""
    session().check_here()
    click.echo(to_json(schema(), indent=2))


@click.command("keys")
@common
def print_keys() -> None:
    """Every key with its default, its other names and who uses it; a table in Markdown.

    The variable of a key is OFFHOURS_, the key in capitals, and __ for its point.
    """
    session().check_here()
    click.echo("| key | default | variables, after `OFFHOURS_…` | used by |")
    click.echo("| --- | --- | --- | --- |")
    for key in KEYS.values():
        click.echo(f"| {' | '.join(_row(key))} |")


def _row(key: Key) -> tuple[str, str, str, str]:
    names = "; also the key ".join(f"`{name}`" for name in key.names)
    default = "none" if key.default is None else f"`{to_json(key.default)}`"
    return names, default, ", ".join(f"`{name}`" for name in key.variables), key.used_by
