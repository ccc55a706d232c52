"""`--where`: a verb done to all jobs that a filter leaves in, once somebody has seen how many."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.options import together
from offhours.cli.schedules.phrase import may_ask
from offhours.cli.session import Session
from offhours.cli.text import printable
from offhours.cli.views import JOB_HEADERS, job_rows
from offhours.core.bulk import Preview, Verb
from offhours.core.filters import parse_where
from offhours.views import preview_dict

if TYPE_CHECKING:
    from offhours.bulk import Outcome
    from offhours.cli.remote import AnyApp

_DONE = {
    Verb.CANCEL: "cancelled",
    Verb.RETRY: "submitted anew",
    Verb.PAUSE: "paused",
    Verb.RESUME: "resumed",
}


where_options = together(
    click.option(
        "--where", "words", multiple=True, metavar="FILTER",
        help="All jobs with: state= task= queue= priority= tag= tenant= schedule= flow= "
        "ids= q= since= until=. Words are joined by and, repeated keys by or.",
    ),
    click.option("--dry-run", is_flag=True, help="With --where: count them, do nothing."),
    click.option("--yes", is_flag=True, help="With --where: ask nothing."),
    click.option(
        "--expect", default="", metavar="TOKEN",
        help="With --where: that of a --dry-run; only what it saw is touched.",
    ),
)  # fmt: skip


def check_alone(words: tuple[str, ...], others: object, what: str, **flags: object) -> bool:
    """Whether a filter was given; refuses one beside other jobs, and its flags without it."""
    if bool(words) == bool(others):
        raise click.UsageError(f"say which jobs: {what}, or --where FILTER")
    if not words and any(flags.values()):
        raise click.UsageError("--dry-run, --yes and --expect go with --where")
    return bool(words)


def do_to_many(
    state: Session,
    app: AnyApp,
    verb: Verb,
    words: tuple[str, ...],
    *,
    reason: str = "",
    dry_run: bool = False,
    yes: bool = False,
    expect: str = "",
) -> int:
    """Count, ask, do it; the exit code."""
    where = parse_where(" ".join(words))
    seen = app.bulk.preview(verb, **where)
    if dry_run:
        _show(state, app, seen)
        return Exit.OK
    if seen.count and not yes:
        _ask(state, app, seen)
    begun = app.bulk.begin(verb, reason=reason, expect=expect or seen.token, **where)
    try:
        done = app.bulk.go_on(begun.id)
    except KeyboardInterrupt:
        more = f"offhours operations resume {begun.id}"
        state.note(
            f"the server goes on with it; wait for it with: {more}"
            if state.url
            else f"it stands still; go on with: {more}"
        )
        raise
    return _tell(state, verb, done)


def _ask(state: Session, app: AnyApp, seen: Preview) -> None:
    if not may_ask(state):
        raise CommandError(
            f"{_jobs(seen.count)} would be {_DONE[seen.verb]}; say --yes to do it, or --dry-run "
            "to look",
            Exit.USAGE,
            "not_confirmed",
            data={"count": seen.count},
        )
    _show(state, app, seen, err=True)
    if not click.confirm(f"{_jobs(seen.count)}: {seen.verb.value}?", default=False, err=True):
        raise click.Abort


def _show(state: Session, app: AnyApp, seen: Preview, err: bool = False) -> None:
    if state.json:
        state.emit(preview_dict(seen))
        return
    click.echo(f"{_jobs(seen.count)} would be {_DONE[seen.verb]}", err=err)
    for kind, counts in (("task", seen.tasks), ("state", seen.states)):
        for name, count in counts.items():
            click.echo(f"  {count:>7}  {kind} {printable(name)}", err=err)
    if seen.examples and not err:
        state.table(JOB_HEADERS, job_rows(list(seen.examples), app.clock.micros()))
    if seen.count and not err:
        state.note(f"--expect {seen.token} touches no others")


def _tell(state: Session, verb: Verb, done: Outcome) -> int:
    if state.json:
        state.emit(asdict(done))
    else:
        at_once = done.done - done.asked_to_stop
        asked = f"; {done.asked_to_stop} that run were asked to stop" if done.asked_to_stop else ""
        click.echo(f"{_jobs(at_once)} {'was' if at_once == 1 else 'were'} {_DONE[verb]}{asked}")
        for refused in done.refused:
            click.echo(f"offhours: {refused['item']}: {printable(refused['detail'])}", err=True)
        if done.failed > len(done.refused):
            state.note(f"and {done.failed - len(done.refused)} more were refused")
    return Exit.FAILED if done.failed else Exit.OK


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
