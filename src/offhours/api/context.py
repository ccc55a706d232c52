"""What the routes work with: one object for a server, handed to each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from offhours.api.auth import Authentication
from offhours.api.limits import Limits
from offhours.api.live import Hub
from offhours.api.operations import Operations
from offhours.api.overview import Shared
from offhours.api.sessions import Sessions
from offhours.core.times import Micros

if TYPE_CHECKING:
    from offhours.app import Offhours


@dataclass(frozen=True, slots=True)
class Server:
    """An app over HTTP."""

    app: Offhours
    authentication: Authentication
    sessions: Sessions
    hub: Hub
    operations: Operations
    limits: Limits
    overview: Shared[dict[str, Any]]
    depths: Shared[dict[str, Any]]
    minutes: Shared[dict[str, Any]]

    def now(self) -> Micros:
        """The app's time."""
        return self.app.clock.micros()

    async def close(self) -> None:
        """End what listens, and begin no more long actions."""
        await self.hub.close()
        self.operations.close()


async def server_of(connection: HTTPConnection) -> Server:
    """The server that a request has come to."""
    server: Server = connection.app.state.offhours
    return server


Here = Annotated[Server, Depends(server_of)]
