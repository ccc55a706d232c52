"""`approvals`, `approve`, `deny` and `signal`: what held jobs wait for."""

from __future__ import annotations

from collections.abc import Callable

import click

from offhours.cli import complete
from offhours.cli.calls import read_json
from offhours.cli.ids import parse_id
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.views import ago
from offhours.views import approval_dict

HEADERS = ("ID", "JOB", "STATE", "ASKED", "QUESTION", "ARGUMENTS")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Those that are decided, too.")
@limit_option(20)
@json_option
@common
def approvals(everything: bool, limit: int) -> None:
    """List what jobs ask a person, the newest first.

    \b
    With --json: {"approvals": [{"id", "job", "question", "arguments", "digest", "state",
    "asked_at", "until", "decided_at", "decided_by", "note"}...]}
    """
    state = session()
    with state.open() as app:
        found = app.approvals(None if everything else "waiting", limit)
        now, name = app.clock.micros(), app.store.name
    if state.json:
        state.emit({"approvals": [approval_dict(each) for each in found]})
    elif found:
        rows = [
            (str(a.id), str(a.job_id), a.state, ago(a.asked_at, now),
             a.question, a.args or "")
            for a in found
        ]  # fmt: skip
        state.table(HEADERS, rows)
    else:
        state.note(f"nobody is asked anything on {name}")


def _deciding(verb: str, done: str) -> Callable[[Callable[..., None]], click.Command]:
    def make(command: Callable[..., None]) -> click.Command:
        def decide(approval_id: str, by: str | None, note: str, digest: str) -> None:
            state, number = session(), parse_id(approval_id)
            with state.open() as app:
                who = by or state.person(app)
                getattr(app, verb)(number, by=who, note=note, digest=digest)
            if state.json:
                state.emit({"approval": number, "state": done, "by": who})
            else:
                click.echo(f"{number} is {done}")

        decide.__doc__ = command.__doc__
        for option in (
            common,
            json_option,
            click.option("--digest", default="", help="Of the question as you saw it."),
            click.option("--note", default="", help="Kept with the decision."),
            click.option("--by", help="Who decides; else the user of this shell."),
            click.argument("approval_id", metavar="ID", shell_complete=complete.approvals),
        ):
            decide = option(decide)
        return click.command(verb)(decide)

    return make


@_deciding("approve", "approved")
def approve() -> None:
    """Say yes to what a job asks. Once, and for exactly what it asked.

    \b
    With --json: {"approval": ID, "state": "approved", "by": NAME}
    """


@_deciding("deny", "denied")
def deny() -> None:
    """Say no to what a job asks.

    \b
    With --json: {"approval": ID, "state": "denied", "by": NAME}
    """


@click.command()
@click.argument("job_id", metavar="ID", shell_complete=complete.unfinished_jobs)
@click.argument("name")
@click.argument("payload", required=False, default="null")
@json_option
@common
def signal(job_id: str, name: str, payload: str) -> None:
    """Send a job the signal that it waits for, with some JSON if it wants any.

    \b
    Example:
      offhours signal 12 go '{"version": 3}'

    \b
    With --json: {"job": ID, "signal": NAME}
    """
    state, number = session(), parse_id(job_id)
    try:
        carried = read_json(payload)
    except ValueError:
        hint = "expected JSON, such as '\"text\"' or 3"
        raise click.BadParameter(hint, param_hint="PAYLOAD") from None
    with state.open() as app:
        app.signal(number, name, carried)
    if state.json:
        state.emit({"job": number, "signal": name})
    else:
        click.echo(f"job {number} was sent {name}")
