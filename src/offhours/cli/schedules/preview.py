"""`schedule preview`: what a phrase means, without a database."""

from __future__ import annotations

import click

from offhours.cli.schedules.phrase import understood
from offhours.cli.schedules.views import explain_lines
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.core.clock import SystemClock
from offhours.core.explain import explain
from offhours.core.phrases import parse
from offhours.core.times import to_datetime


@click.command()
@click.argument("when", metavar="WHEN")
@click.option("--timezone", metavar="ZONE", default="UTC", show_default=True)
@click.option("--yes", is_flag=True, help="Ask nothing: what is ambiguous is refused.")
@json_option
@common
def preview(when: str, timezone: str, yes: bool) -> None:
    """What WHEN means: as a sentence, as cron, and as its next five fires. Stores nothing.

    \b
    With --json: {"sentence", "expressions", "timezone", "fires", "notes", "warnings"}

    \b
    Example:
      offhours schedule preview "last friday of the month at 17:00" --timezone Europe/Berlin
    """
    state = session()
    when = understood(state, when, timezone, ask=not yes)
    now = SystemClock().micros()
    told = explain(parse(when, to_datetime(now), timezone), now)
    if state.json:
        state.emit(told.to_dict())
        return
    click.secho(printable(told.sentence), bold=True)
    for line in explain_lines(told, now):
        click.echo(line)
