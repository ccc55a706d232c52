"""`ls`: lists of jobs, workers, tasks, schedules and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from offhours.cli import complete
from offhours.cli.ids import job_number
from offhours.cli.options import limit_option
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.views import (
    JOB_HEADERS,
    LIMIT_HEADERS,
    QUEUE_HEADERS,
    TASK_HEADERS,
    WORKER_HEADERS,
    job_rows,
    limit_rows,
    queue_rows,
    task_rows,
    worker_rows,
)
from offhours.core.errors import did_you_mean
from offhours.core.model import JobState
from offhours.handles import job_dict
from offhours.known_tasks import task_counts
from offhours.views import limit_dict, worker_dict

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp


@click.command()
@click.argument(
    "what",
    type=click.Choice(["jobs", "workers", "tasks", "queues", "schedules", "limits"]),
    default="jobs",
)
@click.option(
    "--state",
    "wanted",
    type=click.Choice([s.value for s in JobState]),
    help="Jobs in this state only.",
)
@click.option("--task", shell_complete=complete.tasks, help="Jobs or schedules of this task only.")
@limit_option(20, "How many jobs or schedules.")
@click.option(
    "--after",
    callback=job_number,
    metavar="ID",
    help="Go on after this job or schedule of the page before.",
)
@click.option("--ids", is_flag=True, help="Print the ids only, one a line.")
@json_option
@common
def ls(
    what: str, wanted: str | None, task: str | None, limit: int, after: int | None, ids: bool
) -> None:
    """List jobs (newest first), workers, tasks, queues, schedules or limits.

    \b
    With --json:
      jobs     {"jobs": [job...], "next": ID or null}; --after takes "next"
      workers  {"workers": [{"id", "label", "pid", "alive", "slots",
               "started_at", "last_sign_at", "lease_ms", "labels", "version",
               "release", "tasks"}...]}
      tasks    {"tasks": [{"task", "workers", "recent_jobs", "recent_failed"}...]}
      queues   {"queues": [{"queue", "ready", "later", "held", "running", "by_priority",
               "oldest_wait_ms", "paused_at", "reason", "concurrency", "rate"}...]}
      schedules  as `offhours schedule ls`
      limits   {"limits": [{"scope", "name", "concurrency", "rate", "per_ms",
               "paused_at", "reason", "declared"}...]}

    \b
    Example:
      offhours ls --state failed
    """  # fmt: skip
    state = session()
    paged = what in ("jobs", "schedules")
    if (what != "jobs" and wanted) or (not paged and (task or after or ids)):
        raise click.UsageError(
            "--state is for jobs; --task, --after and --ids are for jobs and schedules"
        )
    with state.open() as app:
        if what == "workers":
            _workers(state, app)
        elif what == "tasks":
            _tasks(state, app)
        elif what == "queues":
            _queues(state, app)
        elif what == "limits":
            _limits(state, app)
        elif what == "schedules":
            from offhours.cli.schedules.ls import list_schedules

            list_schedules(state, app, None, task, limit, after or 0, ids)
        else:
            _jobs(state, app, wanted, task, limit, after or 0, ids)


def _jobs(
    state: Session,
    app: AnyApp,
    wanted: str | None,
    task: str | None,
    limit: int,
    after: int,
    ids: bool,
) -> None:
    jobs = app.jobs(state=wanted, task=task, after=after, limit=limit)
    more = len(jobs) == limit
    if state.json:
        found = [job_dict(job) for job in jobs]
        state.emit({"jobs": found, "next": jobs[-1].id if more else None})
    elif ids:
        for job in jobs:
            click.echo(job.id)
    elif jobs:
        state.table(JOB_HEADERS, job_rows(jobs, app.clock.micros()))
        if more:
            state.note(f"perhaps more: --after {jobs[-1].id}, or a larger --limit")
    else:
        of_state = f"{wanted} " if wanted else ""
        state.note(f"no {of_state}jobs{_of_task(app, task)}")


def _of_task(app: AnyApp, task: str | None) -> str:
    if task is None:
        return f" in {app.store.name}"
    known = [count.task for count in task_counts(app)]
    near = "" if task in known else did_you_mean(task, known)
    return f" of {task} in {app.store.name}{near}"


def _workers(state: Session, app: AnyApp) -> None:
    workers, now = app.workers(), app.clock.micros()
    if state.json:
        state.emit({"workers": [worker_dict(worker, now) for worker in workers]})
    elif workers:
        state.table(WORKER_HEADERS, worker_rows(workers, now))
    else:
        state.note(f"no worker on {app.store.name}; start one: offhours up FILE.py")


def _queues(state: Session, app: AnyApp) -> None:
    queues = app.queues()
    if state.json:
        state.emit({"queues": queues})
    elif queues:
        state.table(QUEUE_HEADERS, queue_rows(queues, app.clock.micros()))
    else:
        state.note(f"nothing waits on {app.store.name}")


def _limits(state: Session, app: AnyApp) -> None:
    limits = app.limits()
    if state.json:
        state.emit({"limits": [limit_dict(limit) for limit in limits]})
    elif limits:
        state.table(LIMIT_HEADERS, limit_rows(limits, app.clock.micros()))
    else:
        state.note(f"nothing is limited or paused on {app.store.name}")


def _tasks(state: Session, app: AnyApp) -> None:
    tasks = task_counts(app)
    if state.json:
        state.emit({"tasks": [task._asdict() for task in tasks]})
    elif tasks:
        state.table(TASK_HEADERS, task_rows(tasks))
    else:
        state.note(f"no tasks on {app.store.name} yet; a worker brings them: offhours up FILE.py")
