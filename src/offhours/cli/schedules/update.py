"""`schedule update`: change what is given, and nothing else."""

from __future__ import annotations

from typing import Any

import click

from offhours.cli import complete
from offhours.cli.calls import app_of, call_options, file_options
from offhours.cli.schedules.find import schedule_of
from offhours.cli.schedules.options import given, policy_options
from offhours.cli.schedules.phrase import understood
from offhours.cli.schedules.views import tell_schedule
from offhours.cli.session import common, json_option, session


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@click.option("--when", help="English or a cron expression.")
@call_options
@policy_options
@click.option(
    "--revision", type=click.IntRange(1), help="Only if nobody has changed it since this one."
)
@file_options
@click.option("--yes", is_flag=True, help="Ask nothing: what is ambiguous is refused.")
@json_option
@common
def update(
    key: str,
    when: str | None,
    args: list[Any],
    kwargs: dict[str, Any],
    revision: int | None,
    file: str | None,
    app_name: str | None,
    yes: bool,
    **options: Any,
) -> None:
    """Change what is given of a schedule, and tell what it means now.

    What is due already still fires as it was. --arg and --kwarg together take the place of all
    arguments. `none` takes off --blackout, --expires, --max-runs, --timeout and --disable-after.

    With --quiet and --json: as `add`.

    \b
    Example:
      offhours schedule update nightly --when "every day at 3am" --expires 2h
    """
    state, said = session(), given(options)
    if args or kwargs:
        said |= {"args": args, "kwargs": kwargs}
    if when is None and not said:
        raise click.UsageError("nothing to change; give --when or another option")
    with app_of(state, file, app_name, create=False) as app:
        handle = schedule_of(app, key)
        if when is not None:
            zone = app.schedules.zone(said.get("timezone") or handle.plan.timezone)
            when = understood(state, when, zone, ask=not yes)
        handle.update(when, revision=revision, **said)
        tell_schedule(state, app, handle)
