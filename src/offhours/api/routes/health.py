"""`/healthz`, `/readyz` and `/metrics`: for those who look after the process."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from fastapi.responses import PlainTextResponse

from offhours.api.auth import Reader
from offhours.api.context import Here
from offhours.api.overview import health
from offhours.api.problems import TITLES
from offhours.api.shapes import Shape, problems

router = APIRouter(tags=["health"])


class Alive(Shape):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Shape):
    """Whether work is done. No names: this address wants no token."""

    status: Literal["ok", "idle", "no_worker", "stuck"]


@router.get("/healthz", summary="Whether the process answers")
async def healthz() -> Alive:
    """For a supervisor: no answer means restart."""
    return Alive()


@router.get(
    "/readyz",
    summary="Whether work is done",
    responses={503: {"model": Ready, "description": "Alive, but consuming nothing."}},
)
def readyz(here: Here, response: Response) -> Ready:
    """503 when jobs are ready and no worker lives, or workers live and nothing starts for 60 s."""
    state = health(here.app, here.now())["state"]
    if state in ("stuck", "no_worker"):
        response.status_code = 503
    return Ready(status=state)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    summary="Figures for Prometheus",
    responses=problems(),
)
def metrics(here: Here, who: Reader) -> Response:
    """Prometheus' text format. Give it the token as `authorization` of the scrape job."""
    from offhours.telemetry.metrics import CONTENT_TYPE

    return Response(here.app.metrics(), media_type=CONTENT_TYPE)


@router.get(
    "/problems/{code}", response_class=PlainTextResponse, summary="What a problem's code means",
    responses=problems(),
)  # fmt: skip
async def problem(code: Annotated[str, Path(max_length=64)]) -> str:
    """What `type` of a problem leads to."""
    return f"{TITLES.get(code) or code.replace('_', ' ')}\n"
