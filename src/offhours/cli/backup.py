"""`backup`: a copy of the database, made while it is in use."""

from __future__ import annotations

from shlex import quote

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.session import Session, common, is_there, json_option, session
from offhours.core.addresses import is_server, public_name, server_and_schema


@click.command()
@click.argument("file", metavar="FILE")
@click.option(
    "--replace", is_flag=True, help="Replace FILE if it is there, once the copy is whole."
)
@json_option
@common
def backup(file: str, replace: bool) -> None:
    """Copy the database to FILE while workers go on.

    The copy is the state of one moment, checked and on the disk before it gets its name. How to
    go back to it stands in docs/production.md. A PostgreSQL database is backed up by pg_dump;
    the command line for it is told.

    \b
    With --json: {"file", "bytes"}

    \b
    Example:
      offhours backup "jobs-$(date +%F).db" --db jobs.db
    """
    state = session()
    state.check_here()
    if is_server(state.db):
        raise _by_its_own_tools(state, file)
    state.check_path()
    if not is_there(state.db):
        raise state.missing()
    from offhours.store.sqlite.backup import back_up

    size = back_up(state.db, file, replace=replace)
    if state.json:
        state.emit({"file": file, "bytes": size})
    else:
        click.echo(file)
        state.note(f"{size / 1e6:.1f} MB of {state.db}, checked")


def _by_its_own_tools(state: Session, file: str) -> CommandError:
    server, schema = server_and_schema(public_name(state.db))
    return CommandError(
        "PostgreSQL has its own tool for that:",
        Exit.REFUSED,
        "use_pg_dump",
        [f"pg_dump --format=custom --schema={schema} --file={quote(file)} {quote(server)}"],
    )
