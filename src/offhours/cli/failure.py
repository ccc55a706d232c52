"""How an error is told: one line with what is wrong and what to do, or one JSON object."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click

from offhours.cli.codes import CommandError, code_of, exit_of
from offhours.cli.session import Session
from offhours.cli.text import printable, printable_lines, to_json
from offhours.core.errors import ConfigError


def report(error: BaseException, state: Session) -> int:
    """Tell an error on stderr; its exit code. One that nobody expected is raised again.

    With --json: `{"error": {"code", "message", "exit_code"}}`.
    """
    code = exit_of(error)
    if code is None:
        raise error
    if state.verbose and error.__traceback__ is not None:
        lines = traceback.format_exception(error)
        click.echo(printable_lines("".join(lines)), err=True, nl=False)
    message = message_of(error)
    below, data = _details(error)
    if state.json:
        told = {"code": code_of(error), "message": message, "exit_code": int(code)}
        click.echo(to_json({"error": {**told, **data}}), err=True)
    else:
        click.echo(f"offhours{_place(error)}: {printable(message)}", err=True)
        for line in below:
            click.echo(printable(line), err=True)
    return code


def _details(error: BaseException) -> tuple[Sequence[str], Mapping[str, Any]]:
    """What is told below the message, and beside it in JSON."""
    if isinstance(error, CommandError):
        return error.lines, error.data
    if isinstance(error, ConfigError):
        return error.faults if len(error.faults) > 1 else (), {"faults": error.faults}
    return (), {}


def message_of(error: BaseException) -> str:
    """What an error says, in one line."""
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "offhours"
        return f"{error.format_message()} (see {where} --help)"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted"
    if isinstance(error, ConfigError) and len(error.faults) > 1:
        return f"{len(error.faults)} settings cannot be used:"
    return str(error) or type(error).__name__


def _place(error: BaseException) -> str:
    """The command's name, where Click knows it."""
    context, names = getattr(error, "ctx", None), ""
    while context is not None and context.parent is not None:
        names = f" {context.info_name}{names}"
        context = context.parent
    return names
