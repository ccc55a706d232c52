"""`token`: who may use the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.ids import parse_id
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.core.access import NewToken, Scope
from offhours.core.times import iso_second, parse_until

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp
    from offhours.core.access import Token

HEADERS = ("ID", "NAME", "SCOPE", "TENANT", "HOLDS")


@click.group()
@common
def token() -> None:
    """Tokens for the API: make, list, revoke."""


@token.command()
@click.argument("name")
@click.option(
    "--scope", type=click.Choice([each.value for each in Scope]), default="read", show_default=True,
    help="What it allows; each includes those before it.",
)  # fmt: skip
@click.option("--tenant", help="It reaches this tenant's jobs only.")
@click.option("--expires", metavar="TIME", help="How long it holds: 30d, or until when.")
@json_option
@common
def create(name: str, scope: str, tenant: str | None, expires: str | None) -> None:
    """Make a token and print it, this once: of itself only a digest is kept.

    \b
    With --json: {"id", "name", "scope", "token"}
    """
    state = session()
    with state.open(create=True) as app:
        number, made = _made(app, name, scope, tenant, expires)
    if state.json:
        state.emit({"id": number, "name": name, "scope": scope, "token": made})
    else:
        click.echo(made)


def _made(
    app: AnyApp, name: str, scope: str, tenant: str | None, expires: str | None
) -> tuple[int, str]:
    """The number of a new token, and itself: a server makes its own."""
    if session().url:
        from offhours.cli.remote.app import RemoteApp

        assert isinstance(app, RemoteApp)
        return app.make_token(name, scope, tenant, expires)
    from offhours.api.tokens import digest_of, new_token
    from offhours.app import Offhours

    assert isinstance(app, Offhours)
    now, made = app.clock.micros(), new_token()
    until = None if expires is None else parse_until(expires, now, name="--expires")
    kept = NewToken(digest_of(made), name, scope, tenant, until)
    return app.store.access.add_token(kept, now), made


@token.command()
@json_option
@common
def ls() -> None:
    """List tokens, those that hold no more too.

    \b
    With --json: {"tokens": [{"id", "name", "scope", "tenant", "holds"}...]}
    """
    state = session()
    with state.open() as app:
        found, now, name = app.store.access.tokens(), app.clock.micros(), app.store.name
    if state.json:
        state.emit(
            {
                "tokens": [
                    {
                        "id": each.id, "name": each.name, "scope": each.scope,
                        "tenant": each.tenant, "holds": _holds(each, now) not in _PAST,
                    }
                    for each in found
                ]
            }
        )  # fmt: skip
    elif found:
        state.table(
            HEADERS,
            [
                (str(e.id), printable(e.name), e.scope, printable(e.tenant or ""), _holds(e, now))
                for e in found
            ],
        )
    else:
        state.note(f"no tokens in {name}; make one with: offhours token create NAME")


_PAST = ("revoked", "expired")


def _holds(token: Token, now: int) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is None:
        return "yes"
    return f"until {iso_second(token.expires_at)}" if now < token.expires_at else "expired"


@token.command()
@click.argument("token_id", metavar="ID")
@json_option
@common
def revoke(token_id: str) -> None:
    """Let a token hold no more.

    With --json: {"revoked": ID}
    """
    state, number = session(), parse_id(token_id)
    with state.open() as app:
        done, name = app.store.access.revoke_token(number, app.clock.micros()), app.store.name
    if not done:
        raise CommandError(f"no token {number} holds in {name}", Exit.NOT_FOUND, "token_not_found")
    if state.json:
        state.emit({"revoked": number})
    else:
        click.echo(f"token {number} is revoked")
