"""Offhours in FastAPI and Starlette: `lifespan`, `CurrentApp`, `ForegroundMiddleware`, `mount`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from offhours.api.factory import make_app
from offhours.api.places import LOOPBACK
from offhours.app import Offhours
from offhours.core.errors import NotStarted
from offhours.core.times import Duration
from offhours.integrations.in_front import LINGER, WORKFLOW, InFront

if TYPE_CHECKING:
    from fastapi import FastAPI

Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]

_STATE = "offhours_app"


def lifespan(app: Offhours, own: Lifespan | None = None, *, work: bool = True) -> Lifespan:
    """A lifespan that starts `app` with the server, and drains it at the end.

    own: your lifespan, which runs inside of it
    work: False to only submit: other processes work

    >>> import asyncio
    >>> from offhours.testing import memory_app
    >>> host = Starlette(lifespan=lifespan(memory_app()))
    >>> async def serve() -> bool:
    ...     async with host.router.lifespan_context(host):
    ...         return app_of(host).running
    >>> asyncio.run(serve())
    True
    """

    @asynccontextmanager
    async def together(host: Starlette) -> AsyncIterator[Mapping[str, Any] | None]:
        setattr(host.state, _STATE, app)
        try:
            if work:
                await asyncio.to_thread(app.start)
            async with nullcontext() if own is None else own(host) as state:
                yield state
        finally:
            for _, made in _mounted(host):
                await made.state.close()
            if work:
                await asyncio.to_thread(app.stop)

    return together


def app_of(host: Starlette) -> Offhours:
    """The app that the lifespan of a host has; `NotStarted` when it has none."""
    found: Offhours | None = getattr(host.state, _STATE, None)
    if found is None:
        raise NotStarted("this application has no Offhours: FastAPI(lifespan=lifespan(app))")
    return found


async def current_app(connection: HTTPConnection) -> Offhours:
    """A dependency: the app that the lifespan of this application has."""
    return app_of(connection.app)


CurrentApp = Annotated[Offhours, Depends(current_app)]


def mount(
    host: Starlette,
    app: Offhours,
    path: str = "/ops",
    *,
    hosts: Collection[str] = (),
    **options: Any,
) -> FastAPI:
    """Serve the page and the REST API below a prefix of a host; the application that does.

    hosts: names under which it may be asked, besides those of this machine's loopback
    options: those of `offhours.api.make_app`. With several processes give `token`: one for all
    """
    made = make_app(app, hosts={*LOOPBACK, *hosts}, **options)
    host.mount(path, made)
    return made


class ForegroundMiddleware:
    """Holds background work back while requests are answered; see `InFront` for how cheaply.

    exclude: prefixes of paths that are in nobody's way, such as "/healthz" or an endless stream;
        what `mount` serves never counts, and neither do WebSockets
    workflow, linger: as `InFront` has them

        host.add_middleware(ForegroundMiddleware, app=app, exclude=["/healthz"])
    """

    def __init__(
        self,
        host: ASGIApp,
        app: Offhours,
        exclude: Collection[str] = (),
        workflow: str = WORKFLOW,
        linger: Duration = LINGER,
    ) -> None:
        self._host = host
        self._excluded: tuple[str, ...] | None = None
        self._exclude = exclude
        self.in_front = InFront(app, workflow, linger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._passes(scope):
            await self._host(scope, receive, send)
            return
        with self.in_front:
            await self._host(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        excluded = self._excluded
        if excluded is None:  # all is mounted when the first request comes
            mounted = [f"{path}/" for path, _ in _mounted(scope["app"])]
            excluded = self._excluded = (*self._exclude, *mounted)
        path: str = scope["path"]
        return path.removeprefix(scope.get("root_path", "")).startswith(excluded)


def _mounted(host: Starlette) -> list[tuple[str, FastAPI]]:
    """Where our page is mounted."""
    return [
        (route.path, route.app)  # type: ignore[misc]
        for route in host.routes
        if isinstance(route, Mount) and hasattr(getattr(route.app, "state", None), "offhours")
    ]
