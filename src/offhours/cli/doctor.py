"""`doctor`: is this machine fit, is the database sound, does somebody work on it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from offhours import __version__
from offhours.cli.checks import FAIL, OK, WARN, Check, machine, settings
from offhours.cli.checks_db import database
from offhours.cli.checks_sandbox import levels, sandbox
from offhours.cli.codes import Exit
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.text import printable
from offhours.core.errors import ConfigError

_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@click.command()
@click.argument("part", type=click.Choice(["sandbox"]), required=False)
@json_option
@common
def doctor(part: str | None) -> None:
    """Check this machine and the database; each fault comes with its remedy.

    With `sandbox`: each level of the sandbox, after ten small attacks on it.

    With --url: the server, the token, and whether work is done there.

    Reads only. Exit code 0 when nothing failed (warnings are allowed), else 1.

    \b
    With --json: {"ok", "version", "database",
                  "checks": [{"name", "status": "ok", "warn" or "fail", "message", "remedy"}...]}
    """
    state = session()
    checks = []
    if part:
        state.check_here()
    for check in levels() if part else _all(state):
        checks.append(check)
        if not state.json and not (state.quiet and check.status == OK):
            status = click.style(f"{check.status:<4}", fg=_COLOURS[check.status])
            remedy = f" -> {check.remedy}" if check.remedy else ""
            click.echo(f"{status}  {check.name:<10}  {printable(check.message + remedy)}")
    failed = [check for check in checks if check.status == FAIL]
    if state.json:
        state.emit(
            {
                "ok": not failed,
                "version": __version__,
                "database": state.place if _is_told(state) else None,
                "checks": [check._asdict() for check in checks],
            }
        )
    click.get_current_context().exit(Exit.FAILED if failed else Exit.OK)


def _all(state: Session) -> Iterator[Check]:
    if state.url:
        from offhours.cli.checks_server import server

        yield from server(state)
        return
    yield settings()
    if not _is_told(state):
        yield Check("database", WARN, "not looked at", "see to the settings first, or use --db")
        return
    yield from machine(state.db)
    yield sandbox()
    yield from database(state)


def _is_told(state: Session) -> bool:
    """Whether anybody could say which database is meant."""
    try:
        return bool(state.place)
    except ConfigError:
        return False
