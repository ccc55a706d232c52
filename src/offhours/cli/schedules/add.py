"""`schedule add`: store a schedule, once it is clear what it means."""

from __future__ import annotations

from typing import Any, cast

import click

from offhours.cli import complete
from offhours.cli.calls import app_of, call_options, file_options
from offhours.cli.schedules.find import running_tasks, task_of
from offhours.cli.schedules.options import given, policy_options
from offhours.cli.schedules.phrase import understood
from offhours.cli.schedules.views import tell_schedule
from offhours.cli.session import common, json_option, session
from offhours.schedules import ScheduleOptions


@click.command()
@click.argument("when", metavar="WHEN")
@click.argument("task", metavar="TASK", shell_complete=complete.tasks)
@call_options
@policy_options
@file_options
@click.option("--yes", is_flag=True, help="Ask nothing: what is ambiguous is refused.")
@json_option
@common
def add(
    when: str,
    task: str,
    args: list[Any],
    kwargs: dict[str, Any],
    file: str | None,
    app_name: str | None,
    yes: bool,
    **options: Any,
) -> None:
    """Store a schedule for TASK (`module:function`) and tell what it means.

    WHEN is English or a cron expression. What is ambiguous is asked on a terminal; elsewhere it
    is refused with phrases to choose from, and nothing is stored. TASK is one of --file, or one
    that a running worker knows.

    \b
    With --quiet: the schedule's number only.
    With --json: {"schedule": schedule, "explain": as `preview` has it};
      a phrase that is refused has "reason", "position" (of the word), "character" and
      "suggestions" in its error.

    \b
    Example:
      offhours schedule add "every weekday at 9am" app:report --file app.py \\
          --timezone Europe/Berlin --blackout 2026-12-24..2026-12-26
    """
    state, said = session(), given(options)
    if file is None:  # an unclear phrase is told before a missing database
        when = understood(state, when, said.get("timezone") or "UTC", ask=not yes)
    with app_of(state, file, app_name, create=False) as app:
        known = task_of(app, task, file)
        zone = app.schedules.zone(said.get("timezone"))
        when = understood(state, when, zone, ask=not yes)
        handle = app.schedules.add(
            known, when, args, kwargs, cast(ScheduleOptions, said), replace_existing=False
        )
        tell_schedule(state, app, handle)
        if known.name not in running_tasks(app):
            state.note(
                f"no running worker knows {task}; it fires once one does: offhours up {file}"
            )
