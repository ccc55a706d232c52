"""`openapi`: what the REST API is, for generators of clients."""

from __future__ import annotations

import json
from typing import Any

import click

from offhours.cli.session import common, session


@click.command()
@common
def openapi() -> None:
    """Print the description of the REST API (OpenAPI 3.1) as JSON; with --url, that server's.

    \b
    Example:
      offhours openapi > openapi.json
    """
    state = session()
    state.emit(_of_server() if state.url else _own())


def _of_server() -> Any:
    from offhours.cli.remote.app import RemoteApp

    with session().open() as app:
        assert isinstance(app, RemoteApp)
        return app.openapi()


def _own() -> Any:
    from offhours.api import make_app
    from offhours.app import Offhours

    app = Offhours(":memory:", executor="inline")
    try:
        return json.loads(json.dumps(make_app(app, page=None).openapi()))
    finally:
        app.close()
