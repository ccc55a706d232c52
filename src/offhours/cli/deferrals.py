"""`defer`: move a job to later. `deferrals`: what was moved to later, how often, and why."""

from __future__ import annotations

import click

from offhours.cli import complete
from offhours.cli.ids import job_number
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.core.times import iso_second
from offhours.handles import job_dict
from offhours.views import deferral_dict

HEADERS = ("AT", "UNTIL", "BY", "REASON")


@click.command()
@click.argument(
    "job_id", metavar="ID", callback=job_number, shell_complete=complete.unfinished_jobs
)
@click.argument("until", metavar="UNTIL")
@click.option("--reason", default="", help="Kept with the job, and told by `why`.")
@json_option
@common
def defer(job_id: int, until: str, reason: str) -> None:
    """Move a job that waits to later (or sooner): UNTIL is 2h, 14:00 or a moment.

    With --json: the job, as `show` has it under "job".

    \b
    Example:
      offhours defer 42 14:00 --reason "the provider's limit"
    """
    state = session()
    with state.open() as app:
        app.defer(job_id, until, reason)
        job = app.job(job_id)
        if state.json:
            state.emit(job_dict(job.record))
        else:
            click.echo(printable(job.why().sentence))


@click.command()
@click.option(
    "--job",
    "job_id",
    callback=job_number,
    metavar="ID",
    shell_complete=complete.jobs,
    help="Those of this job.",
)
@click.option("--period", default="7d", show_default=True, help="How far to look back.")
@limit_option(10, "How many reasons, jobs and goals.")
@json_option
@common
def deferrals(job_id: int | None, period: str, limit: int) -> None:
    """What was moved to later: the most common reasons, and what was moved most often.

    \b
    With --json: {"period", "count", "reasons": [{"reason", "times"}...],
                  "most": [{"kind", "id", "name", "times"}...]};
    with --job: {"job", "deferrals": [{"at", "until", "reason", "job", "gate", "thought"}...]}

    \b
    Example:
      offhours deferrals --job 42
    """
    if job_id is not None:
        _of_job(job_id)
        return
    state = session()
    with state.open() as app:
        count, reasons, most = app.agents.deferrals.summary(period, limit)
        where = app.store.name
    if state.json:
        told = [{"reason": reason, "times": times} for reason, times in reasons]
        often = [each._asdict() for each in most]
        state.emit({"period": period, "count": count, "reasons": told, "most": often})
        return
    if not count and not most:
        state.note(f"nothing was moved to later in {where}")
        return
    click.echo(f"{count} times in the last {printable(period)}")
    if reasons:
        state.table(("TIMES", "REASON"), [(str(times), reason) for reason, times in reasons])
    if most:
        rows = [(str(each.times), f"{each.kind} {each.id}", each.name) for each in most]
        state.table(("TIMES", "WHAT", "NAME"), rows)


def _of_job(job_id: int) -> None:
    state = session()
    with state.open() as app:
        found = app.agents.deferrals.of_job(job_id)
    if state.json:
        state.emit({"job": job_id, "deferrals": [deferral_dict(each) for each in found]})
    elif found:
        rows = [
            (iso_second(d.at), iso_second(d.until), d.gate or "its task", d.reason) for d in found
        ]
        state.table(HEADERS, rows)
    else:
        state.note(f"job {job_id} was never moved to later")
