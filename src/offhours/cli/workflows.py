"""`workflow`: what the person in front does, for which background work waits."""

from __future__ import annotations

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.ids import parse_id
from offhours.cli.session import common, json_option, session
from offhours.cli.views import ago, ahead
from offhours.views import lease_dict

HEADERS = ("ID", "WORKFLOW", "HELD BY", "SINCE", "ENDS")


@click.group()
@common
def workflow() -> None:
    """The workflows in the foreground: while one is active, no background job starts."""


@workflow.command()
@json_option
@common
def ls() -> None:
    """List the foreground leases that hold background work back.

    With --json: {"workflows": [{"id", "workflow", "holder", "since", "until"}...]}
    """
    state = session()
    with state.open() as app:
        found, now, where = app.foreground_leases(), app.clock.micros(), app.store.name
    if state.json:
        state.emit({"workflows": [lease_dict(each) for each in found]})
    elif found:
        rows = [
            (str(each.id), each.workflow, each.holder, ago(each.since, now),
             ahead(each.until, now))
            for each in found
        ]  # fmt: skip
        state.table(HEADERS, rows)
    else:
        state.note(f"nobody is in front in {where}")


@workflow.command()
@click.argument("lease", metavar="ID")
@json_option
@common
def end(lease: str) -> None:
    """End a lease whose holder will not: background work goes on.

    With --json: {"ended": ID}
    """
    state, number = session(), parse_id(lease)
    with state.open() as app:
        if all(each.id != number for each in app.foreground_leases()):
            raise CommandError(
                f"no foreground lease {number} lives in {app.store.name}",
                Exit.NOT_FOUND, "not_found",
            )  # fmt: skip
        app.leave_foreground(number)
    if state.json:
        state.emit({"ended": number})
    else:
        click.echo(f"lease {number} has ended")
