"""What a line says of a call: its arguments, its durations, and the file that has its task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from offhours.cli.complete import files
from offhours.cli.loading import load_app
from offhours.cli.options import together
from offhours.cli.session import Session
from offhours.cli.up import app_option, check_database
from offhours.core.errors import TimeError
from offhours.core.times import SECOND, parse_duration

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.cli.remote import AnyApp


def parse_value(text: str) -> Any:
    """JSON if it is JSON, else the text itself.

    >>> parse_value("3"), parse_value("notes/"), parse_value('"3"')
    (3, 'notes/', '3')
    """
    try:
        return read_json(text)
    except ValueError:
        return text


def read_json(text: str) -> Any:
    """What a text means that has to be JSON; `ValueError` when it is none."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """What was said as NAME=VALUE, each name once."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"expected NAME=VALUE, got {text!r}")
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = value
    return found


def values(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE, each value being JSON, else text."""
    return {name: parse_value(value) for name, value in pairs(texts).items()}


def _arguments(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
    return [parse_value(text) for text in texts]


def seconds(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """`90s`, `5m`, `1h30m`; a bare number is seconds."""
    if text is None:
        return None
    value: float | str = text
    with suppress(ValueError):
        value = float(text)
    try:
        return parse_duration(value) / SECOND
    except TimeError as error:
        raise click.BadParameter(str(error).removeprefix("duration: ")) from None


call_options = together(
    click.option(
        "--arg", "args", multiple=True, callback=_arguments, metavar="VALUE",
        help="A positional argument: JSON, else text. Repeatable.",
    ),
    click.option(
        "--kwarg", "kwargs", multiple=True, callback=values, metavar="NAME=VALUE",
        help="A keyword argument. Repeatable.",
    ),
)  # fmt: skip
file_options = together(
    click.option(
        "--file", "file", metavar="FILE.py", shell_complete=files,
        help="Take task and database from this file.",
    ),
    app_option,
)  # fmt: skip


@contextmanager
def app_of(
    state: Session, file: str | None, app_name: str | None, *, create: bool = True
) -> Iterator[AnyApp]:
    """The app of the file, or one on the chosen database or server that knows no task."""
    if state.url and file is None and app_name is None:
        with state.open() as remote:
            yield remote
    else:
        with app_here(state, file, app_name, create=create) as app:
            yield app


@contextmanager
def app_here(
    state: Session, file: str | None, app_name: str | None, *, create: bool = True
) -> Iterator[Offhours]:
    """The app of the file, or one on the chosen database, that is no server's."""
    if app_name is not None and file is None:
        raise click.UsageError("--app needs --file")
    if file is None:
        with state.open_here(create=create) as app:
            yield app
    else:
        _, app = load_app(file, app_name)
        try:
            check_database(state, file, app)
            yield app
        finally:
            app.close()
