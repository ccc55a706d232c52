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
    deferrals,
    dumps,
    events,
    figures,
    flows,
    health,
    house,
    jobs,
    many_jobs,
    notifications,
    operations,
    optimizer,
    recorder,
    schedules,
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
    house.router,
    health.router,
    operations.router,
)


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
    bounds = limits or Limits()
    tokens = Tokens(app.store.access, app.clock, own)
    sessions = Sessions(app.clock, app.store.location, own)
    hub = Hub(app.store, bounds.streams, bounds.backlog)
    acts = Operations(app.store.access, app.clock, lambda: app.bulk)

    async def close() -> None:
        await hub.close()
        acts.close()

    @asynccontextmanager
    async def lifespan(made: FastAPI) -> AsyncIterator[None]:
        on_start = getattr(made.state, "on_start", None)
        if on_start is not None:
            on_start()
        acts.take_up()
        yield
        await close()

    made = FastAPI(
        title="Offhours",
        version=__version__,
        summary="Background work that stays out of the way, loses nothing, and says why.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    authentication = Authentication(
        tokens=tokens, sessions=sessions, limits=bounds, clock=app.clock
    )
    made.state.token = own
    made.state.close = close
    made.state.offhours = Server(
        app=app,
        authentication=authentication,
        sessions=sessions,
        hub=hub,
        operations=acts,
        limits=bounds,
        overview=Shared(lambda: overview(app), app.clock),
    )
    for router in ROUTERS:  # not included: that would make each of their routes anew
        made.router.routes.extend(router.routes)
    for given, name, router in (
        (training, "training", documented_training.router),
        (task_scheduler, "task_scheduler", documented_telemetry.router),
    ):
        face = given or app.attached.get(name)
        if face is not None:
            setattr(made.state, name, face)
            made.router.routes.extend(router.routes)
    describe(made)
    if page is not None:
        made.router.routes.append(Page(page))
    kinds: tuple[Any, ...] = (
        OffhoursError, Problem, RequestValidationError, HTTPException, Exception,
    )  # fmt: skip
    for kind in kinds:
        made.add_exception_handler(kind, answer)
    # The last one added is the first one asked.
    made.add_middleware(Idempotency, access=app.store.access, clock=app.clock)
    made.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=5)
    made.add_middleware(Audit, store=app.store, clock=app.clock)
    made.add_middleware(Bodies, limits=bounds)
    made.add_middleware(authentication.layer)
    made.add_middleware(Guard, hosts=hosts)
    return made
