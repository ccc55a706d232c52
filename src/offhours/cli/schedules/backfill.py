"""`schedule backfill`: the jobs of past fires that have none."""

from __future__ import annotations

from datetime import datetime, tzinfo

import click

from offhours.cli import complete
from offhours.cli.schedules.find import schedule_of
from offhours.cli.schedules.views import moment
from offhours.cli.session import common, json_option, session
from offhours.core.times import iso, parse_moment, to_datetime, to_micros


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@click.option("--from", "start", required=True, metavar="TIME", help="The first moment.")
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="The last one.")
@click.option("--dry-run", is_flag=True, help="List the fires; make nothing.")
@json_option
@common
def backfill(key: str, start: str, end: str, dry_run: bool) -> None:
    """Make a job for each past fire from one moment to another that has none; print how many.

    They run in order, one after the other unless they may overlap. Times without an offset are
    taken in the schedule's timezone, and a day means its first moment.

    \b
    With --json: {"count", "jobs": [ID...]};
    with --dry-run: {"count", "instants": [TIME...]}

    \b
    Example:
      offhours schedule backfill nightly --from 2026-06-01 --to 2026-06-08 --dry-run
    """
    state = session()
    with state.open() as app:
        handle = schedule_of(app, key)
        plan, now = handle.plan, to_datetime(app.clock.micros())
        first, last = _moment(start, "--from", plan.zone, now), _moment(end, "--to", plan.zone, now)
        if not dry_run:
            jobs = [job.id for job in handle.backfill(first, last)]
            if state.json:
                state.emit({"count": len(jobs), "jobs": jobs})
            else:
                click.echo(f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}")
            return
        instants = handle.missing(first, last)
    if state.json:
        found = [iso(to_micros(instant)) for instant in instants]
        state.emit({"count": len(found), "instants": found})
        return
    for instant in instants:
        click.echo(moment(instant, plan.timezone, plan.zone))
    state.note(f"{len(instants)} {'job' if len(instants) == 1 else 'jobs'} would be made")


def _moment(text: str, name: str, zone: tzinfo, now: datetime) -> datetime:
    return now if text == "now" else to_datetime(parse_moment(text, name, zone))
