"""`thoughts`: the inboxes of agents, looked at and seen to by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import click

from offhours.agents.telling import thought_dict
from offhours.cli.codes import CommandError, Exit
from offhours.cli.ids import parse_id
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.views import ago
from offhours.core.agents import ThoughtState
from offhours.core.times import iso, spoken

if TYPE_CHECKING:
    from offhours.agents import Thought
    from offhours.cli.remote.agents import RemoteThought
    from offhours.core.agents import StoredThought

    AnyThought: TypeAlias = Thought | RemoteThought

HEADERS = ("ID", "AGENT", "STATE", "SINCE", "TAKEN", "PROMPT")


@click.group()
@common
def thoughts() -> None:
    """What waits for agents: thoughts, which their goals, jobs and programs have left."""


@thoughts.command("ls")
@click.option("--agent", help="Those of this agent only.")
@click.option(
    "--state", "wanted", type=click.Choice([*(each.value for each in ThoughtState), "all"]),
    default="waiting", show_default=True, help="Those that stand so only.",
)  # fmt: skip
@click.option("--before", type=click.IntRange(1), metavar="ID",
              help="The smallest ID of the page before.")  # fmt: skip
@limit_option(20)
@json_option
@common
def list_thoughts(agent: str | None, wanted: str, before: int | None, limit: int) -> None:
    """List thoughts, the newest first, without taking them.

    \b
    With --json: {"thoughts": [{"id", "agent", "state", "prompt", "goal", "origin", "created_by",
    "note", "thread", "delivery", "schedule", "job", "handler_job", "created_at", "visible_at",
    "expires_at", "closed_at", "taken", "snoozes", "answer"}...]}
    """
    state = session()
    with state.open() as app:
        chosen = None if wanted == "all" else wanted
        found = app.agents.thoughts.page(agent, chosen, before, limit)
        now, where = app.clock.micros(), app.store.name
    if state.json:
        state.emit({"thoughts": [thought_dict(each) for each in found]})
    elif found:
        rows = [
            (str(t.id), t.agent, _state(t, now), ago(t.created_at, now),
             str(t.taken), t.prompt)
            for t in found
        ]  # fmt: skip
        state.table(HEADERS, rows)
    else:
        whose = f" of {agent}" if agent else ""
        state.note(f"no {'' if wanted == 'all' else wanted + ' '}thoughts{whose} in {where}")


def _state(thought: StoredThought, now: int) -> str:
    if thought.state == ThoughtState.WAITING and thought.visible_at > now:
        return f"{'snoozed' if thought.snoozes else 'taken'}, {spoken(thought.visible_at - now)}"
    return str(thought.state)


@thoughts.command()
@click.argument("thought_id", metavar="ID")
@click.option("--answer", help="What came of it; kept with it.")
@json_option
@common
def ack(thought_id: str, answer: str | None) -> None:
    """Say that a thought was seen to: it does not come again.

    With --json: {"acknowledged": ID}
    """
    state, number = session(), parse_id(thought_id)
    with state.open() as app:
        thought = app.agents.thoughts.get(number)
        if not thought.acknowledge(answer):
            raise _closed(thought)
    if state.json:
        state.emit({"acknowledged": number})
    else:
        click.echo(f"thought {number} is acknowledged")


@thoughts.command()
@click.argument("thought_id", metavar="ID")
@click.argument("until", metavar="UNTIL")
@json_option
@common
def snooze(thought_id: str, until: str) -> None:
    """Have a thought shown again at a time, or after one: UNTIL is 2h, 14:00 or a moment.

    With --json: {"snoozed": ID, "until": TIME}
    """
    state, number = session(), parse_id(thought_id)
    with state.open() as app:
        thought = app.agents.thoughts.get(number)
        if not thought.snooze(until):
            raise _closed(thought)
        shown = iso(app.agents.thoughts.get(number).record.visible_at)
    if state.json:
        state.emit({"snoozed": number, "until": shown})
    else:
        click.echo(f"thought {number} comes again at {shown[:19]}Z")


def _closed(thought: AnyThought) -> CommandError:
    return CommandError(
        f"thought {thought.id} is {thought.state} already", Exit.CONFLICT, "thought_closed"
    )
