"""`submit`: store a job, and wait for it if asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from offhours.cli import complete
from offhours.cli.calls import app_of, call_options, file_options, seconds
from offhours.cli.session import Session, common, json_option, session
from offhours.core.errors import did_you_mean
from offhours.core.model import JobState, TaskPriority
from offhours.handles import SubmitOptions, job_dict
from offhours.known_tasks import served_tasks

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp, AnyJob


@click.command()
@click.argument("task", metavar="TASK", shell_complete=complete.tasks)
@call_options
@click.option("--priority", type=click.Choice([p.name.lower() for p in TaskPriority]))
@click.option("--delay", callback=seconds, metavar="TIME", help="How long to wait first: 10m.")
@click.option("--at", metavar="WHEN", help="When to run: 2026-06-01T09:00+02:00.")
@click.option("--name", help="What to call the job.")
@click.option("--unique", metavar="KEY", help="If an unfinished job has this key, answer with it.")
@click.option("--queue", shell_complete=complete.queues, help="The name of its queue.")
@click.option("--retries", type=click.IntRange(0), help="Attempts after the first one fails.")
@file_options
@click.option("--wait", is_flag=True, help="Wait for the job and print its result as JSON.")
@click.option("--timeout", callback=seconds, metavar="TIME", help="With --wait: how long at most.")
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
    state = session()
    given: SubmitOptions = {k: v for k, v in options.items() if v is not None}  # type: ignore[assignment]
    with app_of(state, file, app_name) as app:
        if file is not None:
            app.registry.get(task)  # there, or refused
        job: AnyJob = app.submit_by_name(task, args=args, kwargs=kwargs, **given)
        if file is None:
            _warn_if_unknown(state, app, task)
        if wait:
            _wait(state, job, timeout)
        elif state.json:
            state.emit(job_dict(job.record))
        else:
            click.echo(job.id)


def _warn_if_unknown(state: Session, app: AnyApp, task: str) -> None:
    """A mistyped name is no error, so it has to be said."""
    served = sorted(served_tasks(app))
    if served and task not in served:
        near = did_you_mean(task, served)
        state.note(f"no running worker knows {task}, so the job waits for one that does{near}")


def _wait(state: Session, job: AnyJob, timeout: float | None) -> None:
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
