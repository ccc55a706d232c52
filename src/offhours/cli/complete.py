"""What the shell offers at Tab: names and numbers out of the database, quickly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from offhours.cli.remote import AnyApp

Offered = Iterable[tuple[str, str]]  # each with a word about it
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]

PATIENCE = 1.0  # seconds for a server; nobody waits longer for a Tab
JOBS, NAMES = 30, 500


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own completion of paths."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _completer(offer: Callable[[AnyApp], Offered]) -> Completer:
    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = dict(_ask(ctx, offer))
        taken = ctx.params.get(param.name or "")
        already = set(map(str, taken)) if isinstance(taken, list | tuple) else set()
        return [
            CompletionItem(word, help=about)
            for word, about in found.items()
            if word.startswith(incomplete) and word not in already
        ]

    return complete


def _ask(ctx: click.Context, offer: Callable[[AnyApp], Offered]) -> Offered:
    """Whatever is wrong, a Tab prints nothing: the command itself will say it."""
    from offhours.cli.session import Session

    state = ctx.ensure_object(Session)
    state.quiet, state.patience = True, PATIENCE
    try:
        with state.open() as app:
            return list(offer(app))
    except Exception:
        return ()


def _tasks(app: AnyApp) -> Offered:
    from offhours.known_tasks import task_counts

    for count in task_counts(app):
        yield count.task, f"{count.workers} workers, {count.recent_jobs} recent jobs"


def _queues(app: AnyApp) -> Offered:
    for queue in app.queues():
        yield queue["queue"], f"{queue['ready']} ready, {queue['running']} run"


def _jobs(*states: str) -> Callable[[AnyApp], Offered]:
    def offer(app: AnyApp) -> Offered:
        found = [job for state in states or (None,) for job in app.jobs(state=state, limit=JOBS)]
        for job in sorted(found, key=lambda job: -job.id):
            yield str(job.id), f"{job.state}, {job.name or job.task}"

    return offer


def _schedules(app: AnyApp) -> Offered:
    page = app.schedules.page(limit=NAMES)
    yield from ((each.name, f"{each.id}, {each.status}, {each.text}") for each in page)
    yield from ((str(each.id), f"{each.name}, {each.status}") for each in page)


def _flows(app: AnyApp) -> Offered:
    yield from (
        (str(each.id), f"{each.record.name}, {each.status}") for each in app.flows(limit=JOBS)
    )


def _approvals(app: AnyApp) -> Offered:
    yield from ((str(each.id), each.question) for each in app.approvals(limit=JOBS))


def _goals(app: AnyApp) -> Offered:
    for goal in app.agents.goals.page(limit=NAMES):
        yield goal.task_id, f"{goal.agent}, {goal.name}"


tasks = _completer(_tasks)
queues = _completer(_queues)
jobs = _completer(_jobs())
unfinished_jobs = _completer(_jobs("pending", "held", "running"))
finished_jobs = _completer(_jobs("failed", "cancelled", "succeeded"))
schedules = _completer(_schedules)
flows = _completer(_flows)
approvals = _completer(_approvals)
goals = _completer(_goals)
