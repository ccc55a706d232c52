"""`alerts`: what is wrong, and who looks after it."""

from __future__ import annotations

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.ids import parse_id
from offhours.cli.options import LONGEST_PAGE, limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.views import ALERT_HEADERS, alert_rows
from offhours.core.notices import AlertState
from offhours.monitor.callbacks import alert_data


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Those that are resolved, too.")
@limit_option(20)
@json_option
@common
@click.pass_context
def alerts(ctx: click.Context, everything: bool, limit: int) -> None:
    """List what is wrong, the newest first.

    \b
    With --json: {"alerts": [{"id", "rule", "subject", "severity", "state",
    "message", "value", "threshold", "seen", "fired_at", "seen_at",
    "acknowledged_at", "acknowledged_by", "resolved_at"}...]}

    \b
    Example:
      offhours alerts ack 3 --by ann
    """
    if ctx.invoked_subcommand is not None:
        return
    state = session()
    with state.open() as app:
        notices, now = app.store.notices, app.clock.micros()
        if everything:
            found = notices.alerts(limit=limit)
        else:
            firing = notices.alerts(AlertState.FIRING, limit)
            known = notices.alerts(AlertState.ACKNOWLEDGED, limit)
            found = sorted(firing + known, reverse=True)[:limit]
        name = app.store.name
    if state.json:
        state.emit({"alerts": [alert_data(alert) for alert in found]})
    elif found:
        state.table(ALERT_HEADERS, alert_rows(found, now))
    else:
        state.note(f"nothing is wrong on {name}" if not everything else f"no alerts on {name}")


@alerts.command()
@click.argument("alert_id", metavar="ID")
@click.option("--by", help="Who looks after it; else the user of this shell.")
@json_option
@common
def ack(alert_id: str, by: str | None) -> None:
    """Say that somebody looks after an alert. It stays open until it is well again.

    \b
    With --json: {"acknowledged": ID, "by": NAME}
    """
    state, number = session(), parse_id(alert_id)
    with state.open() as app:
        by = by or state.person(app)
        done = app.store.notices.acknowledge(number, by, app.clock.micros())
        known = {alert.id: alert.state for alert in app.store.notices.alerts(limit=LONGEST_PAGE)}
        name = app.store.name
    if not done:
        if number in known:
            raise CommandError(
                f"alert {number} is {known[number]} already", Exit.CONFLICT, "alert_not_firing"
            )
        raise CommandError(f"no alert {number} in {name}", Exit.NOT_FOUND, "alert_not_found")
    if state.json:
        state.emit({"acknowledged": number, "by": by})
    else:
        click.echo(f"{by} looks after alert {number}")
