"""`cancel` and `retry`: change what becomes of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from offhours.cli import complete
from offhours.cli.codes import code_of, exit_of
from offhours.cli.failure import message_of
from offhours.cli.ids import job_numbers
from offhours.cli.many import check_alone, do_to_many, where_options
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.text import printable
from offhours.core.bulk import Verb
from offhours.core.errors import OffhoursError
from offhours.handles import job_dict

Act = Callable[[int], dict[str, Any]]
Line = Callable[[dict[str, Any]], str]


@click.command()
@click.argument(
    "job_ids", metavar="[ID...]", callback=job_numbers, nargs=-1,
    shell_complete=complete.unfinished_jobs,
)  # fmt: skip
@where_options
@click.option("--reason", default="", help="Kept with the job, and told by `why`.")
@json_option
@common
def cancel(job_ids: list[int], words: tuple[str, ...], reason: str, **flags: Any) -> None:
    """Cancel jobs: at once where nobody runs them, else their run is asked to stop.

    Each id is tried; the exit code is that of the first one that could not be cancelled.
    With --where, all jobs that it leaves in, once you have seen how many.

    \b
    With --json: {"results": [{"id", "ok", "outcome"}...]}, "outcome" being
    "cancelled" or "asked_to_stop"; failed ones have "code" and "message".
    With --where: {"operation", "total", "done", "failed", "asked_to_stop", "refused"},
    and with --dry-run {"verb", "count", "tasks", "states", "examples", "token"}.

    \b
    Example:
      offhours cancel --where "state=pending task=shop:mail since=2h" --dry-run
    """
    state = session()
    many = check_alone(words, job_ids, "their numbers", **flags)
    if many:
        with state.open() as app:
            code = do_to_many(state, app, Verb.CANCEL, words, reason=reason, **flags)
        click.get_current_context().exit(code)
    with state.open() as app:

        def act(job_id: int) -> dict[str, Any]:
            at_once = app.cancel(job_id, reason)
            return {"outcome": "cancelled" if at_once else "asked_to_stop"}

        code = _each(state, job_ids, act, lambda r: f"{r['id']} {r['outcome'].replace('_', ' ')}")
    click.get_current_context().exit(code)


@click.command()
@click.argument(
    "job_ids", metavar="[ID...]", callback=job_numbers, nargs=-1,
    shell_complete=complete.finished_jobs,
)  # fmt: skip
@where_options
@json_option
@common
def retry(job_ids: list[int], words: tuple[str, ...], **flags: Any) -> None:
    """Submit finished jobs anew: each as a new job that names the old one. Prints the new ids.

    Each id is tried; the exit code is that of the first one that could not be retried.
    With --where, all jobs that it leaves in, but for those that were retried already; it prints
    how many.

    \b
    With --json: {"results": [{"id", "ok", "job": the new job}...]};
    failed ones have "code" and "message". With --where: as `cancel`.

    \b
    Example:
      offhours retry --where "state=failed q='connection refused'"
    """
    state = session()
    many = check_alone(words, job_ids, "their numbers", **flags)
    if many:
        with state.open() as app:
            code = do_to_many(state, app, Verb.RETRY, words, **flags)
        click.get_current_context().exit(code)
    with state.open() as app:

        def act(job_id: int) -> dict[str, Any]:
            return {"job": job_dict(app.retry(job_id).record)}

        code = _each(state, job_ids, act, lambda result: str(result["job"]["id"]))
    click.get_current_context().exit(code)


def _each(state: Session, job_ids: list[int], act: Act, line: Line) -> int:
    """Do it for each job, go on after a refusal, and give the first refusal's exit code."""
    results: list[dict[str, Any]] = []
    first = 0
    for job_id in job_ids:
        result: dict[str, Any] = {"id": job_id, "ok": True}
        try:
            result |= act(job_id)
        except OffhoursError as error:
            message = message_of(error)
            result |= {"ok": False, "code": code_of(error), "message": message}
            first = first or exit_of(error) or 1
            if not state.json:
                click.echo(f"offhours: {printable(message)}", err=True)
        results.append(result)
        if result["ok"] and not state.json:
            click.echo(line(result))
    if state.json:
        state.emit({"results": results})
    return first
