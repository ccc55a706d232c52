"""`operations`: long actions, and how far they are. `submit-many`: jobs from a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import IO, Any

import click

from offhours.cli.calls import app_of, file_options, read_json
from offhours.cli.ids import parse_id
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.core.access import Operation
from offhours.core.bulk import Order
from offhours.core.errors import BatchError
from offhours.core.filters import spoken_filter
from offhours.core.times import iso_second
from offhours.views import operation_dict

HEADERS = ("ID", "WHAT", "STATE", "DONE", "REFUSED", "OF", "BY", "BEGUN", "WHICH")


@click.group(invoke_without_command=True)
@limit_option(20)
@json_option
@common
@click.pass_context
def operations(ctx: click.Context, limit: int) -> None:
    """List long actions, the newest first; `operations resume ID` goes on with one, `stop ID` ends
    it.

    \b
    With --json: {"operations": [{"id", "kind", "state", "by", "total", "done", "failed",
    "created_at", "finished_at", "result", "request"}...]}
    """
    if ctx.invoked_subcommand is not None:
        return
    state = session()
    with state.open() as app:
        found, name = app.store.access.operations(limit=limit), app.store.name
    if state.json:
        state.emit({"operations": [operation_dict(each) for each in found]})
    elif found:
        state.table(HEADERS, [_row(each) for each in found])
    else:
        state.note(f"no operations on {name}")


def _row(each: Operation) -> tuple[str, ...]:
    which = "" if each.request is None else spoken_filter(Order.from_json(each.request).wanted)
    return (
        str(each.id), each.kind, each.state, str(each.done), str(each.failed), str(each.total),
        each.made_by, iso_second(each.created_at), which,
    )  # fmt: skip


@operations.command()
@click.argument("operation_id", metavar="ID")
@json_option
@common
def resume(operation_id: str) -> None:
    """Go on with a bulk operation whose process died, and wait for its end.

    With --json: {"operation", "total", "done", "failed", "asked_to_stop", "refused"}
    """
    state = session()
    with state.open() as app:
        done = app.bulk.go_on(parse_id(operation_id))
    if state.json:
        state.emit(asdict(done))
    else:
        click.echo(f"operation {done.operation} has ended: {done.done} of {done.total} jobs")


@operations.command()
@click.argument("operation_id", metavar="ID")
@json_option
@common
def stop(operation_id: str) -> None:
    """Let a bulk operation go no further, wherever it goes on. What is done stays done.

    With --json: as `resume`.
    """
    state = session()
    with state.open() as app:
        done = app.bulk.stop(parse_id(operation_id))
    if state.json:
        state.emit(asdict(done))
    else:
        click.echo(f"operation {done.operation} was stopped: {done.done} of {done.total} jobs")


@click.command("submit-many")
@click.argument("source", metavar="JOBS.jsonl", type=click.File(encoding="utf-8"))
@file_options
@click.option("--dry-run", is_flag=True, help="Check them all, store none.")
@json_option
@common
def submit_many(source: IO[str], file: str | None, app_name: str | None, dry_run: bool) -> None:
    """Store the jobs of a file, all or none, and print their ids. `-` reads stdin.

    Each line is a JSON object: {"task", "args", "kwargs"} and, beside them, options of a submit:
    "priority", "delay", "at", "name", "tags", "queue", "unique", "tenant", "retries", ... Without
    --file a task may be one that nobody knows yet. All faults are told at once.

    \b
    With --json: {"jobs": [ID...]}, with --dry-run {"count"}

    \b
    Example:
      echo '{"task": "shop:mail", "args": ["ann@example.org"]}' | offhours submit-many -
    """
    state, items = session(), _lines(source)
    with app_of(state, file, app_name) as app:
        if dry_run:
            app.bulk.check(items, by_name=file is None)
            ids = []
        else:
            ids = [job.id for job in app.bulk.submit(items, by_name=file is None)]
    if state.json:
        state.emit({"count": len(items)} if dry_run else {"jobs": ids})
    elif dry_run:
        click.echo(f"{len(items)} jobs can be stored")
    for job_id in [] if state.json else ids:
        click.echo(job_id)


def _lines(source: IO[str]) -> list[Any]:
    items: list[Any] = []
    faults: dict[str, str] = {}
    try:
        lines = [line for line in source if line.strip()]
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{source.name} is no UTF-8: {error.reason}") from None
    for place, line in enumerate(lines):
        try:
            items.append(read_json(line))
        except ValueError as error:
            faults[str(place)] = f"is not JSON: {error}"
    if faults:
        raise BatchError(faults)
    return items
