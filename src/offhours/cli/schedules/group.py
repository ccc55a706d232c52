"""The commands of `offhours schedule`, imported when they are called."""

from __future__ import annotations

import click

from offhours.cli.lazy import Entry, LazyGroup
from offhours.cli.session import common

_ROOM = "offhours.cli.schedules"
SECTIONS = {
    "Make": {
        "preview": Entry(f"{_ROOM}.preview:preview", "What a phrase means; stores nothing."),
        "add": Entry(f"{_ROOM}.add:add", "Have a task run again and again."),
        "update": Entry(f"{_ROOM}.update:update", "Change a schedule."),
    },
    "Ask": {
        "ls": Entry(f"{_ROOM}.ls:ls", "List schedules."),
        "show": Entry(f"{_ROOM}.show:show", "All about one schedule, with its last fires."),
        "calendar": Entry(f"{_ROOM}.calendar:calendar", "What fires on a day, and what fired."),
    },
    "Steer": {
        "pause": Entry(f"{_ROOM}.steer:pause", "Fire no more until it is resumed."),
        "resume": Entry(f"{_ROOM}.steer:resume", "Fire again, from now on."),
        "run": Entry(f"{_ROOM}.steer:run", "Make a job at once; print its id."),
        "backfill": Entry(f"{_ROOM}.backfill:backfill", "Make the jobs of past fires."),
        "rm": Entry(f"{_ROOM}.steer:rm", "Delete a schedule; its jobs stay."),
    },
}
ALIASES = {"list": "ls", "delete": "rm"}
EPILOG = """\
A schedule is named by its number or its name.

\b
Example:
  offhours schedule preview "every weekday at 9am" --timezone Europe/Berlin
  offhours schedule add "every weekday at 9am" app:report --file app.py
"""


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    aliases=ALIASES,
    invoke_without_command=True,
    no_args_is_help=False,
    epilog=EPILOG,
)
@common
@click.pass_context
def schedule(ctx: click.Context) -> None:
    """Tasks that run again and again, or once at a time: in English or as cron expressions.

    Workers fire them: `offhours up FILE.py`. Any number may run, and one is enough.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
