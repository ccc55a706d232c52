"""`schedule pause`, `resume`, `run` and `rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from offhours.cli import complete
from offhours.cli.codes import CommandError, Exit
from offhours.cli.schedules.find import schedule_of
from offhours.cli.schedules.phrase import may_ask
from offhours.cli.schedules.views import sentence, title
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.text import printable
from offhours.handles import job_dict
from offhours.schedules import schedule_dict

if TYPE_CHECKING:
    from offhours.cli.remote import AnySchedule


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@click.option("--reason", default="", help="Kept with the schedule, and told by `show`.")
@json_option
@common
def pause(key: str, reason: str) -> None:
    """Fire no more until `resume`. What is due meanwhile is recorded as skipped.

    With --json: the schedule, as `show` has it.

    \b
    Example:
      offhours schedule pause nightly --reason "the disk is being replaced"
    """
    state = session()
    with state.open() as app:
        handle = schedule_of(app, key)
        handle.pause(reason)
        _tell(state, handle)


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@json_option
@common
def resume(key: str) -> None:
    """Let a paused or disabled schedule fire again, from now on.

    With --json: the schedule, as `show` has it.

    \b
    Example:
      offhours schedule resume nightly
    """
    state = session()
    with state.open() as app:
        handle = schedule_of(app, key)
        handle.resume()
        _tell(state, handle)


def _tell(state: Session, handle: AnySchedule) -> None:
    if state.json:
        state.emit(schedule_dict(handle.record))
    else:
        click.echo(f"{title(handle.record)}: {printable(handle.why().sentence)}")


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@json_option
@common
def run(key: str) -> None:
    """Make a job at once, beside the plan, and print its id.

    It waits for an earlier job of the schedule unless they may overlap.

    With --json: the job, as `offhours show` has it under "job".

    \b
    Example:
      offhours why $(offhours schedule run nightly)
    """
    state = session()
    with state.open() as app:
        job = schedule_of(app, key).run_now()
        if state.json:
            state.emit(job_dict(job.record))
        else:
            click.echo(job.id)


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@common
def rm(key: str, yes: bool) -> None:
    """Delete a schedule with the record of its fires. Its jobs stay.

    On a terminal it asks first.

    With --json: {"id", "name", "deleted": true}

    \b
    Example:
      offhours schedule rm nightly --yes
    """
    state = session()
    with state.open() as app:
        handle = schedule_of(app, key)
        schedule = handle.record
        told = title(schedule)
        if not yes and may_ask(state):
            what = printable(sentence(schedule))
            if not click.confirm(f"Delete {told}, {what}? Its jobs stay.", err=True):
                raise CommandError(f"{told} is kept", Exit.INTERRUPTED, "declined")
        handle.delete()
    if state.json:
        state.emit({"id": schedule.id, "name": schedule.name, "deleted": True})
    else:
        state.note(f"{told} is deleted")
