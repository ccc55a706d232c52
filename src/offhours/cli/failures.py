"""`failures`: what fails, by cause. `logs`: what happens to one job, as it happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from offhours.cli import complete
from offhours.cli.follow import log_line
from offhours.cli.ids import job_number
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.views import FAILURE_HEADERS, failure_rows
from offhours.views import event_dict

if TYPE_CHECKING:
    from offhours.cli.remote import AnyJob
    from offhours.core.events import Event

_FIRST_LOOK, _LONGEST_LOOK = 0.05, 0.5


@click.command()
@limit_option(20, "How many causes.")
@json_option
@common
def failures(limit: int) -> None:
    """What fails, by cause: the newest 1,000 failed jobs in groups, the largest first.

    Numbers and quoted parts of an error do not make it another one. JOBS are the newest of each.

    \b
    With --json: {"looked_at", "data": [{"fingerprint", "error", "code", "count", "tasks",
    "first_at", "last_at", "newest"}...]}
    """
    state = session()
    with state.open() as app:
        told, now, where = app.failures(), app.clock.micros(), app.store.name
    groups = told["data"][:limit]
    if state.json:
        state.emit({"looked_at": told["looked_at"], "data": groups})
    elif groups:
        state.table(FAILURE_HEADERS, failure_rows(groups, now))
    else:
        state.note(f"nothing has failed on {where}")


@click.command()
@click.argument("job_id", metavar="ID", callback=job_number, shell_complete=complete.jobs)
@click.option("-f", "--follow", is_flag=True, help="Go on until the job is finished.")
@json_option
@common
def logs(job_id: int, follow: bool) -> None:
    """What happened to a job, line by line: the times of its states, its steps, its progress.

    With --json: one object a line, as "history" of `show` has them.
    """
    state = session()
    with state.open() as app:
        for event in _events(app.job(job_id), follow):
            if state.json:
                state.emit(event_dict(event))
            else:
                click.echo(log_line(event))


def _events(job: AnyJob, follow: bool) -> Iterator[Event]:
    """Each once, in order; with `follow` also those to come, until there can be none."""
    last, pause = -1, _FIRST_LOOK
    while True:
        over = job.record.state.final  # before the look: what comes meanwhile is seen by it
        found = [event for event in job.history() if event.seq > last]
        yield from found
        if over or not follow:
            return
        last = found[-1].seq if found else last
        pause = _FIRST_LOOK if found else min(1.5 * pause, _LONGEST_LOOK)
        time.sleep(pause)
