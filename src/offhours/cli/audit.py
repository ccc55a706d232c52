"""`audit`: who did what. `stop`: the kill switch."""

from __future__ import annotations

import click

from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.core.times import iso_second
from offhours.views import audited_dict

HEADERS = ("ID", "AT", "WHO", "DID", "JOB", "WAS", "BECAME")


@click.command()
@click.option("--by", "actor", help="What this one did.")
@click.option("--before", type=click.IntRange(1), help="The smallest ID of the page before.")
@limit_option(20)
@json_option
@common
def audit(actor: str | None, before: int | None, limit: int) -> None:
    """Who did what by hand, the newest first.

    \b
    With --json: {"audit": [{"id", "at", "actor", "action", "job", "was", "became", "face",
    "request", "address", "tenant"}...]}
    """
    state = session()
    with state.open() as app:
        found, name = app.audit(before, actor, limit), app.store.name
    if state.json:
        state.emit({"audit": [audited_dict(row) for row in found]})
    elif found:
        rows = [
            (str(r.id), iso_second(r.at), r.actor, r.action, str(r.job_id or ""), r.was or "",
             r.became or "")
            for r in found
        ]  # fmt: skip
        state.table(HEADERS, rows)
    else:
        state.note(f"nobody has steered anything on {name}")


@click.command()
@click.option("--all", "everything", is_flag=True, required=True, help="All work, everywhere.")
@click.option("--reason", default="everything was stopped", show_default=True)
@json_option
@common
def stop(everything: bool, reason: str) -> None:
    """Let nothing start any more, and ask all that runs to stop. `resume --all` ends it.

    \b
    With --json: {"stopped": how many jobs}
    """
    state = session()
    with state.open() as app:
        count = app.stop_all(reason)
    if state.json:
        state.emit({"stopped": count})
    else:
        click.echo(f"all work is paused; {count} running jobs were asked to stop")
