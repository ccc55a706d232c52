"""Puts the application together: routes, and the layers around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from offhours import __version__
from offhours.api.audit import Audit
from offhours.api.auth import Authentication
from offhours.api.backlog import backlog
from offhours.api.bodies import Bodies
from offhours.api.context import Server
from offhours.api.description import describe
from offhours.api.documented import telemetry as documented_telemetry
from offhours.api.documented import training as documented_training
from offhours.api.guard import Guard
from offhours.api.idempotency import Idempotency
from offhours.api.limits import Limits
from offhours.api.live import Hub
from offhours.api.operations import Operations
from offhours.api.overview import Shared, overview
from offhours.api.page import Page
from offhours.api.places import DASHBOARD, LOOPBACK
from offhours.api.problems import Problem, answer
from offhours.api.routes import (
    alerts,
    approvals,
    budgets,
    deferrals,
    dumps,
    events,
    figures,
    flows,
    goals,
    health,
    house,
    jobs,
    many_jobs,
    notifications,
    operations,
    optimizer,
    recorder,
    runs,
    schedules,
    search,
    session,
    steering,
    templates,
    training,
)
from offhours.api.routes import overview as overviews
from offhours.api.sessions import Sessions
from offhours.api.tokens import Tokens, new_token
from offhours.core.errors import OffhoursError

if TYPE_CHECKING:
    from offhours.api.documented.telemetry import TaskSchedulerTelemetry
    from offhours.api.documented.training import TrainingScheduler
    from offhours.app import Offhours

ROUTERS: Sequence[APIRouter] = (
    session.router,
    jobs.router,
    many_jobs.router,
    runs.router,
    events.router,
    overviews.router,
    schedules.router,
    templates.router,
    steering.router,
    flows.router,
    approvals.router,
    alerts.router,
    notifications.router,
    dumps.router,
    recorder.router,
    training.router,
    optimizer.router,
    figures.router,
    deferrals.router,
    goals.router,
    budgets.router,
    search.router,
    house.router,
    health.router,
    operations.router,
)

_ANSWERED: tuple[Any, ...] = (
    OffhoursError, Problem, RequestValidationError, HTTPException, Exception,
)  # fmt: skip


def make_app(
    app: Offhours,
    *,
    token: str | None = None,
    hosts: Collection[str] = LOOPBACK,
    limits: Limits | None = None,
    page: Path | None = DASHBOARD,
    training: TrainingScheduler | None = None,
    task_scheduler: TaskSchedulerTelemetry | None = None,
) -> FastAPI:
    """An ASGI application that serves `app`: by itself, or mounted into another one.

    token: allows everything; without one a new one is made, `made.state.token` tells it. Who mounts
        it into another application awaits `made.state.close()` at the end: nobody else does
    hosts: names under which the server may be asked ("*": any; whoever mounts it checks them)
    limits: what one client may cost
    page: the folder of the page's files, or None for none
    training: a `SchedulerManager`, to be asked at `/api/scheduler`
    task_scheduler: a `TaskSchedulerService`, to be asked at `/v1/telemetry/task-scheduler`

    >>> from offhours.testing import memory_app
    >>> made = make_app(memory_app(), token="oh_secret")
    >>> made.title
    'Offhours'
    """
    own = token or new_token()
    server = _server(app, own, limits or Limits())
    made = FastAPI(
        title="Offhours",
        version=__version__,
        summary="Background work that stays out of the way, loses nothing, and says why.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
        redirect_slashes=False,
    )
    made.state.token = own
    made.state.close = server.close
    made.state.offhours = server
    for router in ROUTERS:
        _add_routes(made, router)
    _add_documented(made, "training", training, documented_training.router)
    _add_documented(made, "task_scheduler", task_scheduler, documented_telemetry.router)
    describe(made)
    if page is not None:
        made.router.routes.append(Page(page))
    for kind in _ANSWERED:
        made.add_exception_handler(kind, answer)
    _add_layers(made, server, hosts)
    return made


def _server(app: Offhours, token: str, limits: Limits) -> Server:
    sessions = Sessions(app.clock, app.store.location, token)
    return Server(
        app=app,
        authentication=Authentication(
            tokens=Tokens(app.store.access, app.clock, token),
            sessions=sessions,
            limits=limits,
            clock=app.clock,
        ),
        sessions=sessions,
        hub=Hub(app.store, limits.streams, limits.backlog),
        operations=Operations(app.store.access, app.clock, lambda: app.bulk),
        limits=limits,
        overview=Shared(lambda: overview(app), app.clock),
        depths=Shared(lambda: backlog(app.store, app.clock.micros()), app.clock, seconds=5),
        minutes=Shared(app.monitor.minutes, app.clock, seconds=1),
    )


@asynccontextmanager
async def _life(made: FastAPI) -> AsyncIterator[None]:
    server: Server = made.state.offhours
    on_start = getattr(made.state, "on_start", None)
    if on_start is not None:
        on_start()
    server.operations.take_up()
    yield
    await server.close()


def _add_routes(made: FastAPI, router: APIRouter) -> None:
    """Not included: that would make each of the routes anew."""
    made.router.routes.extend(router.routes)


def _add_documented(made: FastAPI, name: str, given: object, router: APIRouter) -> None:
    """The routes of a document, if there is what they ask: handed in, or put on the app."""
    face = given or made.state.offhours.app.attached.get(name)
    if face is not None:
        setattr(made.state, name, face)
        _add_routes(made, router)


def _add_layers(made: FastAPI, server: Server, hosts: Collection[str]) -> None:
    """The last one added is the first one asked."""
    store, clock = server.app.store, server.app.clock
    made.add_middleware(Idempotency, access=store.access, clock=clock)
    made.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=5)
    made.add_middleware(Audit, store=store, clock=clock)
    made.add_middleware(Bodies, limits=server.limits)
    made.add_middleware(server.authentication.layer)
    made.add_middleware(Guard, hosts=hosts)
