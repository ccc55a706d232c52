"""Those who run the house: tokens, the audit log, settings."""

from __future__ import annotations

from dataclasses import fields
from datetime import tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from offhours import __version__
from offhours.api.auth import Admin, Reader
from offhours.api.context import Here
from offhours.api.problems import Problem
from offhours.api.shapes import (
    Cursor,
    Limit,
    Moment,
    Page,
    Shape,
    Span,
    Text,
    page_of,
    problems,
    read_cursor,
)
from offhours.api.tokens import digest_of, new_token
from offhours.core.access import NewToken as CoreToken
from offhours.core.access import Token
from offhours.core.addresses import public_name
from offhours.core.times import iso, parse_until
from offhours.views import audited_dict

router = APIRouter(prefix="/api/v1", responses=problems())

ScopeName = Literal["read", "submit", "operate", "admin"]


class TokenShape(Shape):
    """A token that was given out; itself it is told once, when it is made."""

    model_config = ConfigDict(title="Token", extra="forbid")

    id: int
    name: str
    scope: ScopeName
    tenant: str | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None


class MadeToken(TokenShape):
    """A token, told this once."""

    model_config = ConfigDict(title="MadeToken", extra="forbid")

    token: str


class Tokens(Shape):
    """All tokens, those that hold no more too."""

    data: list[TokenShape]


class NewToken(Shape):
    """A token to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "ci", "scope": "submit"}]}
    )
    name: Text
    scope: ScopeName = "read"
    tenant: Text | None = Field(None, description="It then reaches this tenant's jobs only.")
    expires: Span | None = Field(None, description="How long it holds, or until when.")


@router.get("/tokens", tags=["tokens"], summary="List tokens")
def tokens(here: Here, who: Admin) -> Tokens:
    """Without what they are."""
    return Tokens.model_validate({"data": [token_dict(t) for t in here.app.store.access.tokens()]})


@router.post("/tokens", tags=["tokens"], status_code=201, summary="Make a token",
             responses=problems(507))  # fmt: skip
def create(here: Here, who: Admin, new: NewToken) -> MadeToken:
    """The answer tells it once; of itself only a digest is kept."""
    now, token = here.now(), new_token()
    until = None if new.expires is None else parse_until(new.expires, now, name="expires")
    access = here.app.store.access
    kept = CoreToken(digest_of(token), new.name, new.scope, new.tenant, until)
    number = access.add_token(kept, now)
    made = Token(number, *kept[:4], now, until, None)
    return MadeToken.model_validate({**token_dict(made), "token": token})


@router.delete("/tokens/{token_id}", tags=["tokens"], status_code=204, summary="Revoke a token",
               responses=problems(404, 507))  # fmt: skip
def revoke(here: Here, who: Admin, token_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> None:
    """It holds no more, everywhere within a second."""
    if not here.app.store.access.revoke_token(token_id, here.now()):
        raise Problem(
            404, "not_found", f"no token {token_id} holds", "GET api/v1/tokens lists them"
        )
    here.authentication.forget()


def token_dict(token: Token) -> dict[str, Any]:
    """A token as JSON answers carry it."""
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "tenant": token.tenant,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "revoked_at": iso(token.revoked_at),
    }


class AuditShape(Shape):
    """Something that somebody did by hand: how it was, and how it became.

    `request` is the `X-Request-Id` of the answer. An action of `api.changed` is a request that no
    change tells, such as a job that was submitted; `became` has its method, its path and
    the job that it concerns.
    """

    model_config = ConfigDict(
        title="AuditEntry",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": 7, "at": "2026-06-01T09:00:00.000000Z", "actor": "ann",
                    "action": "limit.paused", "job": None, "was": None,
                    "became": {"scope": "queue", "name": "mail", "reason": "bounces"},
                    "face": "page", "request": "1f0c2a9be1d04c5d", "address": "127.0.0.1",
                    "tenant": None,
                }
            ]
        },
    )  # fmt: skip

    id: int
    at: Moment
    actor: str
    action: str
    job: int | None
    was: Any
    became: Any
    face: str | None = Field(description="api, page, cli or mcp; null: a program of the app.")
    request: str | None
    address: str | None
    tenant: str | None


@router.get("/audit", tags=["audit"], summary="Who did what")
def audit(
    here: Here,
    who: Reader,
    actor: Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")] = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Instead of a cursor: older than this.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditShape]:
    """The newest first, whatever the face: this API, the page, the command line, MCP, the code."""
    found = here.app.audit(read_cursor(cursor, "audit") or before, actor, limit)
    data = [audited_dict(each) for each in found]
    page = page_of(data, limit, found[-1].id if found else None, "audit")
    return Page[AuditShape].model_validate(page)


class SettingsShape(Shape):
    """The settings of the server's own process. Passwords are left out."""

    model_config = ConfigDict(title="Settings", extra="forbid")

    version: str
    database: str
    working: bool = Field(description="Whether this process runs jobs, too.")
    settings: dict[str, Any]
    sources: dict[str, str] = Field(
        description="Where each value comes from that is no default: a file or variable with its "
        'key, or "the program", which gave it to `Offhours`.'
    )


@router.get("/settings", tags=["settings"], summary="How it is configured")
def settings(here: Here, who: Admin) -> SettingsShape:
    """As they hold now, and where each comes from; durations in microseconds."""
    chosen = here.app.settings
    names = [each.name for each in fields(chosen)]
    return SettingsShape(
        version=__version__,
        database=here.app.store.name,
        working=here.app.running,
        settings={name: _shown(name, getattr(chosen, name)) for name in names},
        sources=here.app.sources,
    )


def _shown(name: str, value: Any) -> Any:
    if name == "broker":
        return public_name(value)
    return str(value) if isinstance(value, tzinfo) else value
