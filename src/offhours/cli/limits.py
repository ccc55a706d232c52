"""`pause`, `resume` and `limit`: how much of a queue, of a task or of all work may run."""

from __future__ import annotations

from typing import Any

import click

from offhours.cli import complete
from offhours.cli.many import check_alone, do_to_many, where_options
from offhours.cli.options import together
from offhours.cli.session import common, json_option, session
from offhours.core.bulk import Verb
from offhours.views import limit_dict

_subject = together(
    click.option("--queue", shell_complete=complete.queues, help="The jobs of this queue."),
    click.option("--task", shell_complete=complete.tasks, help="The jobs of this task."),
    click.option("--all", "everything", is_flag=True, help="All work."),
)


def _chosen(queue: str | None, task: str | None, everything: bool) -> dict[str, Any]:
    if sum((queue is not None, task is not None, everything)) != 1:
        raise click.UsageError("say what it is about: one of --queue, --task and --all")
    return {"queue": queue, "task": task}


def _name(queue: str | None, task: str | None) -> str:
    if queue is not None:
        return f"the queue {queue}"
    return "all work" if task is None else f"the task {task}"


@click.command()
@_subject
@where_options
@click.option("--reason", default="", help="Kept with the pause, and told by `why`.")
@json_option
@common
def pause(
    queue: str | None,
    task: str | None,
    everything: bool,
    words: tuple[str, ...],
    reason: str,
    **flags: Any,
) -> None:
    """Let no job of a queue or a task start, or none at all, at any worker. What runs goes on.

    With --where, the pending jobs that it leaves in are paused, and not those that come later.

    \b
    With --json: {"paused", "changed"}; with --where as `cancel`.

    \b
    Examples:
      offhours pause --queue mail --reason "the provider is down"
      offhours pause --where "state=pending tag=night tenant=acme"
    """
    state = session()
    if check_alone(words, queue or task or everything, "--queue, --task or --all", **flags):
        with state.open() as app:
            code = do_to_many(state, app, Verb.PAUSE, words, reason=reason, **flags)
        click.get_current_context().exit(code)
    about = _chosen(queue, task, everything)
    with state.open() as app:
        changed = app.pause(**about, reason=reason)
    if state.json:
        state.emit({"paused": True, "changed": changed})
    else:
        click.echo(f"{_name(queue, task)} is paused" + ("" if changed else " already"))


@click.command()
@_subject
@where_options
@json_option
@common
def resume(
    queue: str | None, task: str | None, everything: bool, words: tuple[str, ...], **flags: Any
) -> None:
    """End a pause. With --where, let the jobs go on that it leaves in and that were paused so.

    \b
    With --json: {"paused", "changed"}; with --where as `cancel`.

    \b
    Examples:
      offhours resume --queue mail
      offhours resume --where tag=night
    """
    state = session()
    if check_alone(words, queue or task or everything, "--queue, --task or --all", **flags):
        with state.open() as app:
            code = do_to_many(state, app, Verb.RESUME, words, **flags)
        click.get_current_context().exit(code)
    about = _chosen(queue, task, everything)
    with state.open() as app:
        changed = app.resume(**about)
    if state.json:
        state.emit({"paused": False, "changed": changed})
    else:
        click.echo(f"{_name(queue, task)} {'goes on' if changed else 'was not paused'}")


@click.command()
@_subject
@click.option("--concurrency", type=int, help="How many jobs run at once.")
@click.option("--rate", help='How many start in a time: "10/s", "100 per minute".')
@click.option("--none", "lift", is_flag=True, help="Lift the limit.")
@json_option
@common
def limit(
    queue: str | None,
    task: str | None,
    everything: bool,
    concurrency: int | None,
    rate: str | None,
    lift: bool,
) -> None:
    """Limit how many jobs run at once or start in a time, at all workers together.

    \b
    With --json: {"limits": as `ls limits`}

    \b
    Example:
      offhours limit --queue mail --rate 10/s --concurrency 3
    """
    state, about = session(), _chosen(queue, task, everything)
    if lift == (concurrency is not None or rate is not None):
        raise click.UsageError("give --concurrency or --rate or both, or --none to lift the limit")
    with state.open() as app:
        app.limit(**about, concurrency=concurrency, rate=rate)
        limits = app.limits()
    if state.json:
        state.emit({"limits": [limit_dict(found) for found in limits]})
    else:
        click.echo(f"{_name(queue, task)} is {'limited no longer' if lift else 'limited'}")
