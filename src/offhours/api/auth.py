"""Who asks: bearer tokens and the page's sessions; how often; and what each may do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from offhours.api.guard import host_name
from offhours.api.limits import Limits
from offhours.api.problems import Problem
from offhours.api.rates import Buckets
from offhours.api.sessions import Session, Sessions, is_ours
from offhours.api.tokens import Principal, Tokens, digest_of
from offhours.core.access import Scope
from offhours.core.clock import Clock

SESSION = "/api/v1/session"
# Who asks, as the application says that we are mounted in: a `Principal`. No client can set it.
VOUCHED = "offhours.holder"
_GUARDED = ("/api/", "/v1/", "/metrics", "/openapi.json")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Authentication:
    """Finds out who asks before a byte of the body is read; 401 for nobody."""

    def __init__(self, *, tokens: Tokens, sessions: Sessions, limits: Limits, clock: Clock) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._bad = Buckets(clock, limits.bad_tokens / 60, limits.bad_tokens)
        self._rates = Buckets(clock, limits.rate, limits.burst)

    def forget(self) -> None:
        """Ask the store about every token again."""
        self._tokens.forget()

    def layer(self, app: ASGIApp) -> ASGIApp:
        """Put it before an application."""

        async def ask_first(scope: AsgiScope, receive: Receive, send: Send) -> None:
            await self._check(scope)
            await app(scope, receive, send)

        return ask_first

    async def _check(self, scope: AsgiScope) -> None:
        if scope["type"] in ("http", "websocket") and is_guarded(scope):
            connection = HTTPConnection(scope)
            if not _asks_for_session(scope):
                scope["principal"] = principal = await self._identify(connection)
                wait = self._rates.take(f"{principal.name}/{principal.tenant}")
                if wait:
                    raise _too_many(wait, "requests")
            else:
                _check_origin(connection)

    async def _identify(self, connection: HTTPConnection) -> Principal:
        told = connection.headers.get("authorization")
        if told is not None:
            kind, _, token = told.partition(" ")
            if kind.lower() != "bearer" or not token.strip():
                raise _refused("no_token", "expected Authorization: Bearer oh_...")
            return await self.identify(connection, token.strip())
        session = self.session(connection)
        if session is None:
            raise _refused("no_token", "this address wants a token")
        self._check_page(connection, session)
        scope = connection.scope
        scope["by_page"] = True
        if VOUCHED in scope:
            holder: Principal = scope[VOUCHED]
            return holder
        return await self._holder(connection, session.digest)

    def session(self, connection: HTTPConnection) -> Session | None:
        """The session of a browser: of the one that our host vouches for, else of the cookie."""
        holder: Principal | None = connection.scope.get(VOUCHED)
        if holder is not None:
            return self._sessions.vouched(holder.name)
        key = connection.cookies.get(self._sessions.cookie)
        return None if key is None else self._sessions.find(key)

    async def identify(self, connection: HTTPConnection, token: str) -> Principal:
        """The holder of a token. Wrong ones from one address have to wait, right ones never."""
        return await self._holder(connection, digest_of(token))

    async def _holder(self, connection: HTTPConnection, digest: str) -> Principal:
        found = self._tokens.known(digest)
        if found is not None:
            return found
        found = await asyncio.to_thread(self._tokens.find, digest)
        if found is None:
            wait = self._bad.take(connection.client.host if connection.client else "")
            if wait:
                raise _too_many(wait, "tokens that do not hold")
            raise _refused("bad_token", "this token does not hold")
        return found

    def _check_page(self, connection: HTTPConnection, session: Session) -> None:
        """A browser sends the cookie with whatever page asks: only ours may."""
        _check_origin(connection)
        if connection.scope["type"] == "websocket":
            if "origin" not in connection.headers:
                raise Problem(403, "csrf", "a WebSocket with a cookie must name its origin")
        elif connection.scope["method"] not in _SAFE and not is_ours(
            session, connection.headers.get("x-csrf-token", "")
        ):
            raise Problem(
                403, "csrf", "the header X-CSRF-Token is missing or wrong",
                f"GET {SESSION[1:]} tells it to our own page",
            )  # fmt: skip


def route_path(scope: AsgiScope) -> str:
    """The path below the place where we are mounted."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def is_guarded(scope: AsgiScope) -> bool:
    """Whether an address tells something, so that it wants a token."""
    return route_path(scope).startswith(_GUARDED)


def _check_origin(connection: HTTPConnection) -> None:
    origin = connection.headers.get("origin")
    if origin is None:
        return
    told = urlsplit(origin).netloc.lower()
    if told != connection.headers.get("host", "").lower():
        raise Problem(
            403, "csrf", f"a page of {host_name(told)[:100]!r} may not ask this",
            "only our own page may; programs send a bearer token and no Origin",
        )  # fmt: skip


def _asks_for_session(scope: AsgiScope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and route_path(scope) == SESSION


def _refused(code: str, detail: str) -> Problem:
    return Problem(
        401, code, detail,
        "send the token that `offhours up` printed, or one of `offhours token create`",
        headers={"WWW-Authenticate": 'Bearer realm="offhours"'},
    )  # fmt: skip


def _too_many(wait: float, what: str) -> Problem:
    seconds = max(1, ceil(wait))
    return Problem(
        429, "too_many", f"too many {what}; the next is taken in {seconds} s",
        "wait for as long as Retry-After says", headers={"Retry-After": str(seconds)},
    )  # fmt: skip


def needs(
    scope: Scope, *, tenants: bool = False
) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A dependency: the one who asks, if they may do this; `tenants` lets tenants' tokens in."""

    async def check(connection: HTTPConnection) -> Principal:  # a plain one would take a thread
        principal: Principal = connection.scope["principal"]
        if not principal.scope.includes(scope):
            raise Problem(
                403, "forbidden",
                f"this needs the scope {scope.value}; the token has {principal.scope.value}",
                f"offhours token create --scope {scope.value}",
            )  # fmt: skip
        if principal.tenant is not None and not tenants:
            raise Problem(
                403, "forbidden", "this concerns all tenants; the token is one tenant's",
                "use a token without a tenant",
            )  # fmt: skip
        return principal

    return check


Reader = Annotated[Principal, Depends(needs(Scope.READ))]
Submitter = Annotated[Principal, Depends(needs(Scope.SUBMIT))]
Operator = Annotated[Principal, Depends(needs(Scope.OPERATE))]
Admin = Annotated[Principal, Depends(needs(Scope.ADMIN))]
TenantReader = Annotated[Principal, Depends(needs(Scope.READ, tenants=True))]
TenantSubmitter = Annotated[Principal, Depends(needs(Scope.SUBMIT, tenants=True))]
TenantAdmin = Annotated[Principal, Depends(needs(Scope.ADMIN, tenants=True))]
TenantOperator = Annotated[Principal, Depends(needs(Scope.OPERATE, tenants=True))]
