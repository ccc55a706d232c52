"""`schedule ls`: a list of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from offhours.cli import complete
from offhours.cli.ids import LARGEST
from offhours.cli.options import LONGEST_PAGE, limit_option
from offhours.cli.schedules.views import HEADERS, row_dict, schedule_rows
from offhours.cli.session import Session, common, json_option, session
from offhours.core.errors import did_you_mean
from offhours.core.schedules import ScheduleStatus

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp


@click.command()
@click.option(
    "--status",
    type=click.Choice([status.value for status in ScheduleStatus]),
    help="Schedules that stand so only.",
)
@click.option("--task", shell_complete=complete.tasks, help="Schedules of this task only.")
@limit_option(50)
@click.option(
    "--after",
    type=click.IntRange(0, LARGEST),
    default=0,
    metavar="ID",
    help="Go on after this schedule of the page before.",
)
@click.option("--ids", is_flag=True, help="Print the numbers only, one a line.")
@json_option
@common
def ls(status: str | None, task: str | None, limit: int, after: int, ids: bool) -> None:
    """List schedules: when each fires next, what came of its last fires, and where it stands.

    LAST has the newest result first, FAILED the failures in a row and how many disable it.

    \b
    With --json: {"schedules": [schedule...], "next": ID or null}; --after takes "next".
    A schedule has "sentence" and "results" beside what `show` tells under "schedule".

    \b
    Example:
      offhours schedule ls --status disabled
    """  # fmt: skip
    state = session()
    with state.open() as app:
        list_schedules(state, app, status, task, limit, after, ids)


def list_schedules(
    state: Session,
    app: AnyApp,
    status: str | None,
    task: str | None,
    limit: int,
    after: int,
    ids: bool,
) -> None:
    """A page of them, in one of the three shapes."""
    page = app.schedules.page(status=status, task=task, after=after, limit=limit)
    more = len(page) == limit
    if state.json:
        found = [row_dict(app, schedule) for schedule in page]
        state.emit({"schedules": found, "next": page[-1].id if more else None})
    elif ids:
        for schedule in page:
            click.echo(schedule.id)
    elif page:
        state.table(HEADERS, schedule_rows(app, page, app.clock.micros()))
        if more:
            state.note(f"perhaps more: --after {page[-1].id}, or a larger --limit")
    else:
        state.note(_nothing(app, status, task))


def _nothing(app: AnyApp, status: str | None, task: str | None) -> str:
    if status is None and task is None:
        return (
            f"no schedules in {app.store.name}; "
            'add one: offhours schedule add "every hour" TASK --file FILE.py'
        )
    known = {schedule.task for schedule in app.schedules.page(limit=LONGEST_PAGE)}
    near = "" if task is None or task in known else did_you_mean(task, sorted(known))
    of_task = f" of {task}" if task else ""
    return f"no {status + ' ' if status else ''}schedules{of_task} in {app.store.name}{near}"
