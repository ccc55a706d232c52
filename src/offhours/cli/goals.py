"""`goal`: what agents are told when. A goal is a schedule in the name of an agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from offhours.cli import complete
from offhours.cli.calls import seconds
from offhours.cli.schedules.phrase import understood
from offhours.cli.session import Session, common, json_option, session
from offhours.cli.text import printable, printable_lines
from offhours.core.times import iso, spoken
from offhours.known_tasks import served_tasks
from offhours.views import deferral_dict

if TYPE_CHECKING:
    from offhours.agents import GoalHandle
    from offhours.app import Offhours
    from offhours.core.agents import Goal

HEADERS = ("ID", "AGENT", "STATUS", "NEXT", "WHEN", "DEFERRED", "NAME")
LONGEST_PAGE = 500


def goal_dict(goal: Goal) -> dict[str, Any]:
    """A goal as JSON answers carry it."""

    def when(moment: int | None) -> str | None:
        return None if moment is None else iso(moment)

    over = goal.status.final
    return {
        "id": goal.task_id,
        "agent": goal.agent,
        "tenant": goal.tenant,
        "name": goal.name,
        "goal": goal.goal,
        "prompt": goal.prompt,
        "origin": None if goal.origin is None else json.loads(goal.origin),
        "created_by": goal.created_by,
        "status": goal.status.value,
        "text": goal.text,
        "recurring": goal.recurring,
        "schedule": goal.schedule_id,
        "next_at": None if over else when(goal.next_at),
        "last_at": when(goal.last_at),
        "runs": goal.runs,
        "failures": goal.failures,
        "deferrals": goal.deferrals,
        "open_jobs": goal.open_jobs,
        "expires_at": when(goal.expires_at),
        "created_at": when(goal.created_at),
    }


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
    if timezone is not None:
        options["timezone"] = timezone
    if not when[:4].isdigit():  # a moment is no phrase
        when = understood(state, when, timezone or "UTC", ask=not yes)
    with state.open_here() as app:
        made = app.agent(agent).schedule(prompt, when, created_by="human", **options)
        _tell(state, made, created=True)
        _note_if_nobody_fires(state, app)


def _note_if_nobody_fires(state: Session, app: Offhours) -> None:
    from offhours.agents.room import THINK

    if THINK not in served_tasks(app):
        state.note(
            "no running worker fires goals; one whose file says app.agent(...) does: "
            "offhours up FILE.py"
        )


@goal.command("ls")
@click.option("--agent", help="Those of this agent only.")
@click.option("--limit", type=click.IntRange(1, LONGEST_PAGE), default=50, show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, metavar="N",
              help="Go on after the schedule of this number.")  # fmt: skip
@json_option
@common
def list_goals(agent: str | None, limit: int, after: int) -> None:
    """List goals, in the order in which they were made.

    \b
    With --json: {"goals": [{"id", "agent", "tenant", "name", "goal", "prompt", "origin",
    "created_by", "status", "text", "recurring", "schedule", "next_at", "last_at", "runs",
    "failures", "deferrals", "open_jobs", "expires_at", "created_at"}...]}
    """
    state = session()
    with state.open_here() as app:
        found = app.store.agents.goals(agent, after, limit)
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
    when = f"in {spoken(max(0, (goal.next_at or now) - now))}" if due else "-"
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
    with state.open_here() as app:
        handle = _goal(app, goal_id)
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
        click.echo(f"  moved at {iso(each.at)[:19]}Z to {iso(each.until)[:19]}Z: "
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
    with state.open_here() as app:
        handle = _goal(app, goal_id)
        app.schedules.get(handle.record.schedule_id).pause(reason)
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
    with state.open_here() as app:
        handle = _goal(app, goal_id)
        app.schedules.get(handle.record.schedule_id).resume()
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
    with state.open_here() as app:
        handle = _goal(app, goal_id)
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
    with state.open_here() as app:
        handle = _goal(app, goal_id)
        changed = handle.cancel(reason)
        told = goal_dict(handle.record)
    if state.json:
        state.emit({"goal": told, "changed": changed})
    else:
        click.echo(f"{goal_id} is {told['status'].lower()}" + ("" if changed else " already"))


def _goal(app: Offhours, goal_id: str) -> GoalHandle:
    from offhours.agents import GoalHandle

    handle = GoalHandle(app.agents.goals, goal_id)
    handle.record  # noqa: B018  (it is there, or this says that it is not)
    return handle


def _tell(state: Session, handle: GoalHandle, *, created: bool = False) -> None:
    if state.json:
        state.emit({"goal": goal_dict(handle.record)})
    elif created:
        click.echo(handle.task_id)
        state.note(handle.why())
    else:
        click.echo(f"{handle.task_id}: {printable(handle.why())}")
