"""What `doctor` looks at over `--url`: the server, the token, and whether work is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from offhours import __version__
from offhours.cli.checks import FAIL, OK, WARN, Check
from offhours.cli.checks_db import held, workers
from offhours.cli.codes import CommandError
from offhours.cli.remote.app import RemoteApp
from offhours.cli.session import Session
from offhours.core.times import SECOND, parse_moment, spoken

APART = 5 * SECOND


def server(state: Session) -> Iterator[Check]:
    """All that a server tells of itself and of its work."""
    try:
        with state.open() as app:
            assert isinstance(app, RemoteApp)
            yield from _all(app)
    except CommandError as error:
        message, _, remedy = str(error).partition("; ")
        yield Check("server", FAIL, message, remedy)


def _all(app: RemoteApp) -> Iterator[Check]:
    holder = app.session()
    yield _version(app)
    yield Check("token", OK, f"of {holder['name']}, may {holder['scope']}")
    told, now = app.overview(), app.clock.micros()
    yield _clock(abs(parse_moment(told["at"]) - now))
    yield _health(told["health"])
    yield workers(app, now)
    yield held(app)
    yield _alerts(told["alerts"])


def _version(app: RemoteApp) -> Check:
    theirs = app.version()
    where = f"{app.store.name} answers, Offhours {theirs}"
    if theirs == __version__:
        return Check("server", OK, where)
    return Check(
        "server", WARN, f"{where}; here is {__version__}", "install the same version in both places"
    )


def _clock(apart: int) -> Check:
    if apart > APART:
        told = f"the server's is {spoken(apart)} off from here"
        return Check("clock", WARN, told, "set both by NTP: lengths of time are told wrongly")
    return Check("clock", OK, "as the server's")


def _health(health: dict[str, Any]) -> Check:
    status = {"ok": OK, "idle": OK}.get(health["state"], WARN)
    remedy = "" if status == OK else "look at the workers' logs; start one: offhours worker FILE.py"
    return Check("work", status, health["sentence"], remedy)


def _alerts(count: int) -> Check:
    if count:
        return Check("alerts", WARN, f"{count} are open", "offhours alerts tells which")
    return Check("alerts", OK, "none is open")
