"""`schedule show`: everything about one schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from offhours.cli import complete
from offhours.cli.schedules.find import schedule_of
from offhours.cli.schedules.views import explain_lines, moment, outcome, title
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable, to_json
from offhours.core.times import parse_moment, spoken
from offhours.schedules import delays_dict, schedule_dict

if TYPE_CHECKING:
    from offhours.cli.remote import AnySchedule
    from offhours.core.schedules import Delays

_SHOWN_APART = ("id", "name", "task", "text", "plan", "status", "reason", "next_at", "due_at")


@click.command()
@click.argument("key", metavar="ID|NAME", shell_complete=complete.schedules)
@click.option(
    "--fires",
    "limit",
    type=click.IntRange(0, 500),
    default=10,
    show_default=True,
    help="How many of its last fires.",
)
@json_option
@common
def show(key: str, limit: int) -> None:
    """All about one schedule: what it means, when it fires next or why it does not, its policies,
    how late its jobs were made, and what came of its last fires.

    \b
    With --json: {"schedule": schedule, "explain": as `preview` has it,
                  "why": {"code", "sentence", "until"},
                  "delays": {"fires", "mean_ms", "p99_ms", "max_ms", "on_time"} or null,
                  "fires": [{"schedule", "instant", "job", "code", "reason", "at",
                             "delay_ms", "state"}...]}
    a schedule has: "id", "name", "task", "text", "timezone", "plan", "status",
      "reason", "next_at", "due_at", "last_at", "last_job", "runs", "skipped",
      "failures", "catch_up", "overlap", "jitter_ms", "blackout", "expires_ms",
      "max_runs", "disable_after", "priority", "queue", "arguments", "metadata",
      "revision", "created_at", "updated_at"

    \b
    Example:
      offhours schedule show nightly
    """  # fmt: skip
    state = session()
    with state.open() as app:
        handle = schedule_of(app, key)
        told, because, explained = schedule_dict(handle.record), handle.why(), handle.explain()
        late, fires = handle.delays(), app.schedules.results(handle.record, limit)
        now = app.clock.micros()
        if state.json:
            state.emit(
                {
                    "schedule": told,
                    "explain": explained.to_dict(),
                    "why": because.to_dict(),
                    "delays": None if late is None else delays_dict(late),
                    "fires": fires,
                }
            )
            return
        click.secho(
            f"{title(handle.record)}, {printable(told['task'])}: {told['status']}", bold=True
        )
        click.echo(printable(because.sentence))
        click.echo(f"{printable(explained.sentence)}{_as_written(told, explained.sentence)}")
        for line in explain_lines(explained, now):
            click.echo(line)
        for name, value in told.items():
            if name not in _SHOWN_APART and value not in (None, 0, []):
                shown = to_json(value) if isinstance(value, dict | list) else printable(value)
                click.echo(f"  {name:<13}  {shown}")
        if late is not None:
            click.echo(f"  {'delays':<13}  {_delays(late)}")
        _tell_fires(handle, fires)


def _as_written(told: dict[str, Any], sentence: str) -> str:
    return "" if told["text"] == sentence else f" (written: {printable(told['text'])})"


def _tell_fires(handle: AnySchedule, fires: list[dict[str, Any]]) -> None:
    plan = handle.plan
    if fires:
        click.secho("last fires", bold=True)
    for fire in fires:
        at = moment(parse_moment(fire["instant"]), plan.timezone, plan.zone)
        click.echo(f"  {at}  {printable(outcome(fire))}")


def _delays(late: Delays) -> str:
    return (
        f"{late.fires} jobs, {late.on_time:.0%} within a second; mean {spoken(late.mean)}, "
        f"p99 {spoken(late.p99)}, longest {spoken(late.most)}"
    )
