"""`notify`: which routes there are, whether they work, and what went by them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.lazy import Entry, LazyGroup
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.cli.views import DELIVERY_HEADERS, delivery_rows
from offhours.core.notices import SEVERITIES, DeliveryState
from offhours.notify.route import Route
from offhours.views import delivery_dict

if TYPE_CHECKING:
    from offhours.notify.notifications import Notifications
    from offhours.notify.notifier import Trial

SECTIONS = {
    "Ask": {
        "ls": Entry("offhours.cli.notify:ls", "The routes."),
        "recent": Entry("offhours.cli.notify:recent", "The newest messages, with their state."),
        "test": Entry("offhours.cli.notify:test", "Send a test message now."),
    },
}
_file = click.option(
    "--file", metavar="FILE.py", help="The app of this file, instead of the configuration."
)
_app = click.option("--app", "app_name", metavar="NAME", help="Which app, if FILE has many.")


@click.group(cls=LazyGroup, sections=SECTIONS, aliases={}, invoke_without_command=True)
@common
@click.pass_context
def notify(ctx: click.Context) -> None:
    """Notifications: routes of the configuration's section `notify`, or of a file's app."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@click.command()
@_file
@_app
@json_option
@common
def ls(file: str | None, app_name: str | None) -> None:
    """List the routes: what each tells, by which channel, and how often.

    \b
    With --json: {"routes": [{"name", "channel", "tells", "severity", "wait",
    "every", "quiet", "timezone"}...]}
    """
    state = session()
    if file is None:
        state.check_here()
    with _notifications(file, app_name) as notifications:
        told = [_route_dict(route) for route in notifications.routes.values()]
    if state.json:
        state.emit({"routes": told})
    elif told:
        rows = [[str(one[key] or "") for key in _COLUMNS] for one in told]
        state.table([key.upper() for key in _COLUMNS], rows)
    else:
        state.note(_no_routes(file))


@click.command()
@click.argument("name", metavar="[ROUTE]", required=False)
@_file
@_app
@json_option
@common
def test(name: str | None, file: str | None, app_name: str | None) -> int:
    """Send a test message by one route, or by all, now and once; 1 when one fails.

    \b
    With --json: {"routes": {NAME: {"ok", "seconds", "error", "note"}...}}
    """
    state = session()
    trials = _tried(name) if state.url and file is None else _tried_here(name, file, app_name)
    if state.json:
        state.emit({"routes": {key: asdict(trial) for key, trial in trials.items()}})
    else:
        for key, trial in trials.items():
            said = trial.error or trial.note
            outcome = "sent" if trial.ok else "failed"
            told = f"{key}: {outcome} in {trial.seconds:.1f} s{': ' if said else ''}{said}"
            click.echo(printable(told))
    return Exit.OK if all(trial.ok for trial in trials.values()) else Exit.FAILED


def _tried_here(name: str | None, file: str | None, app_name: str | None) -> dict[str, Trial]:
    with _notifications(file, app_name) as notifications:
        if not notifications.routes:
            raise CommandError(_no_routes(file), Exit.NOT_FOUND, "no_routes")
        return notifications.test(name)


def _tried(name: str | None) -> dict[str, Trial]:
    """By the routes of a server's process."""
    from offhours.app import Offhours
    from offhours.notify.notifier import Trial

    with session().open() as app:
        assert not isinstance(app, Offhours)
        return {key: Trial(**told) for key, told in app.test_notifications(name).items()}


@click.command()
@limit_option(20)
@click.option(
    "--state", "wanted", type=click.Choice([each.value for each in DeliveryState]),
    help="Only those that are waiting, sent, or failed for good.",
)  # fmt: skip
@json_option
@common
def recent(limit: int, wanted: str | None) -> None:
    """The newest messages in the database, of all processes, and what became of each.

    \b
    With --json: {"deliveries": [{"id", "route", "kind", "subject", "state",
    "attempt", "created_at", "next_at", "finished_at", "error"}...]}
    """
    state = session()
    with state.open() as app:
        chosen = None if wanted is None else DeliveryState(wanted)
        found, now = app.store.notices.deliveries(chosen, limit), app.clock.micros()
        where = app.store.name
    if state.json:
        state.emit({"deliveries": [delivery_dict(each) for each in found]})
    elif found:
        state.table(DELIVERY_HEADERS, delivery_rows(found, now))
    else:
        state.note(f"no messages in {where}")


_COLUMNS = ("name", "channel", "tells", "severity", "wait", "every", "quiet", "timezone")


def _route_dict(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        "channel": repr(route.channel),
        "tells": ", ".join(kind for rule in route.rules for kind in rule.on),
        "severity": min((rule.severity for rule in route.rules), key=SEVERITIES.index),
        "wait": str(route.wait),
        "every": str(route.every),
        "quiet": route.quiet,
        "timezone": route.timezone,
    }


@contextmanager
def _notifications(file: str | None, app_name: str | None) -> Iterator[Notifications]:
    """Those of a file's app, or routes of the configuration on a store of this command's own."""
    from offhours.app import Offhours
    from offhours.cli.loading import load_app
    from offhours.notify.configured import Configured
    from offhours.sources.configuration import read

    if file is not None:
        with closing(load_app(file, app_name)[1]) as app:
            yield app.notify()
        return
    found = read()
    with closing(Offhours(":memory:", executor="inline")) as app:
        yield app.notify(Configured(found.section("notify"), found.settings["timezone"].value))


def _no_routes(file: str | None) -> str:
    where = "the section `notify` of the configuration" if file is None else file
    return f"no routes in {where}; see docs/notifications.md, or name a file with --file"
