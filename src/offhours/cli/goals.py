"""`goal`: what agents are told when. A goal is a schedule in the name of an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import click

from offhours.agents.telling import goal_dict
from offhours.cli import complete
from offhours.cli.calls import seconds
from offhours.cli.options import limit_option
from offhours.cli.schedules.phrase import understood
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.text import printable, printable_lines
from offhours.cli.views import ahead
from offhours.core.times import iso_second
from offhours.known_tasks import served_tasks
from offhours.views import deferral_dict

if TYPE_CHECKING:
    from offhours.agents import GoalHandle
    from offhours.cli.remote import AnyApp
    from offhours.cli.remote.agents import RemoteGoal
    from offhours.core.agents import Goal

    AnyGoal: TypeAlias = GoalHandle | RemoteGoal

HEADERS = ("ID", "AGENT", "STATUS", "NEXT", "WHEN", "DEFERRED", "NAME")


@click.group()
@common
def goal() -> None:
    """What agents are told, and when: each fire of a goal leaves its agent a thought."""


@goal.command()
@click.argument("when", metavar="WHEN")
@click.argument("prompt", metavar="PROMPT")
@click.option("--agent", required=True, help="Who is to be told.")
@click.option("--name", help="What to call it [its prompt].")
@click.option("--goal", "purpose", default="", help="What it is for.")
@click.option("--tenant", help="Whose it is.")
@click.option("--thread", help="The conversation in which it is worked on [one of its own].")
@click.option("--delivery", help="Who is told: announce (all channels), one of them, none.")
@click.option("--timezone", metavar="ZONE", help="Like Europe/Berlin [UTC].")
@click.option("--expires", callback=seconds, metavar="TIME", help="How long it goes on: 30d.")
@click.option("--thought-expires", callback=seconds, metavar="TIME",
              help="How long what it says is worth being told [7d].")  # fmt: skip
@click.option("--yes", is_flag=True, help="Ask nothing: what is ambiguous is refused.")
@json_option
@common
def add(
    when: str,
    prompt: str,
    agent: str,
    name: str | None,
    purpose: str,
    tenant: str | None,
    thread: str | None,
    delivery: str | None,
    timezone: str | None,
    expires: float | None,
    thought_expires: float | None,
    yes: bool,
) -> None:
    """Have an agent told PROMPT at a time, or again and again, and print the goal's id.

    WHEN is English or a cron expression, or a moment such as 2026-06-01T09:00+02:00.

    \b
    With --json: {"goal": as `ls` has it}

    \b
    Example:
      offhours goal add "every weekday at 7am" "Look for new papers." --agent scout
    """
    state = session()
    options: dict[str, Any] = {"name": name, "goal": purpose, "tenant": tenant, "expires": expires}
    if thought_expires is not None:
        options["thought_expires"] = thought_expires
    said = {"thread": thread, "delivery": delivery}
    options |= {key: value for key, value in said.items() if value is not None}
    if timezone is not None:
        options["timezone"] = timezone
    if not when[:4].isdigit():  # a moment is no phrase
        when = understood(state, when, timezone or "UTC", ask=not yes)
    with state.open() as app:
        made = app.agent(agent).schedule(prompt, when, created_by="human", **options)
        _tell(state, made, created=True)
        _note_if_nobody_fires(state, app)


def _note_if_nobody_fires(state: Session, app: AnyApp) -> None:
    from offhours.agents.room import THINK

    if THINK not in served_tasks(app):
        state.note(
            "no running worker fires goals; one whose file says app.agent(...) does: "
            "offhours up FILE.py"
        )


@goal.command("ls")
@click.option("--agent", help="Those of this agent only.")
@limit_option(50)
@click.option("--after", type=click.IntRange(0), default=0, metavar="N",
              help="Go on after the schedule of this number.")  # fmt: skip
@json_option
@common
def list_goals(agent: str | None, limit: int, after: int) -> None:
    """List goals, in the order in which they were made.

    \b
    With --json: {"goals": [{"id", "agent", "tenant", "name", "goal", "prompt", "origin",
    "created_by", "status", "thread", "delivery", "text", "recurring", "schedule",
    "schedule_status", "next_at", "last_at", "runs", "failures", "deferrals", "open_jobs",
    "expires_at", "created_at"}...]}
    """
    state = session()
    with state.open() as app:
        found = app.agents.goals.page(agent, after, limit)
        now, where = app.clock.micros(), app.store.name
    if state.json:
        state.emit({"goals": [goal_dict(each) for each in found]})
    elif found:
        state.table(HEADERS, [_row(each, now) for each in found])
        if len(found) == limit:
            state.note(f"perhaps more: --after {found[-1].schedule_id}, or a larger --limit")
    else:
        state.note(f'no goals in {where}; add one: offhours goal add "every hour" PROMPT --agent X')


def _row(goal: Goal, now: int) -> tuple[str, ...]:
    due = goal.next_at is not None and not goal.status.final and goal.schedule_status == "active"
    when = ahead(goal.next_at or now, now) if due else "-"
    status = goal.schedule_status if goal.schedule_status == "paused" else goal.status.value.lower()
    return goal.task_id, goal.agent, status, when, goal.text, str(goal.deferrals), goal.name


@goal.command()
@click.argument("goal_id", metavar="ID", shell_complete=complete.goals)
@json_option
@common
def show(goal_id: str) -> None:
    """All about a goal: why it stands where it stands, its prompt, where it was moved to.

    \b
    With --json: {"goal": as `ls` has it, "why", "deferrals": [{"at", "until", "reason", "job",
    "gate", "thought"}...]}
    """
    state = session()
    with state.open() as app:
        handle = app.agents.goals.get(goal_id)
        told, because, moved = goal_dict(handle.record), handle.why(), handle.deferrals()
    if state.json:
        deferrals = [deferral_dict(each) for each in moved]
        state.emit({"goal": told, "why": because, "deferrals": deferrals})
        return
    click.secho(f"goal {told['id']} of {printable(told['agent'])}: {told['status']}", bold=True)
    click.echo(printable(because))
    for key, value in told.items():
        if key not in ("id", "agent", "status", "prompt") and value not in (None, 0, ""):
            click.echo(f"  {key:<12}  {printable(value)}")
    for each in moved:
        click.echo(f"  moved at {iso_second(each.at)} to {iso_second(each.until)}: "
                   f"{printable(each.reason)}")  # fmt: skip
    click.secho("prompt", bold=True)
    for line in printable_lines(told["prompt"]).splitlines():
        click.echo(f"  {line}")


@goal.command()
@click.argument("goal_id", metavar="ID", shell_complete=complete.goals)
@click.option("--reason", default="", help="Kept with it, and told by `show`.")
@json_option
@common
def pause(goal_id: str, reason: str) -> None:
    """Fire no more until `resume`.

    With --json: {"goal": as `ls` has it}
    """
    state = session()
    with state.open() as app:
        handle = app.agents.goals.get(goal_id)
        handle.pause(reason)
        _tell(state, handle)


@goal.command()
@click.argument("goal_id", metavar="ID", shell_complete=complete.goals)
@json_option
@common
def resume(goal_id: str) -> None:
    """Fire again, from now on.

    With --json: {"goal": as `ls` has it}
    """
    state = session()
    with state.open() as app:
        handle = app.agents.goals.get(goal_id)
        handle.resume()
        _tell(state, handle)


@goal.command()
@click.argument("goal_id", metavar="ID", shell_complete=complete.goals)
@click.argument("until", metavar="UNTIL")
@click.option("--reason", default="", help="Kept with the deferral.")
@json_option
@common
def defer(goal_id: str, until: str, reason: str) -> None:
    """Move its next fire to later: UNTIL is 2h, 14:00 or a moment.

    With --json: {"goal": as `ls` has it}
    """
    state = session()
    with state.open() as app:
        handle = app.agents.goals.get(goal_id)
        handle.defer(until, reason)
        _tell(state, handle)


@goal.command()
@click.argument("goal_id", metavar="ID", shell_complete=complete.goals)
@click.option("--reason", default="", help="Kept with what is cancelled.")
@json_option
@common
def cancel(goal_id: str, reason: str) -> None:
    """End a goal, and what is not finished of it.

    With --json: {"goal": as `ls` has it, "changed": false when it was over}
    """
    state = session()
    with state.open() as app:
        handle = app.agents.goals.get(goal_id)
        changed = handle.cancel(reason)
        told = goal_dict(handle.record)
    if state.json:
        state.emit({"goal": told, "changed": changed})
    else:
        click.echo(f"{goal_id} is {told['status'].lower()}" + ("" if changed else " already"))


def _tell(state: Session, handle: AnyGoal, *, created: bool = False) -> None:
    if state.json:
        state.emit({"goal": goal_dict(handle.record)})
    elif created:
        click.echo(handle.task_id)
        state.note(handle.why())
    else:
        click.echo(f"{handle.task_id}: {printable(handle.why())}")
