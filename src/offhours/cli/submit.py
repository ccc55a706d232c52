"""`submit`: store a job, and wait for it if asked to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from offhours.cli.loading import load_app
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.tasks import served_tasks
from offhours.cli.up import app_option, check_database
from offhours.core.errors import TimeError, did_you_mean
from offhours.core.model import JobState, TaskPriority
from offhours.core.times import SECOND, parse_duration
from offhours.handles import JobHandle, SubmitOptions, job_dict

if TYPE_CHECKING:
    from offhours.app import Offhours


def parse_value(text: str) -> Any:
    """JSON if it is JSON, else the text itself.

    >>> parse_value("3"), parse_value("notes/"), parse_value('"3"')
    (3, 'notes/', '3')
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _arguments(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
    return [parse_value(text) for text in texts]


def _keywords(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"expected KEY=VALUE, got {text!r}")
        if key in found:
            raise click.BadParameter(f"{key} is given twice")
        found[key] = parse_value(value)
    return found


def _seconds(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """`90s`, `5m`, `1h30m`; a bare number is seconds."""
    if text is None:
        return None
    value: float | str = text
    with suppress(ValueError):
        value = float(text)
    try:
        return parse_duration(value) / SECOND
    except TimeError as error:
        raise click.BadParameter(str(error).removeprefix("duration: ")) from None


@click.command()
@click.argument("task", metavar="TASK")
@click.option(
    "--arg",
    "args",
    multiple=True,
    callback=_arguments,
    metavar="VALUE",
    help="A positional argument: JSON, else text. Repeatable.",
)
@click.option(
    "--kwarg",
    "kwargs",
    multiple=True,
    callback=_keywords,
    metavar="KEY=VALUE",
    help="A keyword argument. Repeatable.",
)
@click.option("--priority", type=click.Choice([p.name.lower() for p in TaskPriority]))
@click.option("--delay", callback=_seconds, metavar="TIME", help="How long to wait first: 10m.")
@click.option("--at", metavar="WHEN", help="When to run: 2026-06-01T09:00+02:00.")
@click.option("--name", help="What to call the job.")
@click.option("--unique", metavar="KEY", help="If an unfinished job has this key, answer with it.")
@click.option("--queue", help="The name of its queue.")
@click.option("--retries", type=click.IntRange(0), help="Attempts after the first one fails.")
@click.option("--file", "file", metavar="FILE.py", help="Take task and database from this file.")
@app_option
@click.option("--wait", is_flag=True, help="Wait for the job and print its result as JSON.")
@click.option("--timeout", callback=_seconds, metavar="TIME", help="With --wait: how long at most.")
@json_option
@common
def submit(
    task: str,
    args: list[Any],
    kwargs: dict[str, Any],
    file: str | None,
    app_name: str | None,
    wait: bool,
    timeout: float | None,
    **options: Any,
) -> None:
    """Store a job for TASK (`module:function`, as registered) and print its id.

    Without --file, TASK may be a name that nobody knows yet: the job then waits for a worker that
    does. Its arguments are not checked, and it has the defaults, not the task's own retries,
    timeout and priority.

    With --json: the job, as `show` has it under "job".
    """  # fmt: skip
    if timeout is not None and not wait:
        raise click.UsageError("--timeout needs --wait")
    if app_name is not None and file is None:
        raise click.UsageError("--app needs --file")
    state = session()
    given: SubmitOptions = {k: v for k, v in options.items() if v is not None}  # type: ignore[assignment]
    with _app(state, file, app_name) as app:
        job: JobHandle[Any]
        if file is not None:
            job = app.submit(task, args=args, kwargs=kwargs, **given)
        else:
            job = app.submit_by_name(task, args=args, kwargs=kwargs, **given)
            _warn_if_unknown(state, app, task)
        if wait:
            _wait(state, job, timeout)
        elif state.json:
            state.emit(job_dict(job.record))
        else:
            click.echo(job.id)


@contextmanager
def _app(state: Session, file: str | None, app_name: str | None) -> Iterator[Offhours]:
    if file is None:
        with state.open(create=True) as app:
            yield app
    else:
        _, app = load_app(file, app_name)
        try:
            check_database(state, file, app)
            yield app
        finally:
            app.close()


def _warn_if_unknown(state: Session, app: Offhours, task: str) -> None:
    """A mistyped name is no error, so it has to be said."""
    served = sorted(served_tasks(app))
    if served and task not in served:
        near = did_you_mean(task, served)
        state.note(f"no running worker knows {task}, so the job waits for one that does{near}")


def _wait(state: Session, job: JobHandle[Any], timeout: float | None) -> None:
    state.note(f"job {job.id}")
    try:
        ended = job.wait(timeout)
    except KeyboardInterrupt:
        state.note(f"job {job.id} goes on; ask about it: offhours why {job.id}")
        raise
    if ended is not JobState.SUCCEEDED:
        job.result()  # raises what became of it
    told = job_dict(job.record)
    if told["result"] is None and told["reason"]:
        state.note(f"job {job.id} succeeded, but {told['reason']}")
    state.emit(told if state.json else told["result"])
