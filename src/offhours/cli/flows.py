"""`flow`: jobs that depend on each other, listed and steered as one."""

from __future__ import annotations

import click

from offhours.cli import complete
from offhours.cli.ids import parse_id
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.cli.views import ago
from offhours.core.times import parse_moment
from offhours.views import flow_dict, step_dict

HEADERS = ("ID", "NAME", "STATE", "DONE", "SINCE")
STEP_HEADERS = ("STEP", "JOB", "STATE", "TASK", "NOTE")


@click.group()
@common
def flow() -> None:
    """Jobs that depend on each other."""


@flow.command("ls")
@limit_option(20)
@json_option
@common
def list_flows(limit: int) -> None:
    """List flows, the newest first.

    \b
    With --json: {"flows": [{"id", "name", "state", "created_at", "done", "total", "states"}...]}
    """
    state = session()
    with state.open() as app:
        found = [flow_dict(each) for each in app.flows(limit=limit)]
        now, name = app.clock.micros(), app.store.name
    if state.json:
        state.emit({"flows": found})
    elif found:
        rows = [
            (str(f["id"]), f["name"], f["state"], f"{f['done']}/{f['total']}",
             ago(parse_moment(f["created_at"]), now))
            for f in found
        ]  # fmt: skip
        state.table(HEADERS, rows)
    else:
        state.note(f"no flows on {name}")


@flow.command()
@click.argument("flow_id", metavar="ID", shell_complete=complete.flows)
@json_option
@common
def show(flow_id: str) -> None:
    """The steps of a flow, each with its latest job.

    \b
    With --json: {"flow": {...}, "steps": [{"step", "job", "task", "state", "reason"}...]}
    """
    state = session()
    with state.open() as app:
        found = app.flow(parse_id(flow_id))
        told, members = flow_dict(found), found.members()
    if state.json:
        state.emit({"flow": told, "steps": [step_dict(member) for member in members]})
        return
    click.echo(
        f"{printable(told['name'])}: {told['state']}, {told['done']} of {told['total']} steps done"
    )
    rows = [(m.step, str(m.job_id), m.state.value, m.task, m.reason or "") for m in members]
    state.table(STEP_HEADERS, rows)


@flow.command()
@click.argument("flow_id", metavar="ID", shell_complete=complete.flows)
@click.option("--reason", default="", help="Kept with the jobs, and told by `why`.")
@json_option
@common
def cancel(flow_id: str, reason: str) -> None:
    """Cancel the steps that are not finished.

    \b
    With --json: {"cancelled": how many}
    """
    state = session()
    with state.open() as app:
        count = app.flow(parse_id(flow_id)).cancel(reason)
    if state.json:
        state.emit({"cancelled": count})
    else:
        click.echo(f"{count} steps were cancelled")


@flow.command()
@click.argument("flow_id", metavar="ID", shell_complete=complete.flows)
@click.option("--from", "step", help="Do this step and all behind it again.")
@json_option
@common
def retry(flow_id: str, step: str | None) -> None:
    """Do what failed again, and what fell with it. Prints the new job ids.

    \b
    With --json: {"jobs": [ID...]}
    """
    state = session()
    with state.open() as app:
        found = app.flow(parse_id(flow_id))
        jobs = found.retry() if step is None else found.restart(step)
    if state.json:
        state.emit({"jobs": [job.id for job in jobs]})
    else:
        for job in jobs:
            click.echo(job.id)
