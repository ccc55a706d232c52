"""How `up` serves the page and the API: on this machine, behind a token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from offhours.cli.options import together
from offhours.cli.remote.address import LOOPBACK, TOKEN, token_in
from offhours.cli.session import Session

if TYPE_CHECKING:
    from offhours.api.serving import ApiServer
    from offhours.app import Offhours

PORT = 8787
SHORTEST_TOKEN = 22  # characters of 6 bits: 128 bits and more


class Serving(NamedTuple):
    """Where to serve, to whom, and behind which token (None: a new one)."""

    host: str
    port: int | None
    public: bool
    token_file: Path | None
    hosts: tuple[str, ...]


serving_options = together(
    click.option("--server/--no-server", default=True, help="Serve the page and the API."),
    click.option(
        "--port", type=click.IntRange(0, 65535),
        help=f"Its port [{PORT}, or a free one when that is taken; 0: any free one].",
    ),
    click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen."),
    click.option(
        "--public", is_flag=True,
        help="Other machines may reach it; needs a token of your own, and TLS before it.",
    ),
    click.option(
        "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"The server's token is in this file, else in {TOKEN}, else it is new.",
    ),
    click.option(
        "--allow-host", "hosts", multiple=True, metavar="NAME",
        help="A further name under which the server may be asked.",
    ),
)  # fmt: skip


@contextmanager
def served(state: Session, app: Offhours, wanted: Serving | None) -> Iterator[None]:
    """Serve while the block runs, and say where."""
    if wanted is None:
        yield
        return
    token = _token(wanted)
    _check_public(app, wanted, token)
    server = _start(app, wanted, token)
    told = f"{server.url} (the token is that of {_source(wanted)})" if token else server.link
    state.note(f"page and API at {told}")
    try:
        yield
    finally:
        server.close()


def _start(app: Offhours, wanted: Serving, token: str | None) -> ApiServer:
    from offhours.api.serving import ApiServer

    def serve(port: int) -> ApiServer:
        return ApiServer(app, host=wanted.host, port=port, token=token, hosts=wanted.hosts)

    try:
        return serve(PORT if wanted.port is None else wanted.port)
    except OSError as error:
        if wanted.port is None:
            return serve(0)
        raise click.UsageError(f"--port {wanted.port}: {error.strerror}") from error


def _token(wanted: Serving) -> str | None:
    if wanted.token_file is not None:
        token = token_in(wanted.token_file, "--token-file")
    else:
        token = os.environ.get(TOKEN, "").strip()
        if not token:
            return None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise click.UsageError(
            f"the token of {_source(wanted)} could be guessed; take at least {SHORTEST_TOKEN} "
            "random characters: offhours token create"
        )
    return token


def _source(wanted: Serving) -> str:
    return TOKEN if wanted.token_file is None else str(wanted.token_file)


def _check_public(app: Offhours, wanted: Serving, token: str | None) -> None:
    """Nobody opens a port to others by accident."""
    if wanted.host in LOOPBACK:
        return
    if not wanted.public:
        raise click.UsageError(
            f"--host {wanted.host}: other machines could reach it; say so with --public"
        )
    now = app.clock.micros()
    if token is None and not any(
        each.revoked_at is None and (each.expires_at is None or now < each.expires_at)
        for each in app.store.access.tokens()
    ):
        raise click.UsageError(
            f"--public needs a token of your own: set {TOKEN}, give --token-file, or make one "
            "with: offhours token create"
        )
