"""`show` and `why`: one job, and why it stands where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from offhours.cli import complete
from offhours.cli.follow import log_line
from offhours.cli.ids import job_number
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable, printable_lines, to_json
from offhours.handles import job_dict
from offhours.views import event_dict

_SHOWN_APART = ("id", "task", "name", "state", "schedule", "fire_at", "error")
_AS_JSON = ("metadata", "progress", "arguments", "result")


@click.command()
@click.argument("job_id", metavar="ID", callback=job_number, shell_complete=complete.jobs)
@json_option
@common
def show(job_id: int) -> None:
    """All about one job: what is stored of it, why it stands there, and what happened to it.

    \b
    With --json: {"job": job, "why": {"code", "sentence", "until"},
                  "history": [{"seq", "at", "kind", "job", "attempt", "data"}...]}
    a job has: "id", "task", "name", "state", "priority", "queue", "tenant",
      "concurrency_key", "attempts", "max_attempts", "deferrals", "created_at",
      "run_at", "started_at", "finished_at", "worker", "code", "reason",
      "schedule", "retry_of", "crashes", "timeout_ms", "parent", "expires_at",
      "fire_at", "metadata", "progress", "arguments", "result", "error"
    """
    state = session()
    with state.open() as app:
        handle = app.job(job_id)
        told, because, history = job_dict(handle.record), handle.why(), handle.history()
    if state.json:
        events = [event_dict(event) for event in history]
        state.emit({"job": told, "why": because.to_dict(), "history": events})
        return
    click.echo(_title(told))
    click.echo(printable(because.sentence))
    if told["schedule"] is not None:
        moment = f"{told['fire_at'][:19].replace('T', ' ')}Z"
        click.echo(f"made by schedule {told['schedule']} for its fire of {moment}")
    for key, value in told.items():
        if key not in _SHOWN_APART and value not in (None, 0):
            click.echo(f"  {key:<12}  {_value(key, value)}")
    if told["error"]:
        click.secho("error", bold=True)
        for line in printable_lines(told["error"]).splitlines():
            click.echo(f"  {line}")
    click.secho("history", bold=True)
    for event in history:
        click.echo(f"  {log_line(event)}")


def _title(told: Mapping[str, Any]) -> str:
    name = f" ({printable(told['name'])})" if told["name"] else ""
    title = f"job {told['id']}{name}, {printable(told['task'])}: {told['state']}"
    return click.style(title, bold=True)


def _value(key: str, value: Any) -> str:
    return to_json(value) if key in _AS_JSON else printable(value)


@click.command()
@click.argument("job_id", metavar="ID", callback=job_number, shell_complete=complete.jobs)
@json_option
@common
def why(job_id: int) -> None:
    """Why a job stands where it stands, in a sentence, and when that may change.

    With --json: {"id", "code", "sentence", "until"}
    """
    state = session()
    with state.open() as app:
        because = app.why(job_id)
    if state.json:
        state.emit({"id": job_id, **because.to_dict()})
    else:
        click.echo(printable(because.sentence))
