"""`/session`: the page shows its token once and gets a cookie for it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from offhours.api.auth import TenantReader
from offhours.api.context import Here
from offhours.api.problems import Problem
from offhours.api.sessions import LIFE
from offhours.api.shapes import Shape, problems
from offhours.api.tokens import digest_of
from offhours.core.times import SECOND

router = APIRouter(prefix="/api/v1/session", tags=["session"], responses=problems())


class Shown(Shape):
    """A token, as it was printed."""

    token: str = Field(min_length=1, max_length=500)


class SessionShape(Shape):
    """Who asks. `csrf` goes into the header X-CSRF-Token of all that changes something."""

    name: str
    scope: Literal["read", "submit", "operate", "admin"]
    tenant: str | None
    csrf: str | None


@router.post("", status_code=201, summary="Begin a session")
async def begin(here: Here, shown: Shown, request: Request, response: Response) -> SessionShape:
    """For browsers: the answer sets a cookie that scripts cannot read."""
    principal = await here.authentication.identify(request, shown.token)
    if principal.tenant is not None:
        raise Problem(403, "forbidden", "the page is for tokens without a tenant")
    key, session = here.sessions.open(digest_of(shown.token))
    response.set_cookie(
        here.sessions.cookie,
        key,
        max_age=LIFE // SECOND,
        path=f"{request.scope.get('root_path', '')}/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return SessionShape(
        name=principal.name, scope=principal.scope.value, tenant=None, csrf=session.csrf
    )


@router.get("", summary="Who asks")
def session(here: Here, who: TenantReader, request: Request) -> SessionShape:
    """The holder of the token or session."""
    found = here.authentication.session(request)
    return SessionShape(
        name=who.name,
        scope=who.scope.value,
        tenant=who.tenant,
        csrf=None if found is None else found.csrf,
    )


@router.delete("", status_code=204, summary="End the session")
def end(here: Here, who: TenantReader, request: Request, response: Response) -> None:
    """The cookie holds no more."""
    key = request.cookies.get(here.sessions.cookie)
    if key is not None:
        here.sessions.close(key)
    response.delete_cookie(here.sessions.cookie, path=f"{request.scope.get('root_path', '')}/")
